import Glibc

/// A connection that blocks its thread. It understands what has a `Content-Length`, and no other answer.
final class BlockingConnection {
    struct Failure: Error { let text: String }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// Gives up what lasts longer than ten seconds.
    init(_ address: sockaddr_in) throws(Failure) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(text: "no socket: \(errno)") }
        var address = address
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(text: "no connection: \(code)")
        }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        for name in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, name, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    static func address(host: String, port: UInt16) -> sockaddr_in? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let text = host == "localhost" ? "127.0.0.1" : host
        return inet_pton(AF_INET, text, &address.sin_addr) == 1 ? address : nil
    }

    /// Sends a request and reads its answer whole. Gives the status, and whether the connection goes on.
    func exchange(_ request: [UInt8]) throws(Failure) -> (status: Int, stays: Bool) {
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(text: "cannot send: \(errno)") }
            sent += count
        }
        buffer.removeAll(keepingCapacity: true)
        while true {
            if let head = AnswerHead(buffer) {
                while buffer.count < head.length + head.bodyLength { try receive() }
                return (head.status, !head.closes)
            }
            try receive()
        }
    }

    private func receive() throws(Failure) {
        let room = withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { space -> Int in
            let count = recv(descriptor, space.baseAddress, space.count, 0)
            if count > 0 { buffer.append(contentsOf: space[..<count]) }
            return count
        }
        guard room > 0 else {
            throw Failure(text: room == 0 ? "the connection was closed" : "cannot receive: \(errno)")
        }
    }
}

/// What has to be known of an answer's head.
struct AnswerHead: Equatable {
    let status: Int
    /// To the end of the empty line.
    let length: Int
    let bodyLength: Int
    let closes: Bool

    /// Nil until the head is whole.
    init?(_ bytes: [UInt8]) {
        guard let end = Self.end(of: bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        length = end
        var bodyLength = 0
        var closes = false
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "content-length": bodyLength = Int(value) ?? 0
            case "connection": closes = value.lowercased() == "close"
            default: break
            }
        }
        self.bodyLength = bodyLength
        self.closes = closes
    }

    private static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...(bytes.count - 4)
        where bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 {
            return index + 4
        }
        return nil
    }
}
