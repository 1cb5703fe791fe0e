import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

extension RawClient {
    /// The last answer, after which the server closes: nobody can tell at which request a stop begins.
    fileprivate func asksUntilClose(_ request: String, answered ending: String) -> String? {
        var last: String?
        for _ in 0..<100_000 {
            send(request)
            let text = receive(until: ending)
            last = responses(text).first
            if text.contains("\r\nConnection: close\r\n") { break }
            usleep(1_000)
        }
        return receiveAll() == ("", true) ? last : nil
    }
}

/// A handler that takes as long as the test wants it to.
final class Slowness: Sendable {
    private let begun = Counter()
    private let ended = Counter()

    func last() async {
        begun.add(1)
        while ended.value == 0 { try? await EventLoop.current?.sleep(.milliseconds(5)) }
    }

    func waitForBegin() { while begun.value == 0 { usleep(1_000) } }
    func end() { ended.add(1) }
}

@Suite(.serialized) struct StopTests {
    @Test func `what runs is finished, what idles is let go, what comes is refused`() async throws {
        let finished = Counter()
        let slowness = Slowness()
        let handler: @Sendable (Request) async -> Response = { request in
            if request.path == "/slow" { await slowness.last() }
            finished.add(1)
            return Response(status: 200, body: .bytes(Array("done".utf8)))
        }
        let server = try TestServer(loops: 2, handler: handler)
        let idle = try RawClient(port: server.port)
        idle.send(get)
        _ = idle.receive(until: "done")
        let late = try RawClient(port: server.port)
        late.send(get)
        _ = late.receive(until: "done")
        let slow = try RawClient(port: server.port)
        slow.send(get.replacing("/a", with: "/slow"))
        slowness.waitForBegin()
        // On a loop of its own: the blocking clients take the few threads of the global pool.
        let control = try EventLoop(name: "control")
        try control.start()
        let stopping = Task(executorPreference: control) {
            let start = EventLoop.clock()
            await server.stop(drain: .seconds(60))
            return EventLoop.clock() - start
        }
        // Its request was on the way when the stop came.
        #expect(late.asksUntilClose(get, answered: "done") == "200 OK|Content-Length: 4|Connection: close||done")
        slowness.end()
        #expect(responses(slow.receiveAll().text) == ["200 OK|Content-Length: 4|Connection: close||done"])
        #expect(idle.receiveAll() == ("", true))
        #expect(await stopping.value < 40_000_000_000)
        control.stop()
        control.join()
        #expect(finished.value >= 4)
        #expect(throws: (any Error).self) { try RawClient(port: server.port) }
    }

    @Test func `an answer that takes no task is waited for, and one whose client has gone is none`() async throws {
        let server = try TestServer(promptly: { request in
            .later { finish in
                _ = EventLoop.current?.after(.milliseconds(300)) {
                    finish(Response(status: 200, body: .bytes(Array(request.path.utf8))))
                }
            }
        })
        do {
            let gone = try RawClient(port: server.port)
            gone.send(get)
            usleep(50_000)
        }
        let waiting = try RawClient(port: server.port)
        waiting.send(get + get.replacing("/a", with: "/b"))
        _ = waiting.receive(until: "/a")
        let stopping = Task { await server.stop(drain: .seconds(60)) }
        #expect(waiting.receiveAll().text.hasSuffix("\r\n\r\n/b"))
        await stopping.value
        #expect(server.server.connectionCount == 0)
    }

    @Test func `an idle connection may ask for as long as the drain lasts, and is then let go in order`() async throws {
        let server = try TestServer()
        let asking = try RawClient(port: server.port)
        let idle = try RawClient(port: server.port)
        let fresh = try RawClient(port: server.port)
        for client in [asking, idle] {
            client.send(get)
            _ = client.receive(until: "GET /a ")
        }
        let control = try EventLoop(name: "control")
        try control.start()
        let start = EventLoop.clock()
        let stopping = Task(executorPreference: control) {
            await server.server.stop(idle: .seconds(2), drain: .seconds(30))
            return EventLoop.clock() - start
        }
        let expected = "200 OK|Content-Length: 7|Connection: close|X-Test: 1||GET /a "
        #expect(asking.asksUntilClose(get, answered: "GET /a ") == expected)
        fresh.send(get)
        #expect(responses(fresh.receiveAll().text) == [expected])
        #expect(idle.receiveAll() == ("", true))
        #expect(EventLoop.clock() - start >= 2_000_000_000)
        #expect(await stopping.value < 20_000_000_000)
        await server.stop()
        control.stop()
        control.join()
    }

