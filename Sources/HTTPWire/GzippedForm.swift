import Synchronization

/// The gzipped form of bytes that are given out again and again: made once, when it is first needed, and kept as long as they
/// are. From any thread.
public final class GzippedForm: Sendable {
    private final class Bytes: Sendable {
        let value: [UInt8]
        init(_ value: [UInt8]) { self.value = value }
    }

    /// Of the plain form.
    public let plainCount: Int
    private let made = AtomicLazyReference<Bytes>()

    public init(plainCount: Int) { self.plainCount = plainCount }

    /// Nil: nobody has made it yet.
    public var bytes: [UInt8]? { made.load()?.value }

    /// Returns what is kept, which is what came first.
    public func keep(_ bytes: [UInt8]) -> [UInt8] { made.storeIfNil(Bytes(bytes)).value }
}
