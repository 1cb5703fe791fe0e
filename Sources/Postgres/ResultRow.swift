import CLibPQ

/// One row, read column by column in their order. It lives as long as the call of the reader it is handed to.
public struct ResultRow: ~Copyable {
    private let result: OpaquePointer
    private let row: Int32
    private var column: Int32 = 0

    init(result: OpaquePointer, row: Int32) {
        self.result = result
        self.row = row
    }

    static func count(of result: OpaquePointer) -> Int { Int(PQntuples(result)) }

    /// Whether the next column is NULL; does not pass it.
    public var nextIsNull: Bool { PQgetisnull(result, row, column) == 1 }

    /// Passes one column.
    public mutating func skip() { column += 1 }

    /// text, varchar, json, jsonb, enums, and whatever else has a text as its binary form.
    public mutating func text() throws(RowError) -> String { try required(try optionalText()) }

    /// As `text`; nil for NULL.
    public mutating func optionalText() throws(RowError) -> String? {
        let type = PQftype(result, column)
        switch type {
        case TypeID.jsonb:
            return try next { (bytes) throws(RowError) in
                String(decoding: bytes.dropFirst(), as: UTF8.self)  // A version number of one byte comes first.
            }
        case TypeID.uuid:
            return try next { (bytes) throws(RowError) in Self.uuid(bytes) }
        case TypeID.bool, TypeID.bytea, TypeID.int8, TypeID.int2, TypeID.int4, TypeID.oid, TypeID.float4, TypeID.float8,
            TypeID.date, TypeID.timestamp, TypeID.timestamptz, TypeID.numeric:
            throw fault("is of type \(type), no text")
        default:
            return try next { (bytes) throws(RowError) in String(decoding: bytes, as: UTF8.self) }
        }
    }

    /// smallint, integer, bigint; a whole number in 64 bits.
    public mutating func int() throws(RowError) -> Int { try required(try optionalInt()) }

    /// As `int`; nil for NULL.
    public mutating func optionalInt() throws(RowError) -> Int? {
        try expect([TypeID.int8, TypeID.int4, TypeID.int2], "whole number")
        return try next { (bytes) throws(RowError) in Self.integer(bytes) }
    }

    public mutating func bool() throws(RowError) -> Bool { try required(try optionalBool()) }

    /// nil for NULL.
    public mutating func optionalBool() throws(RowError) -> Bool? {
        try expect([TypeID.bool], "boolean")
        return try next { (bytes) throws(RowError) in bytes.first == 1 }
    }

    /// real or double precision.
    public mutating func double() throws(RowError) -> Double { try required(try optionalDouble()) }

    /// As `double`; nil for NULL.
    public mutating func optionalDouble() throws(RowError) -> Double? {
        try expect([TypeID.float8, TypeID.float4], "floating point number")
        return try next { (bytes) throws(RowError) in
            bytes.count == 4
                ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.integer(bytes))))
                : Double(bitPattern: UInt64(bitPattern: Int64(Self.integer(bytes))))
        }
    }

    /// bytea, or the binary form of anything.
    public mutating func bytes() throws(RowError) -> [UInt8] { try required(try optionalBytes()) }

    /// As `bytes`; nil for NULL.
    public mutating func optionalBytes() throws(RowError) -> [UInt8]? {
        try next { (bytes) throws(RowError) in [UInt8](bytes) }
    }

    /// timestamptz or timestamp, in microseconds since 1970; `Int64.min` and `Int64.max` are the infinities.
    public mutating func timestamp() throws(RowError) -> Int64 { try required(try optionalTimestamp()) }

    /// As `timestamp`; nil for NULL.
    public mutating func optionalTimestamp() throws(RowError) -> Int64? {
        try expect([TypeID.timestamptz, TypeID.timestamp], "timestamp")
        return try next { (bytes) throws(RowError) in Self.time(bytes) }
    }

    /// date, as YYYY-MM-DD.
    public mutating func date() throws(RowError) -> String { try required(try optionalDate()) }

    /// As `date`; nil for NULL.
    public mutating func optionalDate() throws(RowError) -> String? {
        try expect([TypeID.date], "date")
        return try next { (bytes) throws(RowError) in isoDate(daysSince2000: Self.integer(bytes)) }
    }

    /// text[]; a NULL among the elements is a fault.
    public mutating func texts() throws(RowError) -> [String] {
        try required(try optionalTexts())
    }

    /// As `texts`; nil for NULL.
    public mutating func optionalTexts() throws(RowError) -> [String]? {
        try array { String(decoding: $0, as: UTF8.self) }
    }

    /// smallint[], integer[] or bigint[].
    public mutating func integers() throws(RowError) -> [Int] { try required(try array(Self.integer)) }

    /// timestamptz[], each as `timestamp`.
    public mutating func timestamps() throws(RowError) -> [Int64] { try required(try optionalTimestamps()) }

    /// As `timestamps`; nil for NULL.
    public mutating func optionalTimestamps() throws(RowError) -> [Int64]? { try array(Self.time) }

    /// date[], each as YYYY-MM-DD.
    public mutating func dates() throws(RowError) -> [String] { try required(try optionalDates()) }

    /// As `dates`; nil for NULL.
    public mutating func optionalDates() throws(RowError) -> [String]? {
        try array { isoDate(daysSince2000: Self.integer($0)) }
    }
}

