import COpenSSL
import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import TestKit

/// A blocking client over TLS, that trusts the tests' authority alone.
final class TLSClient: RawClient {
    /// What a client offers and wants.
    struct Offer: Sendable {
        var versions = TLS1_2_VERSION...TLS1_3_VERSION
        var ciphers: String?
        var signatures: String?
        var protocols: [String] = []
        /// Nil: none is resumed.
        var session: Session?
    }

    /// SSL_SESSION; counted by OpenSSL, read only.
    final class Session: @unchecked Sendable {
        let value: OpaquePointer
        init(_ value: OpaquePointer) { self.value = value }
        deinit { SSL_SESSION_free(value) }
    }

    /// The reason that OpenSSL gives, such as "tlsv1 alert protocol version".
    struct Refused: Error { let reason: String }

    /// SSL_CTX, for all clients.
    ///
    /// Unchecked: it is not changed once it is made.
    private struct Context: @unchecked Sendable { let value: OpaquePointer? }
    private static let context: Context = {
        let context = SSL_CTX_new(TLS_client_method())
        SSL_CTX_load_verify_locations(context, TestCertificates.shared.path("root.pem"), nil)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        return Context(value: context)
    }()
    let connection: OpaquePointer?

    /// Connects and shakes hands.
    init(port: UInt16, _ offer: Offer = Offer(), receiveBuffer: Int32? = nil, segment: Int32? = nil) throws {
        connection = SSL_new(Self.context.value)
        // TLS 1.1 needs SHA-1, which is what is to be refused.
        SSL_set_security_level(connection, 0)
        _ = copenssl_set_versions(connection, offer.versions.lowerBound, offer.versions.upperBound)
        SSL_set_cipher_list(connection, offer.ciphers ?? "ALL")
        if let signatures = offer.signatures { _ = copenssl_set_signatures_offered(connection, signatures) }
        SSL_set1_host(connection, "localhost")
        _ = copenssl_set_server_name(connection, "localhost")
        if let session = offer.session { SSL_set_session(connection, session.value) }
        let protocols = offer.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !protocols.isEmpty { SSL_set_alpn_protos(connection, protocols, UInt32(protocols.count)) }
        try super.init(port: port, receiveBuffer: receiveBuffer, segment: segment)
        SSL_set_fd(connection, descriptor)
        ERR_clear_error()
        guard SSL_connect(connection) == 1 else {
            throw Refused(reason: ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) } ?? "cut off")
        }
    }

    deinit { SSL_free(connection) }

    var version: String { SSL_get_version(connection).map { String(cString: $0) } ?? "" }
    var cipher: String { SSL_CIPHER_get_name(SSL_get_current_cipher(connection)).map { String(cString: $0) } ?? "" }
    var isResumed: Bool { SSL_session_reused(connection) == 1 }

    /// What was agreed on by ALPN; empty: nothing.
    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(connection, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The name in the server's certificate: `rsa` of `/CN=rsa`.
    var serverName: String {
        guard let certificate = SSL_get1_peer_certificate(connection) else { return "" }
        defer { X509_free(certificate) }
        var line = [CChar](repeating: 0, count: 100)
        X509_NAME_oneline(X509_get_subject_name(certificate), &line, 100)
        return String(decoding: line.dropFirst(4).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// To resume; under TLS 1.3 only after something was received.
    func session() -> Session? { SSL_get1_session(connection).map(Session.init) }

    @discardableResult
    override func send(_ bytes: [UInt8]) -> Bool {
        ERR_clear_error()
        return bytes.isEmpty || SSL_write(connection, bytes, Int32(bytes.count)) == Int32(bytes.count)
    }

    /// Goes on with new keys for what it sends (TLS 1.3), and wants the server to do so too, or not; false when the server has closed.
    @discardableResult
    func changeKeys(wantsAnswer: Bool = false) -> Bool {
        ERR_clear_error()
        let kind = wantsAnswer ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED
        return SSL_key_update(connection, kind) == 1 && SSL_do_handshake(connection) == 1
    }

    /// Ends as TLS wants it: close_notify.
    override func closeWriting() {
        ERR_clear_error()
        SSL_shutdown(connection)
        super.closeWriting()
    }

    /// Ends without a word.
    func cutWriting() { super.closeWriting() }

    /// Empty at a close_notify; nil when the connection ends without one.
    override func receiveSome(_ count: Int = 65_536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        ERR_clear_error()
        let received = SSL_read(connection, &buffer, Int32(count))
        if received > 0 { return Array(buffer[..<Int(received)]) }
        return SSL_get_error(connection, received) == SSL_ERROR_ZERO_RETURN ? [] : nil
    }
}

extension TestServer {
    /// Serves over TLS, with one of `TestCertificates`.
    static func tls(
        _ name: String = "ecdsa", loops: Int = 1, configure: (inout ServerConfiguration) -> Void = { _ in },
        handler: @escaping @Sendable (Request) async -> Response = TestServer.echo
    ) throws -> TestServer {
        let context = try TLSContext.of(name)
        return try TestServer(
            loops: loops, addresses: [.tls(.tcp(host: "127.0.0.1", port: 0))],
            {
                $0.tls = context
                configure(&$0)
            }, handler: handler)
    }
}

extension TLSContext {
    static func of(_ certificates: String, key: String? = nil) throws -> TLSContext {
        try TLSContext(
            certificates: TestCertificates.shared.bytes("\(certificates).pem"),
            key: TestCertificates.shared.bytes("\(key ?? certificates).key"))
    }
}
