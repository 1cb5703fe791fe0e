import COpenSSL
import Glibc

/// A chain of certificates and a key out of PEM (RFC 7468), each looked at for what operators get wrong.
struct TLSFiles: ~Copyable {
    /// X509 each; the server's own first.
    let chain: [OpaquePointer]
    /// EVP_PKEY.
    let key: OpaquePointer
    /// When all of them are valid, in seconds since 1970; the one instant of its end when there is no such time.
    let validity: ClosedRange<Int>

    init(certificates: [UInt8], key bytes: [UInt8]) throws(TLSError) {
        let chain = try Self.readChain(certificates)
        var read: OpaquePointer?
        do throws(TLSError) {
            try Self.checkOrder(chain)
            let key = try Self.readKey(bytes)
            read = key
            guard X509_check_private_key(chain[0], key) == 1 else {
                throw TLSError(.key, "is not the key of the first certificate in the certificate's file")
            }
            validity = try Self.validity(chain)
            self.key = key
        } catch {
            EVP_PKEY_free(read)
            for certificate in chain { X509_free(certificate) }
            throw error
        }
        self.chain = chain
    }

    deinit {
        for certificate in chain { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    private static func readChain(_ bytes: [UInt8]) throws(TLSError) -> [OpaquePointer] {
        var chain: [OpaquePointer] = []
        let memory = BIO_new_mem_buf(bytes, Int32(clamping: bytes.count))
        defer { BIO_free(memory) }
        ERR_clear_error()
        while let certificate = PEM_read_bio_X509(memory, nil, refusePassword, nil) { chain.append(certificate) }
        // "No further begin line" is the end; anything else is a certificate that cannot be read.
        let isEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
        guard isEnd, !chain.isEmpty else {
            for certificate in chain { X509_free(certificate) }
            throw TLSError(
                .certificate,
                isEnd
                    ? "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
                    : "certificate \(chain.count + 1) is damaged: \(lastReason())")
        }
        return chain
    }

    private static func checkOrder(_ chain: [OpaquePointer]) throws(TLSError) {
        for index in chain.indices.dropFirst()
        where X509_check_issued(chain[index], chain[index - 1]) != X509_V_OK {
            throw TLSError(
                .certificate,
                """
                certificate \(index + 1) is not the issuer of certificate \(index); the server's own comes first, then \
                each one's issuer
                """)
        }
    }

    private static func readKey(_ bytes: [UInt8]) throws(TLSError) -> OpaquePointer {
        let memory = BIO_new_mem_buf(bytes, Int32(clamping: bytes.count))
        defer { BIO_free(memory) }
        var wantsPassword = false
        ERR_clear_error()
        if let key = PEM_read_bio_PrivateKey(memory, nil, refusePassword, &wantsPassword) { return key }
        if wantsPassword {
            throw TLSError(.key, "is encrypted; nobody is there to type its password: store it without one")
        }
        throw String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY-----")
            ? TLSError(.key, "is damaged: \(lastReason())")
            : TLSError(.key, "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
    }

    /// OpenSSL would ask at the terminal instead.
    private static let refusePassword:
        @convention(c) (
            UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, _, _, wantsPassword in
            wantsPassword?.storeBytes(of: true, as: Bool.self)
            return -1
        }

    private static func validity(_ chain: [OpaquePointer]) throws(TLSError) -> ClosedRange<Int> {
        var (from, until) = (Int.min, Int.max)
        for (index, certificate) in chain.enumerated() {
            guard let begin = seconds(X509_get0_notBefore(certificate)),
                let end = seconds(X509_get0_notAfter(certificate))
            else { throw TLSError(.certificate, "certificate \(index + 1) has no time of validity") }
            from = max(from, begin)
            until = min(until, end)
        }
        return min(from, until)...until
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return timegm(&parts)
    }

    /// What OpenSSL complained of last.
    static func lastReason() -> String {
        ERR_reason_error_string(ERR_peek_last_error()).map { String(cString: $0) } ?? "it does not say why"
    }
}
