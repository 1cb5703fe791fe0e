import Glibc

struct HTTPAnswer: Sendable {
    let status: Int
    /// Names in lower case.
    let fields: [String: String]
    var body: [UInt8] = []
}

/// A connection that blocks its thread; it understands what our service sends, and no other answer.
final class HTTPConnection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// `patience` in seconds, for each step of an exchange.
    init(_ path: String, patience: Int) throws(Failure) {
        descriptor = UnixSocket.connect(to: path)
        guard descriptor >= 0 else { throw Failure("no connection: \(systemError())") }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for name in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, name, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws(Failure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure("cannot send: \(systemError())") }
            sent += count
        }
    }

    /// The head and the whole body, which has a `Content-Length`.
    func answer() throws(Failure) -> HTTPAnswer {
        var answer = try head()
        guard let length = Int(answer.fields["content-length"] ?? "0") else {
            throw Failure("an answer without a length")
        }
        while buffer.count < length { try receive() }
        answer.body = Array(buffer[..<length])
        buffer.removeFirst(length)
        return answer
    }

    func head() throws(Failure) -> HTTPAnswer {
        var lines: [String] = []
        while true {
            let line = try line()
            if line.isEmpty { break }
            lines.append(line)
        }
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
        else {
            throw Failure("no HTTP answer")
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        return HTTPAnswer(status: status, fields: fields)
    }

    /// The next piece of a body that comes in chunks (RFC 9112, 7.1); nil: that was the last.
    func chunk() throws(Failure) -> [UInt8]? {
        guard let length = Int(try line(), radix: 16) else { throw Failure("no chunk") }
        while buffer.count < length + 2 { try receive() }
        let piece = Array(buffer[..<length])
        buffer.removeFirst(length + 2)
        return length == 0 ? nil : piece
    }

    /// Up to a CRLF, without it.
    private func line() throws(Failure) -> String {
        while true {
            if let end = buffer.firstIndex(of: 10), end > 0 {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<(end - 1)], as: UTF8.self)
            }
            try receive()
        }
    }

    private func receive() throws(Failure) {
        let count = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { space -> Int in
            let count = recv(descriptor, space.baseAddress, space.count, 0)
            if count > 0 { buffer.append(contentsOf: space[..<count]) }
            return count
        }
        guard count > 0 else { throw Failure(count == 0 ? "the connection was closed" : "no answer: \(systemError())") }
    }
}
