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
        let handler: @Sendable (Request) async -> Response = { request in
            let left = Counter()
            if request.method == "GET" {
                return Response(
                    status: 200,
                    body: .stream(length: 4 << 20) {
                        left.add(1)
                        return left.value > 64 ? nil : [UInt8](repeating: UInt8(left.value & 255), count: 65_536)
                    })
            }
            var (total, sum) = (0, 0)
            do {
                while let piece = try await request.body.next() {
                    total += piece.count
                    for byte in piece { sum &+= Int(byte) }
                }
            } catch {
                return Response(status: 400)
            }
            return Response(status: 200, body: .bytes(Array("\(total) \(sum)".utf8)))
        }
        try await TestServer.with(try .tls(handler: handler)) { server in
            let client = try TLSClient(port: server.port, .init(versions: version...version), receiveBuffer: 8_192)
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            usleep(100_000)
            var (total, isRight, head) = (0, true, [UInt8]())
            while total < 4 << 20, let some = client.receiveSome(1 << 20), !some.isEmpty {
                var some = some[...]
                while !head.suffix(4).elementsEqual([13, 10, 13, 10]), let byte = some.popFirst() { head.append(byte) }
                for (index, byte) in some.enumerated() where index % 977 == 0 {
                    isRight = isRight && byte == UInt8(((total + index) / 65_536 + 1) & 255)
                }
                total += some.count
            }
            #expect(total == 4 << 20 && isRight)
            let piece = (0..<(1 << 20)).map { UInt8($0 % 251) }
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(8 << 20)\r\n\r\n")
            for _ in 0..<8 { client.send(piece) }
            let sum = 8 * piece.reduce(0) { $0 + Int($1) }
            #expect(client.receive(until: " \(sum)").hasSuffix("\r\n\r\n\(8 << 20) \(sum)"))
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
            for _ in 0..<500 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a stop says goodbye to idle clients and answers the others`() async throws {
        let handler: @Sendable (Request) async -> Response = { request in
            if request.path == "/slow" { try? await EventLoop.current?.sleep(.milliseconds(300)) }
            return await TestServer.echo(request)
        }
        let server = try TestServer.tls(loops: 2, handler: handler)
        let idle = try TLSClient(port: server.port)
        idle.send(get)
        #expect(idle.receive(until: "GET /a ").hasSuffix("GET /a "))
        let slow = try TLSClient(port: server.port)
        slow.send(get.replacing("/a", with: "/slow"))
        usleep(50_000)
        await server.stop()
        #expect(idle.receiveAll() == ("", true))
        #expect(
            responses(slow.receiveAll().text)
                == ["200 OK|Content-Length: 10|Connection: close|X-Test: 1||GET /slow "])
    }

    @Test func `a thousand connections live at once, and those beyond the cap are told`() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 8_192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try await TestServer.with(try .tls(loops: 2, configure: { $0.connectionsMax = 1_000 })) { server in
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
