import CLibPQ

/// One row, read column by column in their order. It lives as long as the call of the reader it is handed to.
///
/// Where a statement gives one composite value (`SELECT ROW(…)`), its fields are the columns: PostgreSQL then describes one
/// column instead of fifty with every answer, and libpq copies one: a seventh of a ticket's instructions, and of a list's.
public struct ResultRow: ~Copyable {
    private let result: OpaquePointer
    private let row: Int32
    private let columns: Int
    private var column = 0
    /// What is left of a composite value; nil: the columns are libpq's.
    private var fields: UnsafeRawBufferPointer?

    init(result: OpaquePointer, row: Int32) throws(RowError) {
        self.result = result
        self.row = row
        guard PQnfields(result) == 1, PQftype(result, 0) == TypeID.record, PQgetisnull(result, row, 0) == 0 else {
            columns = Int(PQnfields(result))
            return
        }
        let value = UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, 0), count: Int(PQgetlength(result, row, 0)))
        guard value.count >= 4 else { throw RowError(column: 1, reason: "is no composite value") }
        columns = Int(Self.word(value, 0))
        fields = UnsafeRawBufferPointer(rebasing: value[4...])
    }

    static func count(of result: OpaquePointer) -> Int { Int(PQntuples(result)) }

    /// Whether the next column is NULL; does not pass it.
    public var nextIsNull: Bool {
        guard let fields else { return PQgetisnull(result, row, Int32(column)) == 1 }
        return fields.count >= 8 && Self.word(fields, 4) < 0
    }

    /// Passes one column.
    public mutating func skip() throws(RowError) { _ = try nextColumn() }

    /// text, varchar, json, jsonb, enums, and whatever else has a text as its binary form.
    public mutating func text() throws(RowError) -> String { try required(try optionalText()) }

    /// As `text`; nil for NULL.
    public mutating func optionalText() throws(RowError) -> String? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        switch next.type {
        case TypeID.text, TypeID.varchar: return String(decoding: bytes, as: UTF8.self)
        case TypeID.jsonb: return String(decoding: bytes.dropFirst(), as: UTF8.self)  // After a version number.
        case TypeID.uuid: return Self.uuid(bytes)
        case TypeID.bool, TypeID.bytea, TypeID.int8, TypeID.int2, TypeID.int4, TypeID.oid, TypeID.float4, TypeID.float8,
            TypeID.date, TypeID.timestamp, TypeID.timestamptz, TypeID.numeric:
            throw fault("is of type \(next.type), no text")
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// smallint, integer, bigint; a whole number in 64 bits.
    public mutating func int() throws(RowError) -> Int { try required(try optionalInt()) }

    /// As `int`; nil for NULL.
    public mutating func optionalInt() throws(RowError) -> Int? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        switch next.type {
        case TypeID.int4, TypeID.int8, TypeID.int2: return Self.integer(bytes)
        default: throw fault("is of type \(next.type), no whole number")
        }
    }

    public mutating func bool() throws(RowError) -> Bool { try required(try optionalBool()) }

    /// nil for NULL.
    public mutating func optionalBool() throws(RowError) -> Bool? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        guard next.type == TypeID.bool else { throw fault("is of type \(next.type), no boolean") }
        return bytes.first == 1
    }

    /// real or double precision.
    public mutating func double() throws(RowError) -> Double { try required(try optionalDouble()) }

    /// As `double`; nil for NULL.
    public mutating func optionalDouble() throws(RowError) -> Double? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        switch next.type {
        case TypeID.float4: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.integer(bytes))))
        case TypeID.float8: return Double(bitPattern: UInt64(bitPattern: Int64(Self.integer(bytes))))
        default: throw fault("is of type \(next.type), no floating point number")
        }
    }

    /// bytea, or the binary form of anything.
    public mutating func bytes() throws(RowError) -> [UInt8] { try required(try optionalBytes()) }

    /// As `bytes`; nil for NULL.
    public mutating func optionalBytes() throws(RowError) -> [UInt8]? {
        try nextColumn().bytes.map { [UInt8]($0) }
    }

    /// As `optionalBytes`, where they are: they live as long as the row.
    public mutating func optionalRawBytes() throws(RowError) -> UnsafeRawBufferPointer? { try nextColumn().bytes }

    /// timestamptz or timestamp, in microseconds since 1970; `Int64.min` and `Int64.max` are the infinities, and the
    /// latter what comes after the year 294246.
    public mutating func timestamp() throws(RowError) -> Int64 { try required(try optionalTimestamp()) }

    /// As `timestamp`; nil for NULL.
    public mutating func optionalTimestamp() throws(RowError) -> Int64? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        switch next.type {
        case TypeID.timestamptz, TypeID.timestamp: return Self.time(bytes)
        default: throw fault("is of type \(next.type), no timestamp")
        }
    }

    /// date, as YYYY-MM-DD.
    public mutating func date() throws(RowError) -> String { try required(try optionalDate()) }

    /// As `date`; nil for NULL.
    public mutating func optionalDate() throws(RowError) -> String? {
        let next = try nextColumn()
        guard let bytes = next.bytes else { return nil }
        guard next.type == TypeID.date else { throw fault("is of type \(next.type), no date") }
        return isoDate(daysSince2000: Self.integer(bytes))
    }

    /// text[]; a NULL among the elements is a fault.
    public mutating func texts() throws(RowError) -> [String] {
        try required(try optionalTexts())
    }

    /// As `texts`; nil for NULL.
    public mutating func optionalTexts() throws(RowError) -> [String]? {
        try array { String(decoding: $0, as: UTF8.self) }
    }

    /// As `texts`, each element handed on as bytes that live as long as that call of `body` runs.
    public mutating func forEachText(_ body: (UnsafeRawBufferPointer) -> Void) throws(RowError) {
        _ = try required(try array(body))
    }

    /// smallint[], integer[] or bigint[].
    public mutating func integers() throws(RowError) -> [Int] { try required(try array(Self.integer)) }

    /// timestamptz[], each as `timestamp`.
    public mutating func timestamps() throws(RowError) -> [Int64] { try required(try optionalTimestamps()) }

    /// As `timestamps`; nil for NULL.
    public mutating func optionalTimestamps() throws(RowError) -> [Int64]? { try array(Self.time) }

    /// date[], each in days since 1970; nil for NULL.
    public mutating func optionalDayNumbers() throws(RowError) -> [Int]? {
        try array { Self.integer($0) + ParameterBuffer.epochDays }
    }
}

