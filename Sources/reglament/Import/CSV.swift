/// Comma-separated values (RFC 4180): the first line names the columns; quotes may hold commas, line ends, doubled quotes.
struct CSV: Equatable {
    let columns: [String]
    let rows: [[String]]

    struct Fault: Error, Equatable, CustomStringConvertible {
        /// From 1, the line of the names.
        let line: Int
        let reason: String
        var description: String { "line \(line): \(reason)" }
    }

    init(_ bytes: [UInt8]) throws(Fault) {
        var reader = Reader(bytes: bytes[...].starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...])
        guard let columns = try reader.row() else { throw Fault(line: 1, reason: "there is nothing in the file") }
        guard Set(columns).count == columns.count else { throw Fault(line: 1, reason: "two columns have one name") }
        var rows: [[String]] = []
        while true {
            let line = reader.line
            guard let row = try reader.row() else { break }
            if row == [""] { continue }
            guard row.count == columns.count else {
                throw Fault(line: line, reason: "\(row.count) values for \(columns.count) columns")
            }
            rows.append(row)
        }
        self.columns = columns
        self.rows = rows
    }

    private struct Reader {
        let bytes: ArraySlice<UInt8>
        var index: Int
        var line = 1

        init(bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
            index = bytes.startIndex
        }

        /// Nil at the end.
        mutating func row() throws(Fault) -> [String]? {
            guard index < bytes.endIndex else { return nil }
            var row: [String] = []
            while true {
                row.append(try value())
                guard index < bytes.endIndex else { return row }
                let end = bytes[index]
                index += 1
                if end == UInt8(ascii: ",") {
                    if index == bytes.endIndex { return row + [""] }
                    continue
                }
                if end == 0x0d, index < bytes.endIndex, bytes[index] == 0x0a { index += 1 }
                line += 1
                return row
            }
        }

        /// Stops at the comma or the line end behind it.
        private mutating func value() throws(Fault) -> String {
            var value: [UInt8] = []
            if index < bytes.endIndex, bytes[index] == UInt8(ascii: "\"") {
                let start = line
                index += 1
                while true {
                    guard index < bytes.endIndex else { throw Fault(line: start, reason: "a quote is not closed") }
                    let byte = bytes[index]
                    index += 1
                    if byte == 0x0a { line += 1 }
                    guard byte == UInt8(ascii: "\"") else {
                        value.append(byte)
                        continue
                    }
                    guard index < bytes.endIndex, bytes[index] == byte else { break }
                    value.append(byte)
                    index += 1
                }
                guard index == bytes.endIndex || Self.ends(bytes[index]) else {
                    throw Fault(line: line, reason: "something follows a closing quote")
                }
            } else {
                while index < bytes.endIndex, !Self.ends(bytes[index]) {
                    value.append(bytes[index])
                    index += 1
                }
            }
            guard let text = String(validating: value, as: UTF8.self) else {
                throw Fault(line: line, reason: "a value is not UTF-8")
            }
            return text
        }

        private static func ends(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ",") || byte == 0x0a || byte == 0x0d }
    }
}
