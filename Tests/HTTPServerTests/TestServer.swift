import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Testing

/// A server on loops of its own, at a port that the system chose.
struct TestServer {
    let server: HTTPServer
    let loops: [EventLoop]
    let port: UInt16

    init(
        loops count: Int = 1, addresses: [ServerAddress] = [.tcp(host: "127.0.0.1", port: 0)],
        _ configure: (inout ServerConfiguration) -> Void = { _ in },
        handler: @escaping @Sendable (Request) async -> Response = TestServer.echo,
        promptly: @escaping @Sendable (Request) -> PromptReply? = { _ in nil }
    ) throws {
        ignoreSIGPIPE()
        var configuration = ServerConfiguration(addresses: addresses)
        configure(&configuration)
        loops = try (0..<count).map { try EventLoop(name: "test-\($0)") }
        server = HTTPServer(
            configuration, loops: loops, handler: { _ in handler }, promptly: { _ in promptly },
            refusal: { refusal, _ in Response(status: refusal.status, body: .bytes(Array("\(refusal)".utf8))) })
        try server.start()
        port = server.boundPorts.first ?? 0
        for loop in loops { try loop.start() }
    }

    func stop(drain: Duration = .seconds(2)) async {
        await server.stop(drain: drain)
        for loop in loops {
            loop.stop()
            loop.join()
        }
    }

    /// Runs `body` and stops the server, whatever happens. On a thread of its own: the clients block, and other tests
    /// need the few threads of the global pool.
    static func with(
        _ server: TestServer, drain: Duration = .seconds(2), _ body: (TestServer) async throws -> Void
    ) async throws {
        let control = try EventLoop(name: "control")
        try control.start()
        defer { control.stop() }
        try await withTaskExecutorPreference(control) {
            do {
                try await body(server)
            } catch {
                await server.stop(drain: .zero)
                throw error
            }
            await server.stop(drain: drain)
        }
    }

    /// Answers with method, path and body, or as the path says.
    @Sendable static func echo(_ request: Request) async -> Response {
        switch request.path {
        case "/empty": return Response(status: 204)
        case "/ignore": return Response(status: 200, body: .bytes(Array("ignored".utf8)))
        case "/not-modified": return Response(status: 304, fields: Fields([("ETag", "\"1\"")]), body: .bytes([1, 2]))
        case "/large": return Response(status: 200, body: .bytes([UInt8](repeating: 120, count: 4 << 20)))
        case "/stream", "/stream-known", "/stream-broken", "/stream-short":
            let pieces = Pieces(left: 3, breaks: request.path == "/stream-broken")
            let length: Int? = request.path == "/stream-known" ? 6 : request.path == "/stream-short" ? 7 : nil
            return Response(status: 200, body: .stream(length: length, next: { try pieces.next() }))
        case "/evil": return Response(status: 200, fields: Fields([("X", "a\r\nY: b")]), body: .none)
        case "/odd": return Response(status: 999)
        case "/loop": return Response(status: 200, body: .bytes(Array("\(EventLoop.current?.name ?? "none")".utf8)))
        default:
            do {
                let body = try await request.body.collect(upTo: 1 << 20)
                let line = "\(request.method) \(request.path) "
                return Response(status: 200, fields: Fields([("X-Test", "1")]), body: .bytes(Array(line.utf8) + body))
            } catch {
                let status =
                    switch error {
                    case .tooLarge: 413
                    case .broken: 400
                    case .timedOut: 408
                    }
                return Response(status: status, body: .bytes(Array("\(error)".utf8)))
            }
        }
    }
}

final class Pieces: Sendable {
    private let left: Locked<Int>
    private let breaks: Bool
    struct Broken: Error {}

    init(left: Int, breaks: Bool) {
        self.left = Locked(left)
        self.breaks = breaks
    }

    func next() throws -> [UInt8]? {
        let number = left.withLock { left in
            left -= 1
            return left
        }
        if breaks, number == 0 { throw Broken() }
        return number < 0 ? nil : Array("ab".utf8)
    }
}

/// A blocking client that sends and receives bytes and nothing more.
class RawClient {
    let descriptor: Int32

    /// `segment`: what a packet holds at most; by loopback it is else 64 KiB, and a window opens by as much.
    init(port: UInt16, receiveBuffer: Int32? = nil, segment: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        if var size = segment { setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &size, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw EventLoopError("connect") }
        setTimeout(seconds: 5)
    }

    init(unixPath: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixPath.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw EventLoopError("connect") }
        setTimeout(seconds: 5)
    }

    deinit { close(descriptor) }

    func setTimeout(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// False when the server has closed.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Up to `count` bytes; empty at the end, nil on a reset or after five seconds of silence.
    func receiveSome(_ count: Int = 65_536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &buffer, count, 0)
        return received < 0 ? nil : Array(buffer[..<received])
    }

    /// Until `ending` has come, the connection's end, or the patience's.
    func receive(until ending: String) -> String {
        var all: [UInt8] = []
        let wanted = Array(ending.utf8)
        while !(all.count >= wanted.count && all.suffix(wanted.count).elementsEqual(wanted)) {
            guard let some = receiveSome(), !some.isEmpty else { break }
            all += some
        }
        return String(decoding: all, as: UTF8.self)
    }

    /// Everything until the server ends; `isClean` is false on a reset or silence.
    func receiveAll() -> (text: String, isClean: Bool) {
        var all: [UInt8] = []
        while let some = receiveSome() {
            if some.isEmpty { return (String(decoding: all, as: UTF8.self), true) }
            all += some
        }
        return (String(decoding: all, as: UTF8.self), false)
    }

    /// Sends, ends, and receives all.
    func exchange(_ text: String) -> String {
        send(text)
        closeWriting()
        return receiveAll().text
    }
}

/// The responses in a text, without their dates: status line, fields, body, one string each.
func responses(_ text: String) -> [String] {
    text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { part in
        part.replacing(/Date: [^\r]*\r\n/, with: "").replacing("\r\n", with: "|")
    }
}
extension String {
    func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
