import COpenSSL

/// A SHA-256 value (FIPS 180-4): 32 bytes. They lie in the value itself: a step makes a dozen of them.
public struct Digest: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// Nil unless there are exactly 32 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        self.init { $0.copyMemory(from: bytes) }
    }

    /// As above.
    public init?(bytes: [UInt8]) {
        guard let digest = bytes.withUnsafeBytes({ Digest(bytes: $0) }) else { return nil }
        self = digest
    }

    /// Nil unless there are exactly 64 hexadecimal digits.
    public init?(hexadecimal text: UnsafeRawBufferPointer) {
        guard text.count == 64, withUnsafeMutableBytes(of: &words, { Hex.decode(text, into: $0) }) else { return nil }
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

    /// `fill` writes all 32 bytes.
    fileprivate init(_ fill: (UnsafeMutableRawBufferPointer) -> Void) { withUnsafeMutableBytes(of: &words, fill) }

    public var bytes: [UInt8] { withBytes { Array($0) } }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { withBytes(Hex.encode) }

    /// Writes these digits; there must be room for 64.
    public func writeHex(to text: UnsafeMutableBufferPointer<UInt8>) { withBytes { Hex.encode($0, into: text) } }

    /// The first 16 of these digits: enough to tell apart what nobody forges.
    public var beginning: String { withBytes { Hex.encode(UnsafeRawBufferPointer(rebasing: $0[..<8])) } }

    public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    /// Any eight bytes of a digest are as good as a hash of all, and nobody can choose them.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// Compares in a time that does not depend on where the two differ.
    public func matches(_ other: Digest) -> Bool {
        withBytes { own in other.withBytes { CRYPTO_memcmp(own.baseAddress, $0.baseAddress, own.count) == 0 } }
    }

    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words, body)
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
        context = copenssl_begin_digest(Self.algorithm)
        // Only memory exhaustion makes it fail; there is nothing left to do then.
        precondition(context != nil, "OpenSSL refused SHA-256")
    }

    deinit { copenssl_end_digest(context) }

    public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The UTF-8 bytes of `text`.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The bytes that `text` spells in hexadecimal; nothing when it does not.
    public mutating func update(hexadecimal text: String) {
        Hex.withBytes(of: text) { bytes in
            if let bytes { update(bytes) }
        }
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let accepted = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(accepted == 1, "OpenSSL refused to go on with a SHA-256")
    }

    /// Ends the message.
    public consuming func finish() -> Digest {
        Digest { room in
            var count: UInt32 = 0
            let accepted = EVP_DigestFinal_ex(context, room.assumingMemoryBound(to: UInt8.self).baseAddress, &count)
            precondition(accepted == 1 && count == 32, "OpenSSL refused to end a SHA-256")
        }
    }
}
