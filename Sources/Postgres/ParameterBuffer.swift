import Glibc

/// The parameters of one statement as libpq takes them: one buffer, and arrays of pointers into it.
///
/// Text for most kinds, since the text form of a value fits every type it may be meant for; binary for bytes and
/// instants, where it is exact and cheap.
struct ParameterBuffer {
    private var bytes: [UInt8] = []
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// The epoch of PostgreSQL, 2000-01-01, in days and in microseconds since 1970.
    static let epochDays = 10_957
    static let epochMicroseconds: Int64 = 946_684_800_000_000

    /// The index (from 1) of the first parameter that cannot be sent, nil when all can.
    mutating func fill(_ parameters: [Parameter]) -> Int? {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 16)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        for (index, parameter) in parameters.enumerated() {
            let start = bytes.count
            let isBinary: Bool
            var isNull = false
            switch parameter {
            case .bytes, .timestamp, .timestamps: isBinary = true
            case .null: (isBinary, isNull) = (false, true)
            default: isBinary = false
            }
            append(parameter)
            if !isBinary, holdsNUL(from: start) { return index + 1 }
            offsets.append(isNull ? nil : start)
            lengths.append(Int32(bytes.count - start))
            formats.append(isBinary ? 1 : 0)
            bytes.append(0)
        }
        return nil
    }

    /// Calls `body` with count, values, lengths, formats; the pointers die with the call.
    func withPointers<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { raw in
            let base = raw.baseAddress
            return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: max(offsets.count, 1)) {
                values in
                for (index, offset) in offsets.enumerated() {
                    values[index] = offset.flatMap { base?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
                }
                return lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(Int32(offsets.count), values.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }

    private func holdsNUL(from start: Int) -> Bool {
        bytes.withUnsafeBytes { $0.baseAddress.map { memchr($0 + start, 0, bytes.count - start) != nil } ?? false }
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ parameter: Parameter) {
        switch parameter {
        case .null: break
        case .text(let text), .date(let text): append(text)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .bool(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
        case .double(let value): bytes.append(contentsOf: String(value).utf8)
        case .bytes(let value): bytes.append(contentsOf: value)
        case .timestamp(let value): append(bigEndian: Self.serverTime(value))
        case .texts(let values), .dates(let values): append(arrayOf: values)
        case .integers(let values): bytes.append(contentsOf: "{\(values.map(String.init).joined(separator: ","))}".utf8)
        case .timestamps(let values): append(timestamps: values)
        }
    }

    /// An array literal (manual, 8.15.6) with every element in quotes, so that NULL, {}, blanks and "" are texts.
    private mutating func append(arrayOf values: [String]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "\""))
            append(quoted: value)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// With a backslash before each quote and backslash; pieces without them are copied whole.
    private mutating func append(quoted value: String) {
        var value = value
        value.withUTF8 { text in
            var rest = text[...]
            while let special = rest.firstIndex(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                bytes.append(contentsOf: rest[..<special])
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(text[special])
                rest = rest[(special + 1)...]
            }
            bytes.append(contentsOf: rest)
        }
    }

    /// The binary form of timestamptz[]: dimensions, a flag for NULLs, the element's type, size and lower bound.
    private mutating func append(timestamps values: [Int64]) {
        append(bigEndian: Int32(values.isEmpty ? 0 : 1))
        append(bigEndian: Int32(0))
        append(bigEndian: Int32(bitPattern: TypeID.timestamptz))
        guard !values.isEmpty else { return }
        append(bigEndian: Int32(values.count))
        append(bigEndian: Int32(1))
        for value in values {
            append(bigEndian: Int32(8))
            append(bigEndian: Self.serverTime(value))
        }
    }

    private mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func serverTime(_ microseconds: Int64) -> Int64 {
        switch microseconds {
        case .min, .max: microseconds
        default:
            microseconds.subtractingReportingOverflow(epochMicroseconds).overflow
                ? .min : microseconds - epochMicroseconds
        }
    }
}

/// The numbers of PostgreSQL's own types that we tell apart (pg_type.dat).
enum TypeID {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let varchar: UInt32 = 1043
    static let date: UInt32 = 1082
    static let timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184
    static let numeric: UInt32 = 1700
    static let record: UInt32 = 2249
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
}
