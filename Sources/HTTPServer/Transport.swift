import Glibc

enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    /// The peer sends no more.
    case end
    /// The first bytes are HTTP where TLS was due; from now on everything is sent as it is.
    case notEncrypted
    /// There is no agreement with the peer, and it has been told why.
    case refused
    case failed
}

/// The bytes of one connection, plain or encrypted; never blocks. Loop thread only.
protocol Transport: AnyObject {
    /// Then a short read does not mean that nothing is left, and each direction may have to wait for the other.
    var isEncrypted: Bool { get }
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer
    /// What was refused as `wouldBlock` must come again, perhaps with more behind it. `hasMore`: something is written behind
    /// it at once, so it need not leave alone.
    func write(_ buffer: UnsafeRawBufferPointer, hasMore: Bool) -> Transfer
    /// How many bytes the system holds that the peer's system has not taken yet.
    var waiting: Int { get }
    /// The peer reads the end; it may go on sending, but what it sends is not made readable any more. False: not yet, try
    /// again when the socket is writable.
    func closeWriting() -> Bool
    func close()
    /// Closes so that the peer sees no clean end.
    func abort()
}

final class PlainTransport: Transport {
    let descriptor: Int32
    let isEncrypted = false
    /// A Unix socket has only ever taken the whole of what one call gave it.
    private lazy var pieceBytesMax = isUnix ? Self.unixPieceBytesMax : .max

    /// Else `waiting` would not change for longer than a slow reader is given.
    private static let unixPieceBytesMax = 16_384

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer { receive(into: buffer, flags: 0) }

    /// What comes next, without taking it.
    func peek(into buffer: UnsafeMutableRawBufferPointer) -> Transfer { receive(into: buffer, flags: MSG_PEEK) }

    private func receive(into buffer: UnsafeMutableRawBufferPointer, flags: some BinaryInteger) -> Transfer {
        while true {
            let count = Glibc.recv(descriptor, buffer.baseAddress, buffer.count, Int32(flags))
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, hasMore: Bool) -> Transfer {
        let flags = hasMore ? Int32(MSG_NOSIGNAL | MSG_MORE) : Int32(MSG_NOSIGNAL)
        let piece = buffer.count > Self.unixPieceBytesMax ? min(buffer.count, pieceBytesMax) : buffer.count
        while true {
            let count = Glibc.send(descriptor, buffer.baseAddress, piece, flags)
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    private var isUnix: Bool {
        var domain: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX
    }

    var waiting: Int {
        var count: Int32 = 0
        // SIOCOUTQ has the same number (tcp(7), unix(7)).
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    func closeWriting() -> Bool {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
        return true
    }

    func close() { _ = Glibc.close(descriptor) }

    func abort() {
        // Lingering for no time resets the connection instead of ending it.
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}
