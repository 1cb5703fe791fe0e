import Foundation
import HTTPWire

/// The plainest of clients: sends, reads until the server closes. Blocks a thread of its own, never a loop's.
enum SocketClient {
    struct Failed: Error { let what: String }

    static func exchange(port: UInt16, _ request: [UInt8]) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try blockingExchange(port, request) }) }
        }
    }

    private static func blockingExchange(_ port: UInt16, _ request: [UInt8]) throws -> [UInt8] {
        let socket = try Socket(port: port)
        socket.send(request)
        let answer = socket.receive()
        guard !answer.isEmpty else { throw Failed(what: "no answer: \(String(cString: strerror(errno)))") }
        return answer
    }

    /// Runs what blocks on a thread of its own.
    static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// One connection, used by one thread at a time; closed when nobody holds it any longer.
final class Socket: Sendable {
    private let descriptor: Int32

    init(port: UInt16) throws {
        let opened = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard opened >= 0 else { throw SocketClient.Failed(what: "socket") }
        descriptor = opened
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(opened, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw SocketClient.Failed(what: "connect") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
    }

    /// The server sees the end of what is sent, and can still answer.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Until the server closes, or there are so many bytes.
    func receive(upTo max: Int = .max) -> [UInt8] {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if answer.count >= max { return answer }
            errno = 0
            let count = recv(descriptor, &buffer, min(buffer.count, max - answer.count), 0)
            if count <= 0 { return answer }
            answer += buffer[..<count]
        }
    }
}

extension Reply {
    /// Out of the bytes of a whole response; the body is what follows the head.
    init(_ bytes: [UInt8]) throws {
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }) else {
            throw SocketClient.Failed(what: "no head in \(bytes.count) bytes")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw SocketClient.Failed(what: "no status line")
        }
        var fields = Fields()
        for line in lines.dropFirst() {
            let halves = line.split(separator: ":", maxSplits: 1)
            if halves.count == 2 { fields.append(String(halves[0]), halves[1].trimmingCharacters(in: .whitespaces)) }
        }
        self.init(status: status, fields: fields, body: Array(bytes[(end + 4)...]))
    }
}
