import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Synchronization
import Testing

/// Streams that wait for something to say, and clients that do not wait for it.
@Suite(.serialized) struct StreamTests {
    /// Gives one piece, then waits until it is cancelled.
    final class Silence: Sendable {
        let pulls = Atomic<Int>(0)
        let ends = Atomic<Int>(0)

        func next() async -> [UInt8]? {
            if pulls.add(1, ordering: .relaxed).newValue == 1 { return Array("xy".utf8) }
            try? await EventLoop.current?.sleep(.seconds(600))
            ends.add(1, ordering: .relaxed)
            return nil
        }
    }

    enum Leaving: CaseIterable, Sendable { case closes, resets, endsBefore, serverStops }

    @Test(arguments: Leaving.allCases)
    func `a silent stream hears that its client has gone`(how: Leaving) async throws {
        let silence = Silence()
        let server = try TestServer(
            handler: { _ in Response(status: 200, body: .stream(length: nil, next: { await silence.next() })) })
        do {
            let client = try RawClient(port: server.port)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            if how == .endsBefore { client.closeWriting() }
            if how == .endsBefore {
                // It may still read: what there is comes, and a clean end.
                #expect(client.receiveAll().text.hasSuffix("2\r\nxy\r\n0\r\n\r\n"))
            } else {
                #expect(client.receive(until: "xy\r\n").hasSuffix("2\r\nxy\r\n"))
            }
            if how == .resets {
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
            }
            if how == .serverStops { await server.server.stop(drain: .zero) }
        }
        let start = EventLoop.clock()
        while server.server.connectionCount > 0, EventLoop.clock() - start < 30_000_000_000 {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(server.server.connectionCount == 0)
        #expect(silence.ends.load(ordering: .relaxed) == 1)
        if how != .serverStops { await server.stop() } else { for loop in server.loops { loop.stop() } }
    }

    @Test func `what follows a stream on the same connection is not cancelled with it`() async throws {
        let silence = Silence()
        let server = try TestServer(handler: { request in
            if request.path == "/silent" {
                return Response(status: 200, body: .stream(length: nil, next: { await silence.next() }))
            }
            return await TestServer.echo(request)
        })
        try await TestServer.with(server) { server in
            let client = try RawClient(port: server.port)
            client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
            let answers = responses(client.receive(until: "xy\r\n"))
            try #require(answers.count == 2)
            #expect(answers[0].hasSuffix("||2|ab|2|ab|2|ab|0||") && answers[1].hasSuffix("||2|xy|"))
            #expect(silence.ends.load(ordering: .relaxed) == 0)
            client.closeWriting()
            #expect(client.receiveAll().text == "0\r\n\r\n")
        }
        #expect(silence.ends.load(ordering: .relaxed) == 1)
    }
}
