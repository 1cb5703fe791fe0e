/// A value for `$n`. Its SQL type is the one that the statement's text gives the parameter.
public enum Parameter: Sendable, Equatable {
    case null
    /// Any type with a text form: text, jsonb, uuid, enums, numeric. U+0000 is refused.
    case text(String)
    /// As `text`, of at most 24 bytes that lie in the value itself.
    case short(ShortText)
    /// smallint, integer or bigint.
    case integer(Int64)
    case bool(Bool)
    /// bytea.
    case bytes([UInt8])
    /// real or double precision; NaN and the infinities are values.
    case double(Double)
    /// text[] or an array of any type with a text form.
    case texts([String])
    /// smallint[], integer[] or bigint[].
    case integers([Int64])
    /// timestamptz, in microseconds since 1970; `Int64.min` and `Int64.max` are PostgreSQL's infinities.
    case timestamp(microseconds: Int64)
    /// timestamptz[], as `timestamp`.
    case timestamps([Int64])
    /// date, as YYYY-MM-DD.
    case date(String)
    /// date[], each as YYYY-MM-DD.
    case dates([String])
}

/// A text of at most 24 bytes that lie in the value itself.
public struct ShortText: Sendable, Equatable {
    public static let sizeMax = 24

    private var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
    let count: Int

    /// Nil: the text is longer.
    public init?(_ utf8: UnsafeRawBufferPointer) {
        guard utf8.count <= Self.sizeMax else { return nil }
        count = utf8.count
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: utf8) }
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    public static func == (left: ShortText, right: ShortText) -> Bool {
        left.count == right.count && left.words == right.words
    }
}

extension Parameter {
    public static func integer(_ value: Int) -> Parameter { .integer(Int64(value)) }

    public static func optional(_ text: String?) -> Parameter { text.map { .text($0) } ?? .null }
    public static func optional(_ integer: Int64?) -> Parameter { integer.map { .integer($0) } ?? .null }
    public static func optional(_ integer: Int?) -> Parameter { integer.map { .integer(Int64($0)) } ?? .null }
    public static func optional(_ bytes: [UInt8]?) -> Parameter { bytes.map { .bytes($0) } ?? .null }
    public static func optional(timestamp microseconds: Int64?) -> Parameter {
        microseconds.map { .timestamp(microseconds: $0) } ?? .null
    }
}

extension Parameter {
    /// How much there is to send, roughly.
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .short(let text): text.count
        case .bytes(let bytes): bytes.count
        case .texts(let texts): texts.reduce(0) { $0 + $1.utf8.count }
        case .integers(let values), .timestamps(let values): 8 * values.count
        case .dates(let values): 10 * values.count
        case .null, .integer, .bool, .double, .timestamp, .date: 8
        }
    }
}

extension Parameter: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
}
