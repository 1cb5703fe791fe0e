import EventLoop
import Foundation

/// Clients that ask without a pause, on threads of their own, and count what is not answered well.
final class LoadClient: Sendable {
    struct Counts: Sendable, Equatable {
        var answered = 0
        /// Why, of the first few.
        var failures: [String] = []
        var connections = 0
    }

    private let counts = Locked(Counts())
    private let isOver = Locked(false)
    private let running = DispatchGroup()
    private let port: UInt16

    /// `keeping` keep their connections as long as the server lets them; `fresh` open one for each request.
    init(port: UInt16, keeping: Int, fresh: Int) {
        self.port = port
        for number in 0..<(keeping + fresh) {
            running.enter()
            Thread.detachNewThread { [self] in
                var connection: BlockingConnection?
                while !isOver.withLock({ $0 }) { ask(&connection, keeps: number < keeping) }
                running.leave()
            }
        }
    }

    var answered: Int { counts.withLock { $0.answered } }

    /// Lets the clients finish what they are at.
    func end() async -> Counts {
        isOver.withLock { $0 = true }
        await withCheckedContinuation { continuation in
            running.notify(queue: .global()) { continuation.resume() }
        }
        return counts.withLock { $0 }
    }

    private func ask(_ connection: inout BlockingConnection?, keeps: Bool) {
        do {
            if connection == nil {
                connection = try BlockingConnection(port: port)
                counts.withLock { $0.connections += 1 }
            }
            let answer = try connection?.exchange("GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n") ?? ""
            guard answer.hasPrefix("HTTP/1.1 200 ") else { throw BlockingConnection.Failed(what: answer) }
            counts.withLock { $0.answered += 1 }
            if !keeps || answer.contains("\r\nConnection: close\r\n") { connection = nil }
        } catch {
            connection = nil
            counts.withLock { if $0.failures.count < 20 { $0.failures.append("\(error)") } }
        }
    }
}

/// A connection that blocks the thread it is used on.
final class BlockingConnection {
    struct Failed: Error { let what: String }
    private let descriptor: Int32
    private var rest: [UInt8] = []

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        try connect(&address)
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        try connect(&address)
    }

    private func connect<Address>(_ address: inout Address) throws {
        let length = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
        }
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard result == 0 else { throw Failed(what: "connect: \(errno)") }
    }

    deinit { close(descriptor) }

    /// One request without a body, and the whole answer with its Content-Length. Throws when it does not come to its end.
    func exchange(_ request: String) throws -> String {
        _ = try begin(request)
        return try receive()
    }

    /// One request without a body, and the head of its answer with perhaps some of what follows.
    func begin(_ request: String) throws -> String {
        let bytes = Array(request.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failed(what: "send: \(errno)")
        }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while !String(decoding: rest, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw Failed(what: "no head") }
            rest += buffer[..<count]
        }
        return String(decoding: rest, as: UTF8.self)
    }

    private func receive() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let text = String(decoding: rest, as: UTF8.self)
            if let head = text.range(of: "\r\n\r\n") {
                let length = text.firstMatch(of: /\r\nContent-Length: (\d+)\r\n/).flatMap { Int($0.output.1) } ?? 0
                let count = text[..<head.upperBound].utf8.count + length
                if rest.count >= count {
                    defer { rest.removeFirst(count) }
                    return String(decoding: rest[..<count], as: UTF8.self)
                }
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw Failed(what: "after \(rest.count) bytes: \(count == 0 ? "the end" : "\(errno)")")
            }
            rest += buffer[..<count]
        }
    }

    /// What comes until the server ends; nil when it does not end in order.
    func receiveRest() -> String? {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { return nil }
            if count == 0 { return String(decoding: rest, as: UTF8.self) }
            rest += buffer[..<count]
        }
    }
}
