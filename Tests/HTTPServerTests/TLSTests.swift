import COpenSSL
import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import TestKit
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
private let got = "200 OK|Content-Length: 7|X-Test: 1||GET /a "

@Suite(.serialized) struct TLSTests {
    // MARK: The handshake

    @Test(arguments: ["rsa", "ecdsa"], [TLS1_2_VERSION, TLS1_3_VERSION])
    func `both versions are spoken with both kinds of certificate`(name: String, version: Int32) async throws {
        try await TestServer.with(try .tls(name)) { server in
            let client = try TLSClient(port: server.port, .init(versions: version...version))
            #expect(client.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"))
            #expect(client.serverName == name)
            #expect(client.cipher.contains("GCM") || client.cipher.contains("CHACHA20"))
            #expect(responses(client.exchange(get + get)) == [got, got])
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let offer: TLSClient.Offer
        let reason: String
    }

    static let refusals: [Refusal] = [
        .init(
            testDescription: "TLS 1.1", offer: .init(versions: TLS1_1_VERSION...TLS1_1_VERSION),
            reason: "tlsv1 alert protocol version"),
        .init(
            testDescription: "TLS 1.0", offer: .init(versions: TLS1_VERSION...TLS1_VERSION),
            reason: "tlsv1 alert protocol version"),
        .init(testDescription: "another protocol", offer: .init(protocols: ["h2"]), reason: "no application protocol"),
        .init(
            testDescription: "a name that only begins alike",
            offer: .init(protocols: ["http/1.10", "http/1.", "http/0.9"]),
            reason: "no application protocol"),
        .init(
            testDescription: "no forward secrecy",
            offer: .init(versions: TLS1_2_VERSION...TLS1_2_VERSION, ciphers: "AES128-GCM-SHA256"),
            reason: "handshake failure"),
        .init(
            testDescription: "CBC",
            offer: .init(versions: TLS1_2_VERSION...TLS1_2_VERSION, ciphers: "ECDHE-RSA-AES128-SHA256"),
            reason: "handshake failure"),
        .init(
            testDescription: "SHA-1 signatures alone",
            offer: .init(versions: TLS1_2_VERSION...TLS1_2_VERSION, signatures: "RSA+SHA1"), reason: "handshake failure"
        ),
    ]

    @Test(arguments: refusals)
    func `what is too weak, or another protocol, is refused with the right alert`(refusal: Refusal) async throws {
        try await TestServer.with(try .tls("rsa")) { server in
            let error = #expect(throws: TLSClient.Refused.self) {
                try TLSClient(port: server.port, refusal.offer)
            }
            #expect(error?.reason.contains(refusal.reason) == true, "\(error?.reason ?? "")")
            // Whoever comes next is served.
            let next = try TLSClient(port: server.port)
            #expect(responses(next.exchange(get)) == [got])
        }
    }

    @Test(arguments: [[], ["http/1.1"], ["h2", "http/1.1"], ["", "x", "http/1.1", "h2"].filter { !$0.isEmpty }])
    func `HTTP 1_1 is agreed on wherever it is offered`(protocols: [String]) async throws {
        try await TestServer.with(try .tls()) { server in
            let client = try TLSClient(port: server.port, .init(protocols: protocols))
            #expect(client.chosenProtocol == (protocols.isEmpty ? "" : "http/1.1"))
            #expect(responses(client.exchange(get)) == [got])
        }
    }

