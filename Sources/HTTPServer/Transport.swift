import Glibc

enum Transfer: Equatable {
    case bytes(Int)
    case wouldBlock
    /// The peer sends no more.
    case end
    case failed
}

/// The bytes of one connection, plain or encrypted; never blocks. Loop thread only.
protocol Transport: AnyObject {
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer
    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer
    /// The peer reads the end; it may go on sending.
    func closeWriting()
    func close()
    /// Closes so that the peer sees no clean end.
    func abort()
}

final class PlainTransport: Transport {
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = Glibc.recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    func closeWriting() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    func close() { _ = Glibc.close(descriptor) }

    func abort() {
        // Lingering for no time resets the connection instead of ending it.
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}
