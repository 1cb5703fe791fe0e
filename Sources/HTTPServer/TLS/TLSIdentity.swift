import COpenSSL
import EventLoop

/// A certificate with its chain and key, and all rules of the handshake, as OpenSSL keeps them.
///
/// Unchecked: nothing is changed after `init`, and OpenSSL counts its own references atomically.
final class TLSIdentity: @unchecked Sendable {
    private let context: OpaquePointer?
    /// OpenSSL holds a bare pointer to it.
    private let tickets: TicketKeys
    let validity: ClosedRange<Int>

    // Mozilla's "intermediate" (Server Side TLS 5.7) without its finite-field Diffie-Hellman.
    private static let ciphers = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
        """
    private static let ciphersOf13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256:P-384"
    private static let signatures = """
        ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:\
        RSA+SHA256:RSA+SHA384:RSA+SHA512
        """

    init(certificates: [UInt8], key: [UInt8], tickets: TicketKeys) throws(TLSError) {
        self.tickets = tickets
        let files = try TLSFiles(certificates: certificates, key: key)
        validity = files.validity
        context = SSL_CTX_new(TLS_server_method())
        try setRules()
        try show(files)
        agreeOnProtocol()
        sealTickets()
        try shakeHands()
    }

    deinit { SSL_CTX_free(context) }

    /// Nil when there is no memory. The caller frees it, and keeps `self` as long.
    func makeConnection(_ descriptor: Int32) -> OpaquePointer? {
        guard let connection = SSL_new(context) else { return nil }
        guard SSL_set_fd(connection, descriptor) == 1 else {
            SSL_free(connection)
            return nil
        }
        SSL_set_accept_state(connection)
        return connection
    }

    private func setRules() throws(TLSError) {
        // Whatever the system's openssl.cnf says: 112 bits of strength, and no SHA-1 in a signature.
        SSL_CTX_set_security_level(context, 2)
        guard context != nil, copenssl_set_server_rules(context) == 1,
            SSL_CTX_set_cipher_list(context, Self.ciphers) == 1,
            SSL_CTX_set_ciphersuites(context, Self.ciphersOf13) == 1,
            copenssl_set_groups(context, Self.groups) == 1, copenssl_set_signatures(context, Self.signatures) == 1
        else { throw TLSError(.certificate, "this OpenSSL does not know the rules of TLS that are asked of it") }
    }

    private func show(_ files: borrowing TLSFiles) throws(TLSError) {
        ERR_clear_error()
        for (index, certificate) in files.chain.enumerated() {
            let isTaken =
                index == 0
                ? SSL_CTX_use_certificate(context, certificate) == 1
                : copenssl_add_chain_certificate(context, certificate) == 1
            guard isTaken else {
                throw TLSError(
                    .certificate, "OpenSSL does not take certificate \(index + 1): \(TLSFiles.lastReason())")
            }
        }
        guard SSL_CTX_use_PrivateKey(context, files.key) == 1 else {
            throw TLSError(.key, "OpenSSL does not take the key: \(TLSFiles.lastReason())")
        }
    }

    /// OpenSSL takes keys that no handshake under these rules can use, such as those on other curves: only a handshake
    /// shows it.
    private func shakeHands() throws(TLSError) {
        let clients = SSL_CTX_new(TLS_client_method())
        SSL_CTX_set_security_level(clients, 0)
        let client = SSL_new(clients)
        let server = SSL_new(context)
        defer {
            SSL_free(client)
            SSL_free(server)
            SSL_CTX_free(clients)
        }
        var (near, far): (OpaquePointer?, OpaquePointer?)
        guard let client, let server, BIO_new_bio_pair(&near, 0, &far, 0) == 1 else {
            throw TLSError(.certificate, "there is no memory to try it")
        }
        SSL_set_bio(client, near, near)
        SSL_set_bio(server, far, far)
        SSL_set_connect_state(client)
        SSL_set_accept_state(server)
        // Each turn carries at least 17 KB of the chain.
        for _ in 0..<64 {
            let (clientIsDone, serverIsDone) = (SSL_do_handshake(client) == 1, SSL_do_handshake(server) == 1)
            if clientIsDone && serverIsDone { return }
        }
        ERR_clear_error()
        throw TLSError(
            .certificate,
            "no client can use a key of this kind; it must be ECDSA on P-256, P-384 or P-521, Ed25519, or RSA")
    }

    /// RFC 7301 3.2: no common protocol is the end; a client that does not ask means HTTP/1.1 all the same.
    private func agreeOnProtocol() {
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenCount, offered, offeredCount, _ in
                var name: UnsafeMutablePointer<UInt8>?
                let ours: StaticString = "\u{8}http/1.1\u{8}http/1.0"
                let result = SSL_select_next_proto(
                    &name, chosenCount, ours.utf8Start, UInt32(ours.utf8CodeUnitCount), offered, offeredCount)
                guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                chosen?.pointee = UnsafePointer(name)
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }

    private func sealTickets() {
        SSL_CTX_set_timeout(context, Int(TicketKeys.secondsMax))
        // A session is resumed by those alone who would have got it (SSL_CTX_set_session_id_context(3)).
        let name = Array("reglament".utf8)
        SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
        SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(tickets).toOpaque())
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { connection, name, vector, cipher, mac, seals in
            guard let kept = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), 0), let name, let vector else {
                return -1
            }
            return Unmanaged<TicketKeys>.fromOpaque(kept).takeUnretainedValue().prepare(
                name: UnsafeMutableRawBufferPointer(start: name, count: 16),
                vector: UnsafeMutableRawBufferPointer(start: vector, count: 16), cipher: cipher, mac: mac,
                seals: seals == 1, now: EventLoop.clock())
        }
    }
}
