import COpenSSL

/// A connection over TLS 1.2 or 1.3. Its handshake goes on inside the first reads and writes.
///
/// OpenSSL reads and writes the socket itself, through `write`: the process must ignore SIGPIPE.
final class TLSTransport: Transport {
    private enum Stage {
        /// Nothing has come yet: it may not be TLS at all.
        case new
        case encrypted
        /// The peer speaks plain HTTP: it gets one plain answer.
        case plain
        /// What still comes means nothing any more; it is read without OpenSSL and dropped.
        case over
    }

    private let socket: PlainTransport
    /// Keeps what `connection` refers to.
    private let identity: TLSIdentity
    /// Nil when there was no memory for it, and after the end.
    private var connection: OpaquePointer?
    private var stage = Stage.new
    /// The handshake is done; OpenSSL forgets that in an error.
    private var isEstablished = false
    /// Records since the last that brought data.
    private var recordsInVain = 0
    private var hasTooManyInVain: Bool { recordsInVain > Self.recordsInVainMax }

    /// OpenSSL works off records without data (new keys, alerts, attempts to negotiate again) within one call, for as long
    /// as more of them are there: hundreds of thousands a second. A peer that means well sends very few.
    private static let recordsInVainMax = 32

    init(_ descriptor: Int32, identity: TLSIdentity) {
        socket = PlainTransport(descriptor)
        self.identity = identity
        connection = identity.makeConnection(descriptor)
        copenssl_watch_messages(connection, Unmanaged.passUnretained(self).toOpaque()) { isSent, _, type, _, _, _, me in
            guard isSent == 0, type == SSL3_RT_HEADER, let me else { return }
            Unmanaged<TLSTransport>.fromOpaque(me).takeUnretainedValue().recordHasCome()
        }
    }

    deinit { SSL_free(connection) }

    var isEncrypted: Bool { stage != .plain }

    // MARK: Reading

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        switch stage {
        case .new:
            var first: UInt8 = 0
            let seen = withUnsafeMutableBytes(of: &first) { socket.peek(into: $0) }
            guard seen == .bytes(1) else { return seen }
            // A record that begins a handshake begins with 22 (RFC 8446, 5.1); a method begins with a letter.
            if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) {
                stage = .plain
                return .notEncrypted
            }
            stage = .encrypted
            return readEncrypted(into: buffer)
        case .encrypted: return readEncrypted(into: buffer)
        case .plain, .over: return socket.read(into: buffer)
        }
    }

    private func readEncrypted(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        ERR_clear_error()
        let result = outcome(SSL_read(connection, buffer.baseAddress, Int32(clamping: buffer.count)))
        if case .bytes = result {
            recordsInVain = 0
        } else if hasTooManyInVain {
            stage = .over
            return .failed
        }
        return result
    }

    /// In the middle of a call into OpenSSL, which bounds by itself what a handshake may take.
    private func recordHasCome() {
        guard SSL_is_init_finished(connection) == 1 else { return }
        recordsInVain += 1
        // As if the peer had ended: the call returns instead of going on.
        if hasTooManyInVain { SSL_set_shutdown(connection, SSL_get_shutdown(connection) | SSL_RECEIVED_SHUTDOWN) }
    }

    // MARK: Writing

    func write(_ buffer: UnsafeRawBufferPointer, hasMore: Bool) -> Transfer {
        switch stage {
        case .new, .encrypted:
            ERR_clear_error()
            return outcome(SSL_write(connection, buffer.baseAddress, Int32(clamping: buffer.count)))
        case .plain: return socket.write(buffer, hasMore: hasMore)
        case .over: return .failed
        }
    }

    var waiting: Int { socket.waiting }

    private func outcome(_ result: Int32) -> Transfer {
        guard connection != nil else { return .failed }
        if result > 0 {
            isEstablished = true
            return .bytes(Int(result))
        }
        switch SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            if !isEstablished { isEstablished = SSL_is_init_finished(connection) == 1 }
            return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SSL:
            // The peer has been sent an alert, unless it has sent one itself.
            stage = .over
            return isEstablished ? .failed : .refused
        default:
            stage = .over
            return .failed
        }
    }

    // MARK: The end

    func closeWriting() -> Bool {
        guard sendCloseNotify() else { return false }
        stage = .over
        return socket.closeWriting()
    }

    /// False when the socket takes nothing now.
    private func sendCloseNotify() -> Bool {
        guard stage == .encrypted, SSL_is_init_finished(connection) == 1 else { return true }
        ERR_clear_error()
        let result = SSL_shutdown(connection)
        return result >= 0 || SSL_get_error(connection, result) != SSL_ERROR_WANT_WRITE
    }

    func close() {
        // RFC 9112 9.8: an attempt is owed, no more.
        _ = sendCloseNotify()
        release()
        socket.close()
    }

    func abort() {
        release()
        socket.abort()
    }

    private func release() {
        stage = .over
        SSL_free(connection)
        connection = nil
    }
}
