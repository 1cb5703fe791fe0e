import EventLoop
import Foundation
import HTTPServer
import HTTPWire
import Testing

/// A proxy that shares its connections to us among its clients must never see one request where we see two, nor take
/// one's answer for another's.
@Suite(.serialized) struct DifferentialTests {
    /// Connections of ambiguous requests for each proxy; `make ambiguity` sends more.
    static let connections =
        ProcessInfo.processInfo.environment["REGLAMENT_TEST_AMBIGUOUS"].flatMap { Int($0) } ?? 1_000
    private static let batch = 150

    @Test(arguments: ProxyProcess.Kind.allCases)
    func `we and a proxy in front agree on every request and every answer`(kind: ProxyProcess.Kind) async throws {
        let seen = Locked<[String: Int]>([:])
        let handler: @Sendable (Request) async -> Response = { request in
            // Without the authority of an absolute form, which HAProxy sends on and does not log.
            let target = request.path + (request.query.map { "?" + $0 } ?? "")
            seen.withLock { $0[target, default: 0] += 1 }
            // Some bodies are read, some left.
            if target.utf8.count % 3 > 0 { _ = try? await request.body.collect() }
            return Response(status: 200, fields: Fields([("X-Echo", target)]), body: .bytes([111, 107]))
        }
        try await TestServer.with(try TestServer(loops: 2, handler: handler)) { server in
            let asked = try await onThread { try Self.ask(server, through: kind) }
            let answered = asked.filter { $0.status == "200" }
            // The echo is the proof that an answer belongs to its request.
            let wrong = answered.filter { $0.target != $0.echo }
            #expect(wrong.isEmpty, "\(Array(wrong.prefix(5)))")
            let counts = Dictionary(asked.map { ($0.target, 1) }, uniquingKeysWith: +)
            let unasked = seen.withLock { $0 }.filter { $0.value > counts[$0.key] ?? 0 }
            #expect(unasked.isEmpty, "seen, and never asked by \(kind): \(Array(unasked.keys.sorted().prefix(5)))")
            let unseen = answered.filter { answer in seen.withLock { $0[answer.target] } == nil }
            #expect(unseen.isEmpty, "\(Array(unseen.prefix(5)))")
            // Enough came through to prove something, with bodies among it, and enough was refused by us.
            #expect(answered.count > Self.connections / 2)
            #expect(asked.contains { $0.status == "400" })
        }
    }

    private static func ask(_ server: TestServer, through kind: ProxyProcess.Kind) throws -> [Asked] {
        let proxy = try ProxyProcess(kind, backendPort: server.port)
        var requests = AmbiguousRequests(seed: 20_261_121)
        for start in stride(from: 0, to: Self.connections, by: Self.batch) {
            let numbers = start..<min(start + Self.batch, Self.connections)
            let clients = try numbers.map { number in
                let client = try RawClient(unixPath: proxy.socket)
                client.send(requests.connection(number))
                return client
            }
            for client in clients { _ = client.receiveAll() }
        }
        return proxy.end().compactMap(Asked.init)
    }

    /// What the proxy asked of us, and what it took for the answer.
    struct Asked: Sendable {
        let target: String
        let status: String
        let echo: String

        /// Nil for what the proxy answered itself.
        init?(_ line: Substring) {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count >= 4, !["-", "<NOSRV>"].contains(words[words.count - 3]) else { return nil }
            target = words[..<(words.count - 3)].joined(separator: " ")
            status = String(words[words.count - 2])
            echo = String(words[words.count - 1])
        }
    }
}
