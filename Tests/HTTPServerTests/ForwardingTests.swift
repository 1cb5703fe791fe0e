import Glibc
import HTTPServer
import HTTPWire
import Testing

/// Who a request is said to come from, when the test's own address is a trusted proxy.
@Suite(.serialized) struct ForwardingTests {
    struct Chain: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: [String]
        let origin: String

        init(_ origin: String, _ fields: String...) {
            testDescription = fields.joined(separator: " | ")
            self.fields = fields
            self.origin = origin
        }
    }

    static let chains: [Chain] = [
        .init("127.0.0.1 http"),
        // X-Forwarded-For
        .init("192.0.2.1 http", "X-Forwarded-For: 192.0.2.1"),
        .init("192.0.2.1 https", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"),
        .init("192.0.2.1 https", "X-Forwarded-For: 192.0.2.1, 10.9.9.9", "X-Forwarded-Proto: HTTPS"),
        .init("192.0.2.1 https", "X-Forwarded-For: 192.0.2.1, 10.9.9.9", "X-Forwarded-Proto: https, http"),
        .init("127.0.0.1 https", "X-Forwarded-Proto: https"),
        .init("127.0.0.1 http", "X-Forwarded-Proto: gopher"),
        .init("192.0.2.1 http", "X-Forwarded-For: 6.6.6.6, 192.0.2.1"),
        .init("192.0.2.1 http", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1"),
        .init("192.0.2.1 http", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.1.2.3, 127.0.0.1"),
        .init("10.1.2.3 http", "X-Forwarded-For: 10.1.2.3"),
        .init("192.0.2.1 http", "X-Forwarded-For: 192.0.2.1:4711"),
        .init("2001:db8::1 http", "X-Forwarded-For: 2001:DB8:0:0::1"),
        .init("2001:db8::1 http", "X-Forwarded-For: [2001:db8::1]:443"),
        .init("192.0.2.1 http", "X-Forwarded-For: ::ffff:192.0.2.1"),
        .init("192.0.2.1 http", "X-Forwarded-For: ,, 192.0.2.1 ,"),
        // To Swift each of these is one character with the comma behind it.
        .init("192.0.2.1 http", "X-Forwarded-For: 6.6.6.6\u{600}, 192.0.2.1"),
        .init("192.0.2.1 http", "X-Forwarded-For: \u{70F},192.0.2.1"),
        .init("192.0.2.1 http", "X-Forwarded-For: \u{110BD},192.0.2.1"),
        .init("192.0.2.1 http", "Forwarded: for=6.6.6.6\u{6DD}, for=192.0.2.1"),
        .init("127.0.0.1 http", "Forwarded: for=192.0.2.1\u{600};proto=https"),
        // Forwarded
        .init("192.0.2.1 http", "Forwarded: for=192.0.2.1"),
        .init("192.0.2.1 https", "Forwarded: For=\"192.0.2.1:80\";Proto=https;by=203.0.113.43"),
        .init("2001:db8::17 http", "Forwarded: for=\"[2001:db8::17]:4711\""),
        .init("192.0.2.1 http", "Forwarded: for=6.6.6.6, for=192.0.2.1"),
        .init("192.0.2.1 https", "Forwarded: for=192.0.2.1;proto=https, for=10.0.0.1;proto=http"),
        .init("192.0.2.1 http", "Forwarded: for=\"6.6.6.6, for=192.0.2.1"),
        .init("192.0.2.1 http", "Forwarded: for=\"x, for=6.6.6.6, \"y\\\", for=192.0.2.1"),
        // Hidden or malformed: the last one that is known.
        .init("127.0.0.1 http", "Forwarded: for=unknown"),
        .init("127.0.0.1 http", "Forwarded: for=_hidden"),
        .init("10.0.0.1 http", "Forwarded: for=192.0.2.1, for=_hidden, for=10.0.0.1"),
        .init("127.0.0.1 https", "Forwarded: proto=https"),
        .init("127.0.0.1 http", "Forwarded: for=192.0.2.1;for=6.6.6.6"),
        .init("127.0.0.1 http", "Forwarded: nonsense"),
        .init("127.0.0.1 http", "Forwarded: "),
        .init("127.0.0.1 http", "X-Forwarded-For: 192.0.2.1; DROP TABLE"),
        .init("127.0.0.1 http", "X-Forwarded-For: 192.0.2.999"),
        .init("127.0.0.1 http", "X-Forwarded-For: 0300.0.2.1"),
        .init("127.0.0.1 http", "X-Forwarded-For: fe80::1%eth0"),
        .init("127.0.0.1 http", "X-Forwarded-For: [192.0.2.1]"),
        .init("127.0.0.1 http", "X-Forwarded-For: localhost"),
        .init("127.0.0.1 http", "X-Forwarded-For: 192.0.2.1:"),
        .init("127.0.0.1 http", "X-Forwarded-For: \u{FF11}.2.3.4"),
        .init("127.0.0.1 http", "X-Forwarded-For: \(String(repeating: "1", count: 5_000))"),
        .init("10.0.0.16 http", "X-Forwarded-For: 192.0.2.1\((1...16).reversed().map { ",10.0.0.\($0)" }.joined())"),
        // Both, agreeing and not.
        .init("192.0.2.1 http", "Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1"),
        .init("127.0.0.1 http", "Forwarded: for=6.6.6.6;proto=https", "X-Forwarded-For: 192.0.2.1"),
    ]

    private static let origin: @Sendable (Request) async -> Response = {
        Response(status: 200, body: .bytes(Array("<\($0.remoteAddress) \($0.scheme)>".utf8)))
    }

    private static func origin(_ server: TestServer, _ fields: [String], before: [UInt8] = []) throws -> String? {
        let client = try RawClient(port: server.port)
        client.send(before)
        let text = client.exchange("GET / HTTP/1.1\r\nHost: h\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
        return text.firstMatch(of: /<(.*)>/).map { String($0.output.1) }
    }

    @Test func `the last hop that somebody trusted has named is the client`() async throws {
        let server = try TestServer({ $0.trust(["127.0.0.0/8", "10.0.0.0/8"]) }, handler: Self.origin)
        try await TestServer.with(server) { server in
            for chain in Self.chains {
                let origin = try await onThread { try Self.origin(server, chain.fields) }
                #expect(origin == chain.origin, "\(chain.fields)")
            }
        }
    }

    @Test func `nobody else is believed`() async throws {
        for list in [[], ["10.0.0.0/8", "unix"]] {
            let server = try TestServer(
                { $0.trust(list) },
                handler: Self.origin)
            try await TestServer.with(server) { server in
                for chain in Self.chains {
                    let origin = try await onThread { try Self.origin(server, chain.fields) }
                    #expect(origin == "127.0.0.1 http")
                }
            }
        }
    }

    @Test func `a Unix socket is trusted when it is named`() async throws {
        let path = "/tmp/forwarding-\(getpid()).sock"
        defer { unlink(path) }
        for (list, origin) in [(["unix"], "<192.0.2.1 https>"), ([], "<unix http>")] {
            let server = try TestServer(
                addresses: [.unix(path: path)],
                { $0.trust(list) },
                handler: Self.origin)
            try await TestServer.with(server) { _ in
                let client = try RawClient(unixPath: path)
                let text = client.exchange(
                    "GET / HTTP/1.1\r\nHost: h\r\nForwarded: for=192.0.2.1;proto=https\r\n\r\n")
                #expect(text.hasSuffix(origin))
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("::1", true), ("10.0.0.0/8", true), ("0.0.0.0/0", true), ("::/0", true),
        ("2001:db8::/32", true), ("192.0.2.1/32", true), ("unix", true), ("", false), ("10.0.0.1/8", false),
        ("10.0.0.0/33", false), ("::/129", false), ("10.0.0.0/", false), ("10.0.0.0/+8", false), ("/8", false),
        ("10/8", false), ("10.0.0.0/8/8", false), ("localhost", false), ("Unix", false), (" 10.0.0.1", false),
        ("010.0.0.1", false), ("fe80::1%lo", false), ("10.0.0.0/08x", false),
    ])
    func `a proxy is an address, a network or unix`(text: String, isOne: Bool) {
        var proxies = TrustedProxies()
        let isTaken = proxies.insert(text)
        #expect(isTaken == isOne)
        #expect(proxies.isEmpty != isOne)
    }
}

extension ServerConfiguration {
    mutating func trust(_ words: [String]) {
        for word in words {
            let isTaken = trustedProxies.insert(word)
            #expect(isTaken)
        }
    }
}
