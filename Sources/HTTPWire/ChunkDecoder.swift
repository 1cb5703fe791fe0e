/// A chunked body out of bytes (RFC 9112 7.1): sizes, extensions and trailers are checked to the letter and dropped.
///
/// Laws: no I/O; what is refused does not depend on how the bytes are cut; memory is bounded by `lineBytesMax`.
public struct ChunkDecoder: Sendable {
    public enum Step: Equatable, Sendable {
        case needMore
        /// Body bytes, as a range of the buffer given.
        case data(Range<Int>)
        case end
    }

    private enum State: Sendable {
        case size(digits: Int), blankBeforeExtension
        case nameStart, name, blankAfterName, valueStart, token, quoted, quotedPair, valueEnd
        case sizeEnd
        case data, dataEnd, dataEndLineFeed
        case trailer, trailerLineFeed
        case end
    }

    /// Bytes of one size line after its digits.
    public static let extensionBytesMax = 1_024
    /// Bytes of all extensions of one body.
    public static let extensionsBytesMax = 16_384

    private let limits: HeadLimits
    private var state = State.size(digits: 0)
    private var remaining = 0
    private var extensionBytes = 0
    private var extensionsBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0
    private var line: [UInt8] = []

    public init(limits: HeadLimits = HeadLimits()) { self.limits = limits }

    /// Whether the last chunk and the trailers are through.
    public var isAtEnd: Bool {
        if case .end = state { true } else { false }
    }

    /// Takes bytes from `position` on, which it moves; call again until it needs more or is at the end.
    public mutating func next(
        _ bytes: UnsafeRawBufferPointer, _ position: inout Int
    ) throws(WireRefusal) -> Step {
        while true {
            if case .end = state { return .end }
            guard position < bytes.count else { return .needMore }
            if case .data = state {
                let count = min(remaining, bytes.count - position)
                let range = position..<position + count
                position += count
                remaining -= count
                if remaining == 0 { state = .dataEnd }
                return .data(range)
            }
            let byte = bytes[position]
            position += 1
            state = try after(byte)
        }
    }

    private mutating func after(_ byte: UInt8) throws(WireRefusal) -> State {
        switch state {
        case .size(let digits):
            if let digit = Bytes.hexadecimal(byte) {
                // 15 digits cannot overflow; leading zeros count, as no honest client sends so many.
                guard digits < 15 else { throw .badChunk }
                remaining = remaining << 4 | digit
                return .size(digits: digits + 1)
            }
            guard digits > 0 else { throw .badChunk }
            extensionBytes = 0
            return try afterElement(byte, blank: .blankBeforeExtension)
        case .sizeEnd:
            guard byte == Bytes.lineFeed else { throw .badChunk }
            return remaining > 0 ? .data : .trailer
        case .blankBeforeExtension, .nameStart, .name, .blankAfterName, .valueStart, .token, .quoted, .quotedPair,
            .valueEnd:
            return try afterExtension(byte)
        case .dataEnd:
            guard byte == Bytes.carriageReturn else { throw .badChunk }
            return .dataEndLineFeed
        case .dataEndLineFeed:
            guard byte == Bytes.lineFeed else { throw .badChunk }
            return .size(digits: 0)
        case .trailer, .trailerLineFeed:
            return try afterTrailer(byte)
        case .data, .end:
            preconditionFailure("Data and the end are not looked at byte by byte.")
        }
    }

    /// After a size, a name or a value: an extension, a blank before one, or the line's end.
    private func afterElement(_ byte: UInt8, blank: State) throws(WireRefusal) -> State {
        switch byte {
        case UInt8(ascii: ";"): return .nameStart
        case Bytes.carriageReturn: return .sizeEnd
        case _ where Bytes.isBlank(byte): return blank
        default: throw .badChunk
        }
    }

    /// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
    private mutating func afterExtension(_ byte: UInt8) throws(WireRefusal) -> State {
        extensionBytes += 1
        extensionsBytes += 1
        guard extensionBytes <= Self.extensionBytesMax, extensionsBytes <= Self.extensionsBytesMax else {
            throw .badChunk
        }
        switch state {
        case .blankBeforeExtension, .valueEnd:
            // A blank that no extension follows is not in the grammar.
            if Bytes.isBlank(byte) { return .blankBeforeExtension }
            if byte == UInt8(ascii: ";") { return .nameStart }
            if case .valueEnd = state, byte == Bytes.carriageReturn { return .sizeEnd }
            throw .badChunk
        case .nameStart:
            if Bytes.isBlank(byte) { return .nameStart }
            guard Bytes.isToken(byte) else { throw .badChunk }
            return .name
        case .name:
            if Bytes.isToken(byte) { return .name }
            if byte == UInt8(ascii: "=") { return .valueStart }
            return try afterElement(byte, blank: .blankAfterName)
        case .blankAfterName:
            if Bytes.isBlank(byte) { return .blankAfterName }
            if byte == UInt8(ascii: "=") { return .valueStart }
            guard byte == UInt8(ascii: ";") else { throw .badChunk }
            return .nameStart
        case .valueStart:
            if Bytes.isBlank(byte) { return .valueStart }
            if byte == UInt8(ascii: "\"") { return .quoted }
            guard Bytes.isToken(byte) else { throw .badChunk }
            return .token
        case .token:
            if Bytes.isToken(byte) { return .token }
            return try afterElement(byte, blank: .blankBeforeExtension)
        case .quoted:
            if byte == UInt8(ascii: "\"") { return .valueEnd }
            if byte == UInt8(ascii: "\\") { return .quotedPair }
            guard Bytes.isFieldValue(byte) else { throw .badChunk }
            return .quoted
        case .quotedPair:
            guard Bytes.isFieldValue(byte) else { throw .badChunk }
            return .quoted
        case .size, .sizeEnd, .data, .dataEnd, .dataEndLineFeed, .trailer, .trailerLineFeed, .end:
            preconditionFailure("Only an extension's states come here.")
        }
    }

    /// Trailers have the headers' syntax and limits; they are checked and dropped, so they never change framing.
    private mutating func afterTrailer(_ byte: UInt8) throws(WireRefusal) -> State {
        trailerBytes += 1
        guard trailerBytes <= limits.headBytesMax else { throw .trailersTooLarge }
        if case .trailerLineFeed = state {
            guard byte == Bytes.lineFeed else { throw .badTrailer }
            if line.isEmpty { return .end }
            trailerFields += 1
            guard trailerFields <= limits.fieldsMax else { throw .trailersTooLarge }
            let isField = line.withUnsafeBytes { FieldLine.parse($0, 0..<$0.count) != nil }
            guard isField else { throw .badTrailer }
            line.removeAll(keepingCapacity: true)
            return .trailer
        }
        if byte == Bytes.carriageReturn { return .trailerLineFeed }
        guard Bytes.isFieldValue(byte) else { throw .badTrailer }
        line.append(byte)
        return .trailer
    }
}
