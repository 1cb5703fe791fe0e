/// Why a body cannot be read to its end.
public enum BodyError: Error, Equatable, Sendable {
    /// Longer than the caller or the server allows.
    case tooLarge
    /// The client went away, or the chunks are malformed.
    case broken
    /// The client stalled.
    case timedOut
}

/// A request's body, pulled in pieces: nothing is read from the client that nobody asked for.
///
/// One reader at a time; what is left unread when the handler returns is dropped.
public final class RequestBody: Sendable {
    public static let empty = RequestBody(declaredLength: 0) { () async throws(BodyError) -> [UInt8]? in nil }

    /// What Content-Length says, 0 without a body, nil for a chunked one.
    public let declaredLength: Int?
    private let source: @Sendable () async throws(BodyError) -> [UInt8]?

    /// `source` gives the next piece, never an empty one, and nil at the end and ever after.
    public init(declaredLength: Int?, source: @escaping @Sendable () async throws(BodyError) -> [UInt8]?) {
        self.declaredLength = declaredLength
        self.source = source
    }

    /// A body that is at hand, for tests and for callers without a socket.
    public convenience init(_ bytes: [UInt8]) {
        let once = Once(bytes)
        self.init(declaredLength: bytes.count) { () async throws(BodyError) -> [UInt8]? in await once.take() }
    }

    /// Known without reading: false for a chunked body, which may still turn out empty.
    public var isEmpty: Bool { declaredLength == 0 }

    /// The next piece as it arrived, nil at the end.
    public func next() async throws(BodyError) -> [UInt8]? { try await source() }

    /// The whole body, in bytes at most `limit` (1 MiB unless given), else `tooLarge`, before reading when declared.
    public func collect(upTo limit: Int = 1_048_576) async throws(BodyError) -> [UInt8] {
        if isEmpty { return [] }
        if let declaredLength, declaredLength > limit { throw .tooLarge }
        guard var all = try await next() else { return [] }
        guard all.count <= limit else { throw .tooLarge }
        if let declaredLength { all.reserveCapacity(declaredLength) }
        while let piece = try await next() {
            guard all.count + piece.count <= limit else { throw .tooLarge }
            all.append(contentsOf: piece)
        }
        return all
    }
}

/// A body of one piece.
private actor Once {
    private var bytes: [UInt8]?
    init(_ bytes: [UInt8]) { self.bytes = bytes.isEmpty ? nil : bytes }

    func take() -> [UInt8]? {
        defer { bytes = nil }
        return bytes
    }
}
