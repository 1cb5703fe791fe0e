import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Testing

private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

/// What stands before the first request of a proxy's connection.
@Suite(.serialized) struct ProxyProtocolTests {
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    static let ipv4: [UInt8] = [192, 0, 2, 1, 127, 0, 0, 1, 0x12, 0x34, 0, 80]
    static let ipv6: [UInt8] =
        [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 15) + [
            1, 1, 2, 3, 4,
        ]

    static func binary(_ command: UInt8, _ family: UInt8, _ block: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? block.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + block
    }

    struct Header: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        /// Nil: the connection is closed without a word.
        let origin: String?

        init(_ name: String, _ bytes: [UInt8], _ origin: String?) {
            testDescription = name
            self.bytes = bytes
            self.origin = origin
        }

        init(_ line: String, _ origin: String?) { self.init(line, Array(line.utf8), origin) }
    }

    static let headers: [Header] = [
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\r\n", "192.0.2.1"),
        .init("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
        .init("PROXY TCP6 2001:db8::1 ::1 0 1\r\n", "2001:db8::1"),
        .init("PROXY UNKNOWN\r\n", "127.0.0.1"),
        .init("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "127.0.0.1"),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\n", nil),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 56324\r\n", nil),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443 1\r\n", nil),
        .init("PROXY  TCP4 192.0.2.1 127.0.0.1 56324 443\r\n", nil),
        .init("PROXY TCP4 192.0.2.1  127.0.0.1 56324 443\r\n", nil),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 056324 443\r\n", nil),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 65536 443\r\n", nil),
        .init("PROXY TCP4 192.0.2.1 127.0.0.1 -1 443\r\n", nil),
        .init("PROXY TCP4 192.0.2.256 127.0.0.1 56324 443\r\n", nil),
        .init("PROXY TCP4 2001:db8::1 ::1 56324 443\r\n", nil),
        .init("PROXY TCP6 192.0.2.1 127.0.0.1 56324 443\r\n", nil),
        .init("PROXY UDP4 192.0.2.1 127.0.0.1 56324 443\r\n", nil),
        .init("PROXY\r\n", nil),
        .init("PROXYTCP4 192.0.2.1 127.0.0.1 56324 443\r\n", nil),
        .init("proxy TCP4 192.0.2.1 127.0.0.1 56324 443\r\n", nil),
        .init("PROXY UNKNOWN \(String(repeating: "x", count: 100))\r\n", nil),
        .init("\r\n", nil),
        .init("no header", [], nil),
        .init("version 2, IPv4", binary(0x21, 0x11, ipv4), "192.0.2.1"),
        .init("version 2, IPv6", binary(0x21, 0x21, ipv6), "2001:db8::1"),
        .init("version 2, a Unix socket", binary(0x21, 0x31, [UInt8](repeating: 120, count: 216)), "127.0.0.1"),
        .init("version 2, LOCAL", binary(0x20, 0x00, []), "127.0.0.1"),
        .init("version 2, LOCAL with addresses", binary(0x20, 0x11, ipv4), "127.0.0.1"),
        .init("version 2, LOCAL of any family", binary(0x20, 0xFF, [1, 2, 3]), "127.0.0.1"),
        .init("version 2, no family", binary(0x21, 0x00, []), "127.0.0.1"),
        .init("version 2, TLVs", binary(0x21, 0x11, ipv4 + [4, 0, 3, 1, 2, 3]), "192.0.2.1"),
        .init("version 2, the longest", binary(0x21, 0x11, ipv4 + [UInt8](repeating: 4, count: 65_523)), "192.0.2.1"),
        .init("version 2, a block too short", binary(0x21, 0x11, Array(ipv4.dropLast())), nil),
        .init("version 2, an IPv6 block too short", binary(0x21, 0x21, ipv4), nil),
        .init("version 2, UDP", binary(0x21, 0x12, ipv4), nil),
        .init("version 2, an unknown family", binary(0x21, 0x41, ipv4), nil),
        .init("version 2, an unknown command", binary(0x22, 0x11, ipv4), nil),
        .init("version 3", binary(0x31, 0x11, ipv4), nil),
        .init("version 1 in binary", binary(0x11, 0x11, ipv4), nil),
        .init("a damaged signature", [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 11, 0x21, 0x11, 0, 12] + ipv4, nil),
    ]

    private static let origin: @Sendable (Request) async -> Response = {
        Response(status: 200, body: .bytes(Array("<\($0.remoteAddress)>".utf8)))
    }

    private func server(_ trusted: String = "127.0.0.1", headSeconds: Double = 10) throws -> TestServer {
        try TestServer(
            loops: 2,
            { configuration in
                configuration.trust([trusted])
                configuration.usesProxyProtocol = true
                configuration.headSecondsMax = headSeconds
                configuration.lingerSecondsMax = 0.1
            }, handler: Self.origin)
    }

    @Test func `a header names the client, whole and byte by byte, and a malformed one ends the connection`()
        async throws
    {
        try await TestServer.with(try server()) { server in
            for header in Self.headers {
                try await onThread { try Self.check(header, server) }
            }
        }
    }

    private static func check(_ header: Header, _ server: TestServer) throws {
        let answer = header.origin.map { ["200 OK|Content-Length: \($0.utf8.count + 2)||<\($0)>"] } ?? []
        let whole = try RawClient(port: server.port)
        whole.send(header.bytes)
        #expect(responses(whole.exchange(get)) == answer, "\(header)")
        if header.bytes.count > 1_000 { return }
        let dripping = try RawClient(port: server.port)
        for byte in header.bytes where !dripping.send([byte]) { break }
        #expect(responses(dripping.exchange(get)) == answer, "\(header), byte by byte")
    }

    @Test func `the header holds for every request of its connection and for no other's`() async throws {
        try await TestServer.with(try server()) { server in
            let client = try RawClient(port: server.port)
            let text = client.exchange("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n" + get + get + "PROXY " + get)
            #expect(responses(text).map { $0.suffix(11) }.prefix(2) == ["<192.0.2.1>", "<192.0.2.1>"])
            #expect(responses(text).count == 3 && responses(text)[2].hasPrefix("400"))
        }
    }

    @Test func `what the header names is trusted no further, unless it is a proxy too`() async throws {
        try await TestServer.with(try server("127.0.0.0/8")) { server in
            let request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
            for (source, origin) in [("192.0.2.1", "<192.0.2.1>"), ("127.9.9.9", "<6.6.6.6>")] {
                let client = try RawClient(port: server.port)
                #expect(client.exchange("PROXY TCP4 \(source) 127.0.0.1 1 2\r\n" + request).hasSuffix(origin))
            }
        }
    }

    @Test func `who is not trusted speaks HTTP alone`() async throws {
        try await TestServer.with(try server("10.0.0.0/8")) { server in
            #expect(try RawClient(port: server.port).exchange(get).hasSuffix("<127.0.0.1>"))
            let answers = responses(try RawClient(port: server.port).exchange("PROXY UNKNOWN\r\n" + get))
            #expect(answers.count == 1 && answers[0].hasPrefix("400"))
        }
    }

    @Test func `a header that does not come ends the connection in the header's time`() async throws {
        try await TestServer.with(try server(headSeconds: 0.3)) { server in
            for bytes in [[], Array("PROXY TCP4 ".utf8), Self.binary(0x21, 0x11, [1, 2], length: 40_000)] {
                let client = try RawClient(port: server.port)
                client.send(bytes)
                #expect(client.receiveAll().text == "")
            }
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func `a stop does not wait for a header longer than for a request`() async throws {
        let server = try server()
        let silent = try RawClient(port: server.port)
        let late = try RawClient(port: server.port)
        for _ in 0..<3_000 where server.server.connectionCount < 2 { usleep(10_000) }
        let stopping = Task { await server.stop(drain: .seconds(20)) }
        #expect(late.exchange("PROXY UNKNOWN\r\n" + get).hasSuffix("<127.0.0.1>"))
        #expect(silent.receiveAll().text == "")
        await stopping.value
        #expect(server.server.connectionCount == 0)
    }
}
