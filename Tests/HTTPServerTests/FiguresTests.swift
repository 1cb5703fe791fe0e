import EventLoop
import HTTPServer
import HTTPWire
import Testing

@Suite struct FiguresTests {
    @Test func `bytes, connections and refusals are counted, and refusals told with their answers`() async throws {
        let told = Locked<[String]>([])
        let loop = try EventLoop(name: "figures")
        let server = HTTPServer(
            ServerConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)]), loops: [loop],
            handler: { _ in TestServer.echo },
            refusal: { refusal, _ in Response(status: refusal.status, fields: Fields([("X-Request-Id", "r")])) },
            refused: { on, refusal, response, address in
                let id = response.fields.first("x-request-id") ?? "none"
                let line = "\(on === loop && loop.isCurrent) \(refusal) \(response.status) \(id) \(address)"
                told.withLock { $0.append(line) }
            })
        #expect(server.figures == ServerFigures())
        try server.start()
        try loop.start()
        let port = try #require(server.boundPorts.first)
        let requests = ["GET /large HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n"]
        var received = 0
        for request in requests { received += try RawClient(port: port).exchange(request).utf8.count }
        await server.stop(drain: .seconds(2))
        loop.stop()
        loop.join()
        let figures = server.figures
        #expect(figures.connections == 3)
        #expect(figures.receivedBytes == requests.reduce(0) { $0 + $1.utf8.count })
        #expect(figures.sentBytes == received && received > 4 << 20)
        #expect(figures.refusals == [.missingHost: 1, .unsupportedVersion: 1])
        #expect(
            told.withLock { $0 } == [
                "true missingHost 400 r 127.0.0.1", "true unsupportedVersion 505 r 127.0.0.1",
            ])
    }
}
