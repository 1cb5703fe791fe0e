/// Why a text is not JSON (RFC 8259) or not I-JSON (RFC 7493), and where.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable, CaseIterable {
        case byteOrderMark = "byte order mark"
        case controlCharacter = "control character in a string"
        case duplicateName = "duplicate name"
        case invalidEscape = "invalid escape"
        case invalidNumber = "invalid number"
        case invalidUTF8 = "invalid UTF-8"
        case loneSurrogate = "lone surrogate"
        case tooDeep = "nested too deeply"
        case trailingText = "text after the value"
        case unexpectedCharacter = "unexpected character"
        case unexpectedEnd = "unexpected end"
    }

    public let reason: Reason
    /// The byte where reading stopped, counted from 0.
    public let offset: Int
    public let line: Int
    public let column: Int

    public init(_ reason: Reason, offset: Int, in bytes: [UInt8]) {
        let position = JSONPosition(offset: offset, in: bytes)
        self.reason = reason
        self.offset = offset
        self.line = position.line
        self.column = position.column
    }

    public var description: String { "\(reason.rawValue) at line \(line), column \(column)" }
}
