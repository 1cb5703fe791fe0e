import COpenSSL

/// A SHA-256 value (FIPS 180-4): 32 bytes.
public struct Digest: Sendable, Hashable {
    public let bytes: [UInt8]

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// The digest of `message`.
    public init(of message: [UInt8]) {
        var hasher = SHA256()
        hasher.update(message)
        self = hasher.finish()
    }

    /// The digest of the UTF-8 bytes of `text`.
    public init(of text: String) {
        var hasher = SHA256()
        hasher.update(text)
        self = hasher.finish()
    }

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Any eight bytes of a digest are as good as a hash of all, and nobody can choose them.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { Hex.encode(bytes) }

    /// Compares in a time that does not depend on where the two differ.
    public func matches(_ other: Digest) -> Bool {
        CRYPTO_memcmp(bytes, other.bytes, bytes.count) == 0
    }
}

/// SHA-256 over a message that comes in pieces. Not to be shared between threads.
public struct SHA256: ~Copyable {
    private let context: OpaquePointer?

    /// Looked up once: with `EVP_sha256()` OpenSSL 3 would do so for every message.
    ///
    /// Unsafe for the compiler alone: an algorithm that was fetched is never changed.
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    public init() {
        context = EVP_MD_CTX_new()
        // Only memory exhaustion makes these fail; there is nothing left to do then.
        precondition(context != nil && EVP_DigestInit_ex(context, Self.algorithm, nil) == 1, "OpenSSL refused SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The UTF-8 bytes of `text`.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let accepted = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(accepted == 1, "OpenSSL refused to go on with a SHA-256")
    }

    /// Ends the message.
    public consuming func finish() -> Digest {
        var out = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let accepted = EVP_DigestFinal_ex(context, &out, &count)
        precondition(accepted == 1 && count == 32, "OpenSSL refused to end a SHA-256")
        return Digest(unchecked: out)
    }
}