extension ResultRow {
    private func fault(_ reason: String) -> RowError { RowError(column: Int(column) + 1, reason: reason) }

    /// `value` was read from the column before the present one.
    private func required<Value>(_ value: Value?) throws(RowError) -> Value {
        guard let value else { throw RowError(column: Int(column), reason: "is NULL") }
        return value
    }

    private func expect(_ types: [UInt32], _ name: String) throws(RowError) {
        let type = PQftype(result, column)
        guard types.contains(type) else { throw fault("is of type \(type), no \(name)") }
    }

    private mutating func next<Value>(
        _ read: (UnsafeBufferPointer<UInt8>) throws(RowError) -> Value
    ) throws(RowError) -> Value? {
        guard column < PQnfields(result) else { throw fault("does not exist") }
        defer { column += 1 }
        if PQgetisnull(result, row, column) == 1 { return nil }
        let count = Int(PQgetlength(result, row, column))
        guard let value = PQgetvalue(result, row, column) else { return nil }
        return try value.withMemoryRebound(to: UInt8.self, capacity: count) { (start) throws(RowError) in
            try read(UnsafeBufferPointer(start: start, count: count))
        }
    }

    /// The binary form of a one-dimensional array: dimensions, flag, element type, size, lower bound, elements.
    private mutating func array<Element>(
        _ read: (UnsafeBufferPointer<UInt8>) -> Element
    ) throws(RowError) -> [Element]? {
        let column = Int(column) + 1
        return try next { (bytes) throws(RowError) in
            func word(_ offset: Int) throws(RowError) -> Int {
                guard offset + 4 <= bytes.count else { throw RowError(column: column, reason: "is no array") }
                return Self.integer(UnsafeBufferPointer(rebasing: bytes[offset..<offset + 4]))
            }
            let dimensions = try word(0)
            if dimensions == 0 { return [] }
            guard dimensions == 1 else { throw RowError(column: column, reason: "is no array of one dimension") }
            let count = try word(12)
            var elements: [Element] = []
            elements.reserveCapacity(count)
            var offset = 20
            for _ in 0..<count {
                let length = try word(offset)
                offset += 4
                guard length >= 0 else { throw RowError(column: column, reason: "holds a NULL") }
                guard offset + length <= bytes.count else { throw RowError(column: column, reason: "is no array") }
                elements.append(read(UnsafeBufferPointer(rebasing: bytes[offset..<offset + length])))
                offset += length
            }
            return elements
        }
    }

    /// Big-endian, two's complement, of 1 to 8 bytes.
    private static func integer(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let first = bytes.first else { return 0 }
        return bytes.dropFirst().reduce(Int(Int8(bitPattern: first))) { $0 << 8 | Int($1) }
    }

    private static func time(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64 {
        let value = Int64(integer(bytes))
        return value == .min || value == .max ? value : value + ParameterBuffer.epochMicroseconds
    }

    private static func uuid(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
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