extension ResultRow {
    /// About the column that was passed last.
    private func fault(_ reason: String) -> RowError { RowError(column: column, reason: reason) }

    /// `value` was read from the column before the present one.
    private func required<Value>(_ value: Value?) throws(RowError) -> Value {
        guard let value else { throw fault("is NULL") }
        return value
    }

    /// Passes a column and gives its type and its bytes in PostgreSQL's binary form; nil for NULL.
    private mutating func nextColumn() throws(RowError) -> (type: UInt32, bytes: UnsafeRawBufferPointer?) {
        guard column < columns else { throw RowError(column: column + 1, reason: "does not exist") }
        column += 1
        guard let fields else {
            let column = Int32(column - 1)
            let type = PQftype(result, column)
            if PQgetisnull(result, row, column) == 1 { return (type, nil) }
            return (
                type,
                UnsafeRawBufferPointer(
                    start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
            )
        }
        // Its type, its length, its bytes; a length of -1 is NULL.
        guard fields.count >= 8 else { throw fault("is cut off") }
        let type = UInt32(bitPattern: Self.word(fields, 0))
        let length = Int(Self.word(fields, 4))
        guard length >= 0 else {
            self.fields = UnsafeRawBufferPointer(rebasing: fields[8...])
            return (type, nil)
        }
        guard fields.count - 8 >= length else { throw fault("is cut off") }
        self.fields = UnsafeRawBufferPointer(rebasing: fields[(8 + length)...])
        return (type, UnsafeRawBufferPointer(rebasing: fields[8..<8 + length]))
    }

    /// The binary form of a one-dimensional array: dimensions, flag, element type, size, lower bound, elements.
    private mutating func array<Element>(
        _ read: (UnsafeRawBufferPointer) -> Element
    ) throws(RowError) -> [Element]? {
        guard let bytes = try nextColumn().bytes else { return nil }
        func word(_ offset: Int) throws(RowError) -> Int {
            guard offset + 4 <= bytes.count else { throw fault("is no array") }
            return Int(Self.word(bytes, offset))
        }
        let dimensions = try word(0)
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw fault("is no array of one dimension") }
        let count = try word(12)
        // Each element has a length at least.
        guard count >= 0, count <= bytes.count / 4 else { throw fault("is no array") }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = try word(offset)
            offset += 4
            guard length >= 0 else { throw fault("holds a NULL") }
            guard length <= bytes.count - offset else { throw fault("is no array") }
            elements.append(read(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])))
            offset += length
        }
        return elements
    }

    /// Four bytes at an offset, big-endian.
    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int32 {
        Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }

    /// Big-endian, two's complement, of 1 to 8 bytes.
    private static func integer(_ bytes: UnsafeRawBufferPointer) -> Int {
        if bytes.count == 4 { return Int(word(bytes, 0)) }
        if bytes.count == 8 { return Int(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))) }
        guard let first = bytes.first else { return 0 }
        return bytes.dropFirst().reduce(Int(Int8(bitPattern: first))) { $0 << 8 | Int($1) }
    }

    private static func time(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        let value = Int64(integer(bytes))
        if value == .min || value == .max { return value }
        let (time, isBeyond) = value.addingReportingOverflow(ParameterBuffer.epochMicroseconds)
        return isBeyond ? .max : time
    }

    private static func uuid(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return text
    }
}

/// YYYY-MM-DD of the proleptic Gregorian calendar; PostgreSQL's infinities are `infinity` and `-infinity`.
func isoDate(daysSince2000 days: Int) -> String {
    if days == Int(Int32.max) { return "infinity" }
    if days == Int(Int32.min) { return "-infinity" }
    // Years that begin in March, in cycles of 400: the leap day is the last one.
    let shifted = days + 730_425
    let cycle = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfCycle = shifted - cycle * 146_097
    let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    let year = yearOfCycle + cycle * 400 + (civilMonth <= 2 ? 1 : 0)
    func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(padded(year, 4))-\(padded(civilMonth, 2))-\(padded(day, 2))"
}
