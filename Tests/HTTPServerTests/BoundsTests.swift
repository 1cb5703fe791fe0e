import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

private func seconds(_ work: () -> Void) -> Double {
    let start = EventLoop.clock()
    work()
    return Double(EventLoop.clock() - start) / 1e9
}

@Suite(.serialized) struct BoundsTests {
    private func quick(_ configuration: inout ServerConfiguration) {
        configuration.headSecondsMax = 0.3
        configuration.bodyStallSecondsMax = 0.3
        configuration.idleSecondsMax = 0.4
        configuration.responseStallSecondsMax = 0.4
        configuration.lingerSecondsMax = 0.3
    }

    @Test func `slow clients are dropped in their stated times, however they drip`() async throws {
        try await TestServer.with(try TestServer(quick)) { server in
            // A head in single bytes does not prolong its deadline.
            let head = try RawClient(port: server.port)
            let time = seconds {
                for byte in Array("GET / HTTP/1.1\r\nHost: h\r\nX: ".utf8) {
                    head.send([byte])
                    usleep(20_000)
                }
                #expect(
                    responses(head.receiveAll().text) == [
                        "408 Request Timeout|Content-Length: 8|Connection: close||timedOut"
                    ])
            }
            #expect(time < 4)

            // Who sends nothing is told nothing.
            let silent = try RawClient(port: server.port)
            let silence = seconds { #expect(silent.receiveAll() == ("", true)) }
            #expect((0.25...4).contains(silence))

            // Idle after a request.
            let idle = try RawClient(port: server.port)
            idle.send(get)
            let idleTime = seconds { #expect(responses(idle.receiveAll().text).count == 1) }
            #expect((0.35...4).contains(idleTime))

            // A body that stalls: the handler is told.
            let body = try RawClient(port: server.port)
            body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            let bodyTime = seconds {
                #expect(
                    responses(body.receiveAll().text)
                        == ["408 Request Timeout|Content-Length: 8|Connection: close||timedOut"])
            }
            #expect((0.25...4).contains(bodyTime))

            // A body in single bytes has an average pace to keep.
            let drip = try RawClient(port: server.port)
            drip.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
            let dripTime = seconds {
                for _ in 0..<100 where drip.send("x") { usleep(20_000) }
                _ = drip.receiveAll()
            }
            #expect(dripTime < 6)
        }
    }

