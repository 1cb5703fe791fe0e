import COpenSSL
import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let got = "200 OK|Content-Length: 7|X-Test: 1||GET /a "

/// HTTP over TLS is the same HTTP.
@Suite(.serialized) struct TLSExchangeTests {
    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `every exchange is as it is without TLS, whole and a record for each byte`(version: Int32) async throws {
        try await TestServer.with(try .tls(loops: 2)) { server in
            for example in ExchangeTests.cases {
                let offer = TLSClient.Offer(versions: version...version)
                let whole = try TLSClient(port: server.port, offer)
                #expect(responses(whole.exchange(example.request)) == example.responses, "\(example.testDescription)")
                let dripping = try TLSClient(port: server.port, offer)
                for byte in example.request.utf8 where !dripping.send([byte]) { break }
                dripping.closeWriting()
                let (text, isClean) = dripping.receiveAll()
                #expect(responses(text) == example.responses && isClean, "\(example.testDescription), byte by byte")
            }
        }
    }

    @Test func `an ambiguous request is refused as it is without TLS`() async throws {
        try await TestServer.with(try .tls()) { server in
            for attack in SmugglingTests.attacks {
                let client = try TLSClient(port: server.port)
                let answers = responses(
                    client.exchange(
                        "POST / HTTP/1.1\r\nHost: h\r\n\(attack.fields)\r\n\r\n\(attack.body)\(get)\(get)"))
                #expect(answers.count == 1 && answers[0].hasPrefix(attack.status), "\(attack.testDescription)")
            }
        }
    }

    @Test(arguments: ["/stream-broken", "/stream-short"])
    func `a stream that breaks its promise never ends cleanly`(path: String) async throws {
        try await TestServer.with(try .tls()) { server in
            let client = try TLSClient(port: server.port)
            client.send(get.replacing("/a", with: path))
            #expect(!client.receiveAll().isClean)
        }
    }

    @Test func `a body that is cut off is never taken for whole, and what was asked before is answered`() async throws {
        let outcomes = Locked<[String]>([])
        let handler: @Sendable (Request) async -> Response = { request in
            do {
                let body = try await request.body.collect(upTo: 1_000)
                outcomes.withLock { $0.append("whole \(body.count)") }
            } catch {
                outcomes.withLock { $0.append("\(error)") }
            }
            return Response(status: 200)
        }
        try await TestServer.with(try .tls(handler: handler)) { server in
            for body in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
                let client = try TLSClient(port: server.port)
                client.send(get + "POST / HTTP/1.1\r\nHost: h\r\n\(body)")
                client.cutWriting()
                let answers = responses(client.receiveAll().text)
                #expect(answers.first == "200 OK|Content-Length: 0||")
            }
        }
        #expect(outcomes.withLock { $0 } == ["whole 0", "broken", "whole 0", "broken"])
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `large bodies go both ways, however slowly they are read`(version: Int32) async throws {
        // No two kibibytes of it are alike.
        let large = (0..<2_048).flatMap { [UInt8](repeating: UInt8($0 & 255), count: 1_024 + $0 / 8) }
        let handler: @Sendable (Request) async -> Response = { request in
            if request.method == "GET" {
                let sent = Locked(0)
                return Response(
                    status: 200,
                    body: .stream(length: large.count) {
                        sent.withLock { sent in
                            let piece = large[sent..<min(sent + 65_536, large.count)]
                            sent += piece.count
                            return piece.isEmpty ? nil : Array(piece)
                        }
                    })
            }
            let body = try? await request.body.collect(upTo: large.count)
            return Response(status: body == large ? 200 : 400)
        }
        try await TestServer.with(try .tls(handler: handler)) { server in
            let offer = TLSClient.Offer(versions: version...version)
            let reader = try TLSClient(port: server.port, offer, receiveBuffer: 8_192)
            reader.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            usleep(100_000)
            var received: [UInt8] = []
            while let some = reader.receiveSome(1 << 20), !some.isEmpty { received += some }
            #expect(received.suffix(large.count) == large[...] && received.count > large.count)
            let client = try TLSClient(port: server.port, offer)
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(large.count)\r\n\r\n")
            client.send(large)
            #expect(responses(client.receive(until: "\r\n\r\n")) == ["200 OK|Content-Length: 0||"])
        }
    }

    @Test func `a client that never reads is dropped, be it only the end that it does not read`() async throws {
        try await TestServer.with(
            try .tls(configure: {
                $0.responseStallSecondsMax = 0.4
                $0.lingerSecondsMax = 0.3
            })
        ) { server in
            let client = try TLSClient(port: server.port, receiveBuffer: 4_096)
            client.send(get.replacing("/a", with: "/large"))
            let closing = try TLSClient(port: server.port)
            closing.send(get.replacing("\r\n\r\n", with: "\r\nConnection: close\r\n\r\n"))
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a stop says goodbye to idle clients and answers the others`() async throws {
        let slowness = Slowness()
        let handler: @Sendable (Request) async -> Response = { request in
            if request.path == "/slow" { await slowness.last() }
            return await TestServer.echo(request)
        }
        let server = try TestServer.tls(loops: 2, handler: handler)
        let idle = try TLSClient(port: server.port)
        idle.send(get)
        #expect(idle.receive(until: "GET /a ").hasSuffix("GET /a "))
        let slow = try TLSClient(port: server.port)
        slow.send(get.replacing("/a", with: "/slow"))
        slowness.waitForBegin()
        let control = try EventLoop(name: "control")
        try control.start()
        let stopping = Task(executorPreference: control) { await server.stop(drain: .seconds(60)) }
        #expect(idle.receiveAll() == ("", true))
        slowness.end()
        #expect(
            responses(slow.receiveAll().text)
                == ["200 OK|Content-Length: 10|Connection: close|X-Test: 1||GET /slow "])
        await stopping.value
        control.stop()
        control.join()
    }

    @Test func `a thousand connections live at once, and those beyond the cap are told`() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let server = try TestServer.tls(
            loops: 2,
            configure: {
                $0.connectionsMax = 1_000
                // A thousand handshakes take a busy machine longer than a header may.
                $0.headSecondsMax = 600
            })
        try await TestServer.with(server) { server in
            let clients = try (0..<1_000).map { _ in try TLSClient(port: server.port) }
            for _ in 0..<2 {
                for client in clients { client.send(get) }
                for client in clients { #expect(client.receive(until: "GET /a ").hasSuffix("GET /a ")) }
            }
            #expect(server.server.connectionCount == 1_000)
            let excess = try TLSClient(port: server.port)
            #expect(
                responses(excess.receiveAll().text)
                    == ["503 Service Unavailable|Content-Length: 10|Connection: close||overloaded"])
        }
    }
}
