import HTTPWire
import Synchronization
import TestKit
import Testing
import TicketStore
import Tickets

@testable import TicketAPI

@Suite struct ObservationTests {
    @Test func `a request is told of once, with whose it was and where its time went`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let fields = [
                ("X-Request-Id", "mine"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                ("tracestate", "a=b"),
            ]
            let reply = try await world.get("/v1/tickets/\(ticket)?", as: .carla, fields: fields)
            let noted = try #require(world.observed.answered.first { $0.requestID == "mine" })
            #expect(noted.principal?.user == Person.carla.user.id && noted.principal?.role == .customer)
            #expect(noted.route == "/v1/tickets/{id}" && noted.method == "GET" && noted.status == 200)
            #expect(noted.remoteAddress == "127.0.0.1" && noted.problem == nil)
            #expect(noted.bodyBytes == reply.body.count)
            #expect(noted.trace?.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(noted.trace?.parentID == "00f067aa0ba902b7")
            let span = try #require(noted.trace?.spanID)
            #expect(reply.fields.values("traceresponse") == ["00-4bf92f3577b34da6a3ce929d0e0e4736-\(span)-01"])
            #expect(reply.fields.first("tracestate") == nil)
            #expect(noted.database > 0)
            #expect(noted.parse + noted.database + noted.encode <= noted.microseconds)
        }
    }

    @Test func `problems are told by their type, and what HEAD leaves out is not counted`() async throws {
        try await World.with { world in
            _ = try await world.call("HEAD", "/v1/me", as: .egor, fields: [("X-Request-Id", "head")])
            _ = try await world.call("GET", "/v1/tickets/%FF", fields: [("X-Request-Id", "path")])
            _ = try await world.post("/v1/jobs/auto-close", "{}", as: .carla)
            func noted(_ id: String) -> AnsweredRequest? { world.observed.answered.first { $0.requestID == id } }
            #expect(noted("head")?.bodyBytes == 0 && noted("head")?.status == 200)
            #expect(noted("path")?.problem == "malformed-request" && noted("path")?.route == nil)
            #expect(world.observed.answered.last?.problem == "forbidden")
        }
    }

    @Test func `what the server refuses by itself has an identifier in its answer and is told of under it`()
        async throws
    {
        try await World.with { world in
            let bytes = try await SocketClient.exchange(port: world.port, Array("GET / HTTP/1.1\r\n\r\n".utf8))
            let reply = try Reply(bytes)
            let id = try #require(reply.fields.first("x-request-id"))
            #expect(reply["instance"].string == "urn:uuid:\(id)")
            let noted = try #require(world.observed.answered.first { $0.requestID == id })
            #expect(noted.status == 400 && noted.problem == "malformed-request")
            #expect(noted.method == nil && noted.route == nil && noted.principal == nil && noted.trace == nil)
            #expect(noted.remoteAddress == "127.0.0.1" && noted.bodyBytes == reply.body.count)
        }
    }

    @Test func `a page of figures is given as Prometheus wants it`() async throws {
        try await World.with { world in
            let reply = try await world.call("GET", "/metrics")
            #expect(reply.fields.first("content-type") == "text/plain; version=0.0.4; charset=utf-8")
            #expect(reply.body == Array("figures 1\n".utf8))
        }
    }

    @Test(
        arguments: [
            (["ab", "c"], 3, true, 3, nil), (["ab", "c"], nil, true, 3, nil), ([], 0, true, 0, nil),
            (["ab"], 3, false, 2, "client-gone"), (["ab"], nil, false, 2, "client-gone"),
            ([], 3, false, 0, "client-gone"),
        ] as [([String], Int?, Bool, Int, String?)])
    func `a stream is told of when it ends or is let go`(
        pieces: [String], length: Int?, isPulledToItsEnd: Bool, bytes: Int, problem: String?
    ) async throws {
        let (rulebook, texts) = (try Sample.rulebook.get(), try Sample.texts.get())
        let observed = World.Observations()
        let times = try await onLoop { loop in
            let store = PostgresStore(
                loop: loop, connections: ConnectionOptions(url: "host=/nowhere"), rulebook: { rulebook },
                now: { Sample.now })
            let api = API(
                store: store, rulebook: { rulebook }, texts: texts, now: { Sample.now }, observe: observed.add)
            try await pull(pieces, length, toItsEnd: isPulledToItsEnd, api)
            await store.close()
            return api.requestFigures.calls[nil]?.latency.count
        }
        #expect(times == 1 && observed.answered.count == 1)
        #expect(observed.answered.first?.bodyBytes == bytes && observed.answered.first?.problem == problem)
    }

    /// Nobody holds the response any more when it returns.
    private func pull(_ pieces: [String], _ length: Int?, toItsEnd: Bool, _ api: API) async throws {
        let left = Mutex(pieces)
        let stream = ResponseBody.stream(length: length) {
            left.withLock { $0.isEmpty ? nil : Array($0.removeFirst().utf8) }
        }
        let response = api.note(
            Response(status: 200, body: stream), Answer(status: 200, contentType: nil, language: nil, body: []),
            to: Request(method: "GET", target: "/x", path: "/x"), API.Progress(),
            RequestTime(clock: monotonicNanoseconds), RequestIdentity(["stream"]),
            TraceContext([], instance: "x", span: 1))
        guard case .stream(_, let next) = response.body else { throw SocketClient.Failed(what: "no stream") }
        for _ in 0..<pieces.count + (toItsEnd ? 1 : 0) { _ = try await next() }
    }
}
