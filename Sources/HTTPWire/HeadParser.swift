/// Request heads out of bytes, line by line; where RFC 9112 leaves a choice, refused.
///
/// Laws: no I/O; each byte is looked at once however the bytes are cut; what is refused does not depend on the cut.
public struct HeadParser: Sendable {
    private let limits: HeadLimits
    /// Up to where the bytes are known to hold no line end.
    private var scanned = 0
    private var lineStart = 0
    private var requestLine: RequestLine?
    /// What is wrong with the request line, when the fields are read nevertheless: they say who asks, and in which language.
    private var fault: WireRefusal?
    private var entries: [Fields.Entry] = []
    private var isAfterEmptyLine = false
    /// Those of the head that was refused, if all its lines could be read.
    public private(set) var refusedFields: Fields?

    public init(limits: HeadLimits = HeadLimits()) { self.limits = limits }

    /// Whether there is anything of a head among so many bytes: the empty line before one is nothing.
    public func hasBegun(_ count: Int) -> Bool { !isAtRequestLine || count > lineStart }

    private var isAtRequestLine: Bool { requestLine == nil && fault == nil }

    /// Whether the request, of which there may be no more than its first bytes, is a HEAD: it gets no body (RFC 9110 9.3.2).
    public func isHEAD(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.dropFirst(isAfterEmptyLine ? 2 : 0).starts(with: "HEAD ".utf8)
    }

    /// Looks at `bytes`, which begin where the request begins and are at least as many as the last time.
    ///
    /// Returns nil when more are needed; else the head and how many bytes it took, ready for the next request.
    public mutating func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireRefusal) -> (head: RequestHead, length: Int)? {
        do { return try lines(bytes) } catch { throw fault ?? error }
    }

    private mutating func lines(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireRefusal) -> (head: RequestHead, length: Int)? {
        while let line = try nextLine(bytes) {
            if isAtRequestLine {
                // RFC 9112 2.2: one empty line before a request is let pass, as some clients send it after a body.
                if line.isEmpty, !isAfterEmptyLine {
                    isAfterEmptyLine = true
                    continue
                }
                do { requestLine = try RequestLine(bytes, line, limits: limits) } catch {
                    guard error == .badTarget else { throw error }
                    fault = error
                }
            } else if line.isEmpty {
                return try finish(bytes)
            } else {
                guard entries.count < limits.fieldsMax else { throw .tooManyFields }
                if entries.isEmpty { entries.reserveCapacity(16) }
                guard let entry = FieldLine.parse(bytes, line) else { throw .badField }
                entries.append(entry)
            }
        }
        return nil
    }

    /// The next whole line without its CR LF, nil when it has not come yet.
    private mutating func nextLine(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> Range<Int>? {
        let isFirst = isAtRequestLine
        let end = isFirst ? lineStart + limits.requestLineBytesMax : limits.headBytesMax
        let stop = min(bytes.count, end)
        var index = scanned
        while index < stop {
            let byte = bytes[index]
            if byte >= 0x20, byte != 0x7F {
                index += 1
                continue
            }
            switch byte {
            case Bytes.tab: index += 1
            case Bytes.carriageReturn:
                guard index + 1 < stop else {
                    scanned = index
                    if index + 1 >= end { throw tooLong(bytes, isFirst) }
                    return nil
                }
                guard bytes[index + 1] == Bytes.lineFeed else { throw .badLineEnd }
                let line = lineStart..<index
                lineStart = index + 2
                scanned = lineStart
                return line
            case Bytes.lineFeed: throw .badLineEnd
            default: throw .controlByte
            }
        }
        scanned = index
        if index >= end { throw tooLong(bytes, isFirst) }
        return nil
    }

    private func tooLong(_ bytes: UnsafeRawBufferPointer, _ isFirst: Bool) -> WireRefusal {
        guard isFirst else { return .headTooLarge }
        let method = bytes[lineStart..<lineStart + limits.requestLineBytesMax].prefix { $0 != Bytes.space }
        if !method.allSatisfy(Bytes.isToken) { return .badMethod }
        return method.count > HeadLimits.methodBytesMax ? .methodTooLong : .targetTooLong
    }

    private mutating func finish(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WireRefusal) -> (head: RequestHead, length: Int) {
        let length = lineStart
        var fields = Fields(bytes: Bytes.slice(bytes, 0..<length), entries: entries)
        guard let line = requestLine.take() else {
            refusedFields = fields
            throw fault ?? .badRequestLine
        }
        let semantics: HeadSemantics
        do {
            semantics = try HeadSemantics(Bytes.slice(bytes, 0..<length), entries, minorVersion: line.minorVersion)
        } catch {
            refusedFields = fields
            throw error
        }
        if let authority = line.authority { fields.set("Host", authority) }
        let head = RequestHead(
            method: line.method, target: line.target, path: line.path, query: line.query,
            minorVersion: line.minorVersion, fields: fields, framing: semantics.framing,
            isPersistent: semantics.isPersistent, expectsContinue: semantics.expectsContinue)
        self = HeadParser(limits: limits)
        return (head, length)
    }
}

/// One header or trailer line (RFC 9112 5): a token, a colon, a value between optional blanks.
enum FieldLine {
    /// Nil for anything else: folding, a blank before the colon, an empty name, no colon, a control byte.
    static func parse(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Fields.Entry? {
        var colon = line.lowerBound
        while colon < line.upperBound, Bytes.isToken(bytes[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else { return nil }
        let value = Bytes.trimmed(colon + 1..<line.upperBound, in: bytes)
        return Fields.Entry(
            nameStart: Int32(line.lowerBound), nameCount: Int32(colon - line.lowerBound),
            valueStart: Int32(value.lowerBound), valueCount: Int32(value.count))
    }
}
