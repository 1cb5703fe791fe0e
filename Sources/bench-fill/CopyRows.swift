/// Rows of one table in PostgreSQL's binary COPY format (manual, "COPY", "Binary Format"), without its header.
struct CopyRows: Sendable {
    /// What the first bytes of a binary COPY are: a signature, no flags, no extension.
    static let header: [UInt8] = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    /// What ends it.
    static let trailer: [UInt8] = [0xff, 0xff]

    private(set) var bytes: [UInt8] = []

    mutating func begin(columns: Int) { append(Int16(columns)) }

    mutating func null() { append(Int32(-1)) }

    mutating func text(_ text: String?) {
        guard var text else { return null() }
        text.withUTF8 { utf8 in
            append(Int32(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    mutating func bytea(_ value: [UInt8]?) {
        guard let value else { return null() }
        append(Int32(value.count))
        bytes += value
    }

    mutating func jsonb(_ json: [UInt8]) {
        append(Int32(json.count + 1))
        bytes.append(1)
        bytes += json
    }

    mutating func bool(_ flag: Bool) {
        append(Int32(1))
        bytes.append(flag ? 1 : 0)
    }

    mutating func integer(_ number: Int?) {
        guard let number else { return null() }
        append(Int32(4))
        append(Int32(number))
    }

    mutating func bigint(_ number: Int64) {
        append(Int32(8))
        append(number)
    }

    /// Microseconds since 1970.
    mutating func timestamp(_ microseconds: Int64?) {
        guard let microseconds else { return null() }
        append(Int32(8))
        append(microseconds - Self.epoch)
    }

    mutating func texts(_ texts: [String]) {
        let start = beginArray(texts.count, type: 25)
        for text in texts { self.text(text) }
        endArray(start)
    }

    /// Microseconds since 1970.
    mutating func timestamps(_ values: [Int64]) {
        let start = beginArray(values.count, type: 1184)
        for value in values { timestamp(value) }
        endArray(start)
    }

    /// Days since 1970.
    mutating func dates(_ days: [Int]?) {
        guard let days else { return null() }
        let start = beginArray(days.count, type: 1082)
        for day in days {
            append(Int32(4))
            append(Int32(day) - Int32(Self.epoch / 86_400_000_000))
        }
        endArray(start)
    }

    mutating func append(_ other: CopyRows) { bytes += other.bytes }

    /// 2000-01-01, from where PostgreSQL counts, in microseconds since 1970.
    private static let epoch: Int64 = 946_684_800_000_000

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func beginArray(_ count: Int, type: Int32) -> Int {
        let start = bytes.count
        append(Int32(0))
        append(Int32(count == 0 ? 0 : 1))
        append(Int32(0))
        append(type)
        if count > 0 {
            append(Int32(count))
            append(Int32(1))
        }
        return start
    }

    /// The array's length is known now.
    private mutating func endArray(_ start: Int) {
        withUnsafeBytes(of: Int32(bytes.count - start - 4).bigEndian) { length in
            for offset in 0..<4 { bytes[start + offset] = length[offset] }
        }
    }
}