    @Test func `every loop hears of the stop once, and a stream without an end ends itself then`() async throws {
        let loops = try (0..<2).map { try EventLoop(name: "test-\($0)") }
        let heard = Locked<[String]>([])
        let isStopping = Locked(false)
        let pull: @Sendable () async throws -> [UInt8]? = {
            if isStopping.withLock({ $0 }) { return nil }
            try await EventLoop.current?.sleep(.milliseconds(5))
            return [0x2e]
        }
        let server = HTTPServer(
            ServerConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)]), loops: loops,
            handler: { _ in { _ in Response(status: 200, body: .stream(length: nil, next: pull)) } },
            onStop: { loop in
                #expect(loop.isCurrent)
                heard.withLock { $0.append(loop.name) }
                isStopping.withLock { $0 = true }
            })
        try server.start()
        for loop in loops { try loop.start() }
        let client = try RawClient(port: server.boundPorts[0])
        client.send(get)
        _ = client.receive(until: ".\r\n")
        await server.stop(idle: .milliseconds(100), drain: .seconds(30))
        let rest = client.receiveAll()
        #expect(rest.isClean && rest.text.hasSuffix("0\r\n\r\n"))
        #expect(heard.withLock { $0.sorted() } == ["test-0", "test-1"])
        for loop in loops {
            loop.stop()
            loop.join()
        }
    }

    @Test func `an answer that says so ends its connection`() async throws {
        let server = try TestServer(handler: { request in
            let body: ResponseBody =
                request.path == "/stream" ? .stream(length: nil) { nil } : .bytes(Array("done".utf8))
            var response = Response(status: 200, body: body)
            response.closes = request.path != "/kept"
            return response
        })
        try await TestServer.with(server) { server in
            for (path, rest) in [
                ("/a", "Content-Length: 4|Connection: close||done"),
                ("/stream", "Transfer-Encoding: chunked|Connection: close||0||"),
            ] {
                let client = try RawClient(port: server.port)
                // What follows is not answered any more.
                for path in ["/kept", path, "/kept"] { client.send(get.replacing("/a", with: path)) }
                let answers = responses(client.receiveAll().text)
                #expect(answers == ["200 OK|Content-Length: 4||done", "200 OK|" + rest])
            }
        }
    }

    @Test func `a stop can be cut short`() async throws {
        let server = try TestServer(handler: { _ in
            try? await EventLoop.current?.sleep(.seconds(60))
            return Response(status: 200)
        })
        let idle = try RawClient(port: server.port)
        let running = try RawClient(port: server.port)
        running.send(get)
        usleep(50_000)
        let start = EventLoop.clock()
        async let stopping: Void = server.server.stop(idle: .seconds(60), drain: .seconds(60))
        usleep(100_000)
        server.server.abort()
        await stopping
        #expect(EventLoop.clock() - start < 50_000_000_000)
        #expect(!running.receiveAll().isClean)
        #expect(!idle.receiveAll().isClean)
    }

    @Test func `a stop is bounded by its drain`() async throws {
        let handler: @Sendable (Request) async -> Response = { _ in
            try? await EventLoop.current?.sleep(.seconds(60))
            return Response(status: 200)
        }
        let server = try TestServer(handler: handler)
        let client = try RawClient(port: server.port)
        client.send(get)
        usleep(50_000)
        let start = EventLoop.clock()
        await server.stop(drain: .milliseconds(200))
        #expect(EventLoop.clock() - start < 30_000_000_000)
        #expect(!client.receiveAll().isClean)
    }

    @Test func `a handler whose client has gone runs to its end`() async throws {
        let finished = Counter()
        let handler: @Sendable (Request) async -> Response = { _ in
            try? await EventLoop.current?.sleep(.milliseconds(150))
            finished.add(1)
            return Response(status: 200, body: .bytes([1]))
        }
        try await TestServer.with(try TestServer(handler: handler)) { server in
            do {
                let client = try RawClient(port: server.port)
                var option = linger(l_onoff: 1, l_linger: 0)
                setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
                client.send(get)
                usleep(30_000)
            }
            for _ in 0..<3_000 where finished.value == 0 || server.server.connectionCount > 0 { usleep(10_000) }
            #expect(finished.value == 1)
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a listening socket passes to another server without a failed request`() async throws {
        let first = try TestServer(loops: 2)
        let shared = dup(first.server.listeningDescriptors[0])
        let second = try TestServer(loops: 2, addresses: [.descriptor(shared)])
        let control = try EventLoop(name: "control")
        try control.start()
        let port = first.port
        // A client that keeps its connection as long as the server lets it, and opens another then.
        func serve(_ count: Int) throws -> Int {
            var answered = 0
            var client: RawClient?
            for _ in 0..<count {
                let open = try client ?? RawClient(port: port)
                open.send(get)
                let text = open.receive(until: "GET /a ")
                if text.hasSuffix("GET /a ") { answered += 1 }
                client = text.contains("Connection: close") ? nil : open
            }
            return answered
        }
        #expect(try serve(500) == 500)
        let stopping = Task(executorPreference: control) { await first.server.stop(drain: .seconds(5)) }
        #expect(try serve(3_000) == 3_000)
        await stopping.value
        #expect(try serve(500) == 500)
        await second.stop()
        await first.stop()
        control.stop()
        control.join()
    }
}
