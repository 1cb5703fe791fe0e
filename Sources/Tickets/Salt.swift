import Digests

/// 16 random bytes: what keeps a short value from being guessed out of its digest. They lie in the value itself: a
/// registration makes a dozen of them.
public struct Salt: Sendable, Hashable {
    public static let size = 16

    private var words: (UInt64, UInt64) = (0, 0)

    public static func make() -> Salt { Salt { Random.fill($0) } }

    /// Nil unless there are exactly 16 bytes.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.size else { return nil }
        self.init { $0.copyMemory(from: bytes) }
    }

    /// `fill` writes all 16 bytes.
    private init(_ fill: (UnsafeMutableRawBufferPointer) -> Void) { withUnsafeMutableBytes(of: &words, fill) }

    /// 32 lower-case hexadecimal digits.
    public var hex: String { withBytes(Hex.encode) }

    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words, body)
    }

    public static func == (left: Salt, right: Salt) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