    @Test func `HTTP 1_0 is agreed on where nothing better is offered`() async throws {
        try await TestServer.with(try .tls()) { server in
            let client = try TLSClient(port: server.port, .init(protocols: ["h2", "http/1.0"]))
            #expect(client.chosenProtocol == "http/1.0")
            let better = try TLSClient(port: server.port, .init(protocols: ["http/1.0", "http/1.1"]))
            #expect(better.chosenProtocol == "http/1.1")
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func `a session is resumed on any loop, and after another certificate was loaded`(version: Int32) async throws {
        let context = try TLSContext.of("rsa")
        try await TestServer.with(try .tls(loops: 3, configure: { $0.tls = context })) { server in
            var offer = TLSClient.Offer(versions: version...version)
            for number in 0..<7 {
                let client = try TLSClient(port: server.port, offer)
                #expect(client.isResumed == (number > 0))
                client.send(get)
                _ = client.receive(until: "GET /a ")
                offer.session = client.session()
                // OpenSSL does not resume what was not ended.
                client.closeWriting()
                if number == 3 {
                    try context.replace(
                        certificates: TestCertificates.shared.bytes("other.pem"),
                        key: TestCertificates.shared.bytes("other.key"))
                }
            }
            // In full again: the new certificate.
            #expect(try TLSClient(port: server.port).serverName == "other")
        }
    }

    @Test func `another certificate is shown to those who come, and costs nobody a connection`() async throws {
        let context = try TLSContext.of("rsa")
        try await TestServer.with(try .tls(configure: { $0.tls = context })) { server in
            let before = try TLSClient(port: server.port)
            before.send(get)
            #expect(before.receive(until: "GET /a ").hasSuffix("GET /a "))
            try context.replace(
                certificates: TestCertificates.shared.bytes("ecdsa.pem"),
                key: TestCertificates.shared.bytes("ecdsa.key"))
            #expect(try TLSClient(port: server.port).serverName == "ecdsa")
            #expect(responses(before.exchange(get)) == [got])
            #expect(before.serverName == "rsa")
        }
    }

    @Test func `a client cannot negotiate again`() async throws {
        try await TestServer.with(try .tls()) { server in
            let client = try TLSClient(port: server.port, .init(versions: TLS1_2_VERSION...TLS1_2_VERSION))
            #expect(copenssl_renegotiates_securely(client.connection) == 1)
            ERR_clear_error()
            #expect(SSL_renegotiate(client.connection) == 1)
            #expect(SSL_do_handshake(client.connection) != 1)
        }
    }

    @Test func `whoever changes keys again and again without a word is cut off`() async throws {
        try await TestServer.with(try .tls()) { server in
            let client = try TLSClient(port: server.port, .init(versions: TLS1_3_VERSION...TLS1_3_VERSION))
            client.send(get)
            _ = client.receive(until: "GET /a ")
            // Each is a record of its own; one call into OpenSSL reads as many as are there.
            for _ in 0..<1_000 where !client.changeKeys() { break }
            #expect(!client.receiveAll().isClean)
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test(arguments: [false, true])
    func `keys are changed between requests, and within them`(wantsAnswer: Bool) async throws {
        try await TestServer.with(try .tls(loops: 2)) { server in
            let client = try TLSClient(port: server.port, .init(versions: TLS1_3_VERSION...TLS1_3_VERSION))
            for _ in 0..<100 {
                for part in [get.prefix(5), get.dropFirst(5)] {
                    for _ in 0..<5 { #expect(client.changeKeys(wantsAnswer: wantsAnswer)) }
                    client.send(String(part))
                }
                #expect(responses(client.receive(until: "GET /a ")) == [got])
            }
        }
    }

    // MARK: Those who do not speak TLS

    @Test(arguments: ["GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "PATCH / HTTP/1.1\r\n", "OPTIONS * HTTP/1.0\r\n\r\n", "G"])
    func `plain HTTP is told plainly`(request: String) async throws {
        try await TestServer.with(try .tls(configure: { $0.strictTransportSecurity = "max-age=1" })) { server in
            let client = try RawClient(port: server.port)
            client.send(request)
            let (text, isClean) = client.receiveAll()
            #expect(isClean)
            #expect(responses(text) == ["400 Bad Request|Content-Length: 12|Connection: close||notEncrypted"])
        }
    }

    @Test func `any bytes in place of a handshake get an alert or the end`() async throws {
        try await TestServer.with(try .tls(configure: { $0.lingerSecondsMax = 0.1 })) { server in
            var state: UInt64 = 11
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            for _ in 0..<200 {
                let client = try RawClient(port: server.port)
                // Mostly a record that says it is a handshake, then anything.
                var bytes: [UInt8] = [22, 3, UInt8(random(4)), UInt8(random(2)), UInt8(random(256)), 1, 0]
                bytes += (0..<random(400)).map { _ in UInt8(random(256)) }
                if random(8) == 0 { bytes[0] = UInt8(random(65)) }
                client.send(bytes)
                client.closeWriting()
                let (text, isClean) = client.receiveAll()
                #expect(isClean && (text.isEmpty || text.utf8.first == 21))
            }
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a handshake that stalls is dropped in time, however it drips`() async throws {
        try await TestServer.with(
            try .tls(configure: {
                $0.headSecondsMax = 0.3
                $0.lingerSecondsMax = 0.2
            })
        ) { server in
            let start = EventLoop.clock()
            let silent = try RawClient(port: server.port)
            let half = try RawClient(port: server.port)
            half.send([22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3])
            let drip = try RawClient(port: server.port)
            drip.send([22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3])
            for _ in 0..<3_000 where drip.send([0]) { usleep(10_000) }
            for client in [silent, half] { #expect(client.receiveAll() == ("", true)) }
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
            #expect(EventLoop.clock() - start < 6_000_000_000)
        }
    }

    // MARK: HSTS

    @Test func `Strict-Transport-Security is said over TLS only, and only when it is set`() async throws {
        let context = try TLSContext.of("ecdsa")
        for policy in [nil, "max-age=60; includeSubDomains"] {
            let both: [ServerAddress] = [.tls(.tcp(host: "127.0.0.1", port: 0)), .tcp(host: "127.0.0.1", port: 0)]
            let server = try TestServer(
                addresses: both,
                {
                    $0.tls = context
                    $0.strictTransportSecurity = policy
                })
            try await TestServer.with(server) { server in
                let field = "Strict-Transport-Security: max-age=60; includeSubDomains"
                let plain = try RawClient(port: server.server.boundPorts[1])
                #expect(responses(plain.exchange(get)) == [got])
                for request in [get, "BAD\r\n\r\n", get.replacing("/a", with: "/stream")] {
                    let text = try TLSClient(port: server.port).exchange(request)
                    #expect(text.contains(field) == (policy != nil))
                }
            }
        }
    }
}
