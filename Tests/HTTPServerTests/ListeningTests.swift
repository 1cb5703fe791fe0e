import EventLoop
import Foundation
import HTTPServer
import HTTPWire
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

@Suite(.serialized) struct ListeningTests {
    /// A path that nobody has; the test removes it.
    private static func path(_ name: String = "s") -> String { "/tmp/rgl-\(name)-\(UInt32.random(in: 0...UInt32.max))" }

    @Test func `both families and several files are served at once`() async throws {
        let paths = [Self.path(), Self.path()]
        defer { for path in paths { unlink(path) } }
        // The port of a socket for all of IPv4 is free for all of IPv6: neither takes the other's clients.
        let addresses: [ServerAddress] =
            [.tcp(host: "0.0.0.0", port: 0), .tcp(host: "::", port: 0)] + paths.map { .unix(path: $0) }
        try await TestServer.with(try TestServer(addresses: addresses)) { server in
            let ports = server.server.boundPorts
            #expect(ports.count == 4 && ports[2] == 0 && ports[3] == 0)
            let clients = try [RawClient(port: ports[0])] + paths.map { try RawClient(unixPath: $0) }
            for client in clients { #expect(client.exchange(get).contains("GET /a")) }
            #expect(throws: EventLoopError.self) { try RawClient(port: ports[1]) }
            let both = try TestServer(addresses: [.tcp(host: "0.0.0.0", port: ports[1])])
            let answer = try RawClient(port: ports[1]).exchange(get)
            #expect(answer.contains("GET /a"))
            await both.stop()
        }
    }

    @Test(arguments: [UInt32(0o600), 0o660, 0o666])
    func `a socket file has the permissions that were asked for`(mode: UInt32) async throws {
        let path = Self.path()
        defer { unlink(path) }
        let server = try TestServer(addresses: [.unix(path: path)]) { $0.unixSocketMode = mode }
        try await TestServer.with(server) { _ in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? UInt32 == mode)
        }
        // It stays: whoever listens next may have it open already.
        #expect(FileManager.default.fileExists(atPath: path))
        try await TestServer.with(try TestServer(addresses: [.unix(path: path)])) { _ in
            let answer = try RawClient(unixPath: path).exchange(get)
            #expect(answer.contains("GET /a"))
        }
    }

    /// Why nobody can listen on `addresses`; nil when somebody can.
    private static func refusal(_ addresses: [ServerAddress]) -> String? {
        do {
            _ = try TestServer(addresses: addresses)
            return nil
        } catch { return "\(error)" }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let address: ServerAddress
        let says: String
        var testDescription: String { "\(address)" }
    }

    static let mistakes = [
        Mistake(address: .tcp(host: "203.0.113.7", port: 0), says: "203.0.113.7:0: this machine has no such address"),
        Mistake(address: .tcp(host: "2001:db8::7", port: 0), says: "[2001:db8::7]:0: this machine has no such address"),
        Mistake(address: .tcp(host: "example.com", port: 80), says: "example.com:80: not a numeric address"),
        Mistake(address: .unix(path: "/nowhere/s"), says: "unix:/nowhere/s: bind: No such file"),
        Mistake(address: .unix(path: "/tmp/" + String(repeating: "x", count: 103)), says: "1 to 107 bytes"),
        Mistake(address: .unix(path: "/etc/passwd"), says: "unix:/etc/passwd: the file is no socket"),
        Mistake(address: .descriptor(999), says: "descriptor 999: it is not open"),
        Mistake(address: .descriptor(0), says: "descriptor 0: it is no socket"),
    ]

    @Test(arguments: mistakes)
    func `where nobody can listen, one sentence says why`(mistake: Mistake) throws {
        let reason = Self.refusal([.tcp(host: "127.0.0.1", port: 0), mistake.address])
        #expect(reason?.contains(mistake.says) == true, "\(reason ?? "it listens")")
        #expect(FileManager.default.fileExists(atPath: "/etc/passwd"))
    }

    @Test func `what others listen on is left to them`() async throws {
        let path = Self.path()
        defer { unlink(path) }
        try await TestServer.with(try TestServer(addresses: [.unix(path: path), .tcp(host: "127.0.0.1", port: 0)])) {
            server in
            for address in [ServerAddress.unix(path: path), .tcp(host: "localhost", port: server.server.boundPorts[1])]
            {
                let reason = Self.refusal([address])
                #expect(reason?.contains("somebody else listens there") == true)
            }
            let answer = try RawClient(unixPath: path).exchange(get)
            #expect(answer.contains("GET /a"))
        }
    }

    @Test func `of a descriptor nobody can serve on, the reason is told`() throws {
        let datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        let silent = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { for descriptor in [datagram, silent] { close(descriptor) } }
        for descriptor in [datagram, silent] {
            do throws(ListenError) {
                _ = try ServerAddress(listeningAt: descriptor)
                Issue.record("it was accepted")
            } catch { #expect(error.reason == "it is no stream socket that listens") }
        }
    }

    static let names: [(ServerAddress, ServerAddress)] = [
        (.tcp(host: "localhost", port: 80), .tcp(host: "127.0.0.1", port: 80)),
        (.tcp(host: "0:0:0:0:0:0:0:1", port: 80), .tcp(host: "::1", port: 80)),
        (.tcp(host: "::FFFF:127.0.0.1", port: 80), .tcp(host: "::ffff:127.0.0.1", port: 80)),
        (.tcp(host: "example.com", port: 80), .tcp(host: "example.com", port: 80)),
        (.unix(path: "/run/x"), .unix(path: "/run/x")),
    ]

    @Test(arguments: names)
    func `an address has one name, however it is written`(written: ServerAddress, name: ServerAddress) {
        #expect(written.canonical == name)
        #expect(name.canonical == name)
    }
}
