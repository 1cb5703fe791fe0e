import Glibc

/// One connection with one request on its way. It understands what has a `Content-Length`, and no other answer.
final class ClientConnection {
    struct Failure: Error { let text: String }

    let descriptor: Int32
    private var buffer: [UInt8] = []
    /// Of the answer that is coming; nil until it is whole.
    private var head: AnswerHead?

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

    /// Sends a request whole; blocks where the system has no room for it.
    func send(_ request: [UInt8]) throws(Failure) {
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(text: "cannot send: \(errno)") }
            sent += count
        }
        buffer.removeAll(keepingCapacity: true)
        head = nil
    }

    /// Takes what is there; nil: that is not the whole answer yet.
    func receive() throws(Failure) -> AnswerHead? {
        let count = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { space -> Int in
            let count = recv(descriptor, space.baseAddress, space.count, Int32(MSG_DONTWAIT))
            if count > 0 { buffer.append(contentsOf: space[..<count]) }
            return count
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        guard count > 0 else {
            throw Failure(text: count == 0 ? "the connection was closed" : "cannot receive: \(errno)")
        }
        if head == nil { head = AnswerHead(buffer) }
        guard let head, buffer.count >= head.length + head.bodyLength else { return nil }
        return head
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
        length = end
        // `HTTP/1.1 200`
        status = end > 12 ? bytes[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 } : 0
        var bodyLength = 0
        var closes = false
        var start = 0
        while let stop = bytes[start..<end].firstIndex(of: 13), stop > start {
            let line = bytes[start..<stop]
            if let value = Self.value(of: "content-length:", in: line) {
                bodyLength = value.reduce(0) { $0 * 10 + Int($1) - 48 }
            } else if let value = Self.value(of: "connection:", in: line) {
                closes = value.elementsEqual("close".utf8) { $0 | 0x20 == $1 }
            }
            start = stop + 2
        }
        self.bodyLength = bodyLength
        self.closes = closes
    }

    /// What stands behind a name in lower case and its colon; nil: the line has another name.
    private static func value(of name: StaticString, in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let count = name.utf8CodeUnitCount
        guard line.count >= count else { return nil }
        for (index, byte) in line.prefix(count).enumerated() {
            let isLetter = (0x41...0x5A).contains(byte)
            if (isLetter ? byte | 0x20 : byte) != name.utf8Start[index] { return nil }
        }
        return line.dropFirst(count).drop { $0 == 32 }
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