    @Test func `a client that never reads is dropped and costs little`() async throws {
        try await TestServer.with(try TestServer(quick)) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4_096)
            client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(client.receiveSome(16)?.count == 16)
            #expect(server.server.connectionCount == 1)
            let time = seconds {
                for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            }
            #expect((0.3...4).contains(time))
        }
    }

    @Test func `a client that reads slowly but steadily gets all of it`() async throws {
        // The system's buffers grow while a client is quick, and must not hide from us that it goes on.
        let handler: @Sendable (Request) async -> Response = { _ in
            let piece = [UInt8](repeating: 120, count: 65_536)
            let left = Counter()
            return Response(
                status: 200,
                body: .stream(length: nil) {
                    left.add(1)
                    return left.value <= 400 ? piece : nil
                })
        }
        try await TestServer.with(try TestServer({ $0.responseStallSecondsMax = 3 }, handler: handler)) { server in
            let client = try RawClient(port: server.port)
            client.send(get)
            var received = 0
            while received < 8 << 20, let some = client.receiveSome(), !some.isEmpty { received += some.count }
            for _ in 0..<60 {
                guard let some = client.receiveSome(), !some.isEmpty else { break }
                received += some.count
                usleep(100_000)
            }
            while received < 400 * 65_536, let some = client.receiveSome(), !some.isEmpty { received += some.count }
            #expect(received >= 400 * 65_536)
        }
    }

    enum Way: CaseIterable { case tcp, tls, unix }

    @Test(arguments: Way.allCases)
    func `a client that takes twice the least is not dropped, although the system takes nothing for long`(
        way: Way
    ) async throws {
        let path = "/tmp/rgl-slow-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        let addresses: [ServerAddress] =
            switch way {
            case .tcp: [.tcp(host: "127.0.0.1", port: 0)]
            case .tls: [.tls(.tcp(host: "127.0.0.1", port: 0))]
            case .unix: [.unix(path: path)]
            }
        let certificate = try TLSContext.of("ecdsa")
        let server = try TestServer(
            addresses: addresses,
            {
                $0.tls = certificate
                $0.responseStallSecondsMax = 2
            })
        try await TestServer.with(server, drain: .zero) { server in
            let client: RawClient =
                switch way {
                case .tcp: try RawClient(port: server.port, receiveBuffer: 8_192, segment: 1_448)
                case .tls: try TLSClient(port: server.port, receiveBuffer: 8_192, segment: 1_448)
                case .unix: try RawClient(unixPath: path)
                }
            client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            let start = EventLoop.clock()
            var received = 0
            for _ in 0..<70 {
                // 16 KiB a second on the whole, however late this thread is.
                let due = Int((EventLoop.clock() - start) / 61_036) - received
                if due > 0, let some = client.receiveSome(due) { received += some.count }
                usleep(100_000)
            }
            #expect(server.server.connectionCount == 1)
            while received < 4 << 20, let some = client.receiveSome(), !some.isEmpty { received += some.count }
            #expect(received >= 4 << 20)
        }
    }

    @Test func `an empty line between requests is no head that is late`() async throws {
        try await TestServer.with(
            try TestServer({
                $0.headSecondsMax = 0.2
                $0.idleSecondsMax = 1
            })
        ) { server in
            let client = try RawClient(port: server.port)
            client.send(get)
            _ = client.receive(until: "GET /a ")
            client.send("\r\n")
            let time = seconds { #expect(client.receiveAll() == ("", true)) }
            #expect(time > 0.7)
        }
    }

    @Test func `the longest method and the longest target go together`() async throws {
        try await TestServer.with(try TestServer({ $0.head = HeadLimits(targetBytesMax: 300) })) { server in
            for (more, status) in [(0, "200 OK"), (1, "414 URI Too Long")] {
                let target = "/" + String(repeating: "a", count: 299 + more)
                let client = try RawClient(port: server.port)
                client.send(
                    "\(String(repeating: "A", count: 32)) \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                #expect(client.receiveAll().text.hasPrefix("HTTP/1.1 \(status)\r\n"))
            }
        }
    }

    @Test func `answers that are not read stop the reading of requests`() async throws {
        let served = Counter()
        let handler: @Sendable (Request) async -> Response = { _ in
            served.add(1)
            return Response(status: 200, body: .bytes([UInt8](repeating: 120, count: 10_000)))
        }
        try await TestServer.with(try TestServer(handler: handler), drain: .zero) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4_096)
            var time = timeval(tv_sec: 0, tv_usec: 300_000)
            setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            let many = Array(String(repeating: get, count: 1_000).utf8)
            while client.send(many), served.value < 100_000 {}
            // Some megabytes of kernel buffers, then nothing more.
            var before = -1
            while served.value != before, served.value < 2_000 {
                before = served.value
                usleep(200_000)
            }
            #expect(served.value == before && before < 2_000)
        }
    }

    @Test func `a streamed response waits for its reader`() async throws {
        let pulled = Counter()
        let handler: @Sendable (Request) async -> Response = { _ in
            Response(
                status: 200,
                body: .stream(length: nil) {
                    pulled.add(16_384)
                    return pulled.value > 32 << 20 ? nil : [UInt8](repeating: 120, count: 16_384)
                })
        }
        try await TestServer.with(try TestServer(handler: handler)) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4_096)
            client.send(get)
            usleep(300_000)
            #expect(pulled.value < 16 << 20)
            var total = 0
            while let some = client.receiveSome(1 << 20), !some.isEmpty {
                total += some.count
                if some.suffix(5).elementsEqual("0\r\n\r\n".utf8) { break }
            }
            #expect(total > 32 << 20)
        }
    }

    @Test func `a request body is read no faster than its handler, in bounded memory`() async throws {
        let taken = Counter()
        let sent = Counter()
        let sentBefore = Counter()
        let handler: @Sendable (Request) async -> Response = { request in
            guard let loop = EventLoop.current else { return Response(status: 500) }
            var total = 0
            do {
                try await loop.sleep(.milliseconds(300))
                sentBefore.add(sent.value)
                while let piece = try await request.body.next() {
                    total += piece.count
                    taken.add(piece.count)
                    guard piece.count <= 65_536 else { return Response(status: 500) }
                }
            } catch {
                return Response(status: 400)
            }
            return Response(status: 200, body: .bytes(Array("\(total)".utf8)))
        }
        try await TestServer.with(try TestServer({ $0.bodyBytesMax = 1 << 30 }, handler: handler)) { server in
            let client = try RawClient(port: server.port)
            let size = 100 << 20
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
            let piece = [UInt8](repeating: 120, count: 1 << 20)
            for _ in 0..<100 where client.send(piece) { sent.add(piece.count) }
            #expect(client.receive(until: "\(size)").hasSuffix("\r\n\r\n\(size)"))
            // Some megabytes of kernel buffers, and nothing of ours.
            #expect(sentBefore.value < 24 << 20)
            #expect(taken.value == size)
        }
    }

    @Test func `an early answer arrives although the client still sends`() async throws {
        try await TestServer.with(try TestServer()) { server in
            for head in [
                "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            ] {
                let client = try RawClient(port: server.port)
                client.send(head)
                for _ in 0..<20 { client.send([UInt8](repeating: 120, count: 1 << 20)) }
                client.closeWriting()
                let (text, isClean) = client.receiveAll()
                #expect(responses(text).count == 1 && isClean)
            }
        }
    }

    @Test func `a thousand connections live at once, and those beyond the cap are told`() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try await TestServer.with(try TestServer(loops: 2, { $0.connectionsMax = 1_000 })) { server in
            let clients = try (0..<1_000).map { _ in try RawClient(port: server.port) }
            for _ in 0..<3 {
                for client in clients { client.send(get) }
                for client in clients { #expect(client.receive(until: "GET /a ").hasSuffix("GET /a ")) }
            }
            #expect(server.server.connectionCount == 1_000)
            let excess = try RawClient(port: server.port)
            #expect(
                responses(excess.receiveAll().text)
                    == ["503 Service Unavailable|Content-Length: 10|Connection: close||overloaded"])
        }
    }

    @Test func `one address has so many connections and no more, until one ends`() async throws {
        let configure: @Sendable (inout ServerConfiguration) -> Void = {
            $0.connectionsPerAddressMax = 16
            $0.countsLoopback = true
        }
        try await TestServer.with(try TestServer(loops: 2, configure)) { server in
            func served(_ client: RawClient) -> Bool {
                client.send(get)
                return client.receive(until: "GET /a ").hasSuffix("GET /a ")
            }
            var clients = try (0..<16).map { _ in try RawClient(port: server.port) }
            for client in clients { #expect(served(client)) }
            let told = try (0..<3).map { _ in try RawClient(port: server.port) }
            for client in told {
                #expect(
                    responses(client.receive(until: "overloaded"))
                        == ["503 Service Unavailable|Content-Length: 10|Connection: close||overloaded"])
            }
            // Those that do not take the hint are closed without a word.
            let unheard = try RawClient(port: server.port)
            unheard.send(get)
            #expect(unheard.receiveAll().text == "")
            for client in told { _ = client.exchange("") }
            clients.removeAll()
            var isServed = false
            for _ in 0..<3_000 where !isServed {
                isServed = served(try RawClient(port: server.port))
                if !isServed { usleep(10_000) }
            }
            #expect(isServed)
        }
    }

    @Test(arguments: [("192.0.2.0/24", false), ("127.0.0.1", true)])
    func `trusted proxies have as many as they want, and so have others by loopback unless it is counted`(
        trusted: String, countsLoopback: Bool
    ) async throws {
        let server = try TestServer({
            $0.connectionsPerAddressMax = 2
            $0.countsLoopback = countsLoopback
            $0.trust([trusted])
        })
        try await TestServer.with(server) { server in
            let clients = try (0..<50).map { _ in try RawClient(port: server.port) }
            for client in clients { client.send(get) }
            for client in clients { #expect(client.receive(until: "GET /a ").hasSuffix("GET /a ")) }
        }
    }

    @Test func `a client with one request comes between those with thousands`() async throws {
        let served = Counter()
        let isReady = Locked(false)
        let servedBefore = Locked<Int?>(nil)
        let handler: @Sendable (Request) async -> Response = { request in
            // Everybody has asked before anybody is answered.
            while !isReady.withLock({ $0 }) { usleep(1_000) }
            if request.path == "/one" { servedBefore.withLock { $0 = served.value } }
            served.add(1)
            return Response(status: 200, body: .bytes([120]))
        }
        try await TestServer.with(try TestServer(handler: handler), drain: .zero) { server in
            let greedy = try (0..<50).map { _ in try RawClient(port: server.port) }
            for client in greedy { client.send(String(repeating: get, count: 1_000)) }
            let modest = try RawClient(port: server.port)
            modest.send("GET /one HTTP/1.1\r\nHost: h\r\n\r\n")
            isReady.withLock { $0 = true }
            #expect(modest.receive(until: "x").hasSuffix("\r\n\r\nx"))
            let before = try #require(servedBefore.withLock { $0 })
            #expect(before < 25_000)
            var received = 0
            while received < 50, let some = greedy[49].receiveSome(), !some.isEmpty { received += some.count }
            #expect(received >= 50)
        }
    }

    @Test func `no more answers than allowed wait for a client that does not read`() async throws {
        let served = Counter()
        let handler: @Sendable (Request) async -> Response = { _ in
            served.add(1)
            return Response(status: 200, body: .bytes([UInt8](repeating: 120, count: 12_000)))
        }
        let server = try TestServer(
            {
                $0.responseBufferBytesMax = 1 << 30
                $0.pipelinedRequestsMax = 8
            }, handler: handler)
        try await TestServer.with(server, drain: .zero) { server in
            let client = try RawClient(port: server.port, receiveBuffer: 4_096)
            client.send(String(repeating: get, count: 1_000))
            var before = -1
            while served.value > before {
                before = served.value
                usleep(200_000)
            }
            // What the kernel takes, and eight.
            #expect(before < 900)
            var received = 0
            while received < 12_000_000, let some = client.receiveSome(1 << 20), !some.isEmpty {
                received += some.count
            }
            #expect(served.value == 1_000)
        }
    }

    /// In a process of its own, because the limit is the whole process's.
    @Test func `without descriptors the listener rests and comes back`() async {
        await #expect(processExitsWith: .success) {
            let server = try TestServer()
            let first = try RawClient(port: server.port)
            first.send(get)
            guard first.receive(until: "GET /a ").hasSuffix("GET /a ") else { exit(1) }
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let next = dup(0)
            close(next)
            var low = limit
            low.rlim_cur = rlim_t(next) + 1
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low)
            // The client takes the last descriptor; the server has none to accept it with.
            let second = try RawClient(port: server.port)
            second.send(get)
            usleep(250_000)
            guard server.server.connectionCount == 1 else { exit(2) }
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            guard second.receive(until: "GET /a ").hasSuffix("GET /a ") else { exit(3) }
            exit(0)
        }
    }
}

final class Counter: Sendable {
    private let count = Locked(0)
    func add(_ number: Int) { count.withLock { $0 += number } }
    var value: Int { count.withLock { $0 } }
}
