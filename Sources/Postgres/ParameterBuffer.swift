import Glibc

/// The parameters of one statement as libpq takes them: all their bytes in one place, and where each begins.
///
/// Text for most kinds, since the text form of a value fits every type it may be meant for; binary for bytes and
/// instants, where it is exact and cheap. The memory is raw, because an array asks at each byte whether it is shared: a
/// registration has ninety parameters.
final class ParameterBuffer {
    private struct Place {
        /// Nil: NULL.
        var offset: Int?
        var length: Int
        var isBinary: Bool
    }

    /// So much is kept for the next; a session has as many buffers as ever were sent at once.
    private static let keptMax = 1 << 14

    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)
    private var count = 0
    private var places: [Place] = []

    /// The epoch of PostgreSQL, 2000-01-01, in days and in microseconds since 1970.
    static let epochDays = 10_957
    static let epochMicroseconds: Int64 = 946_684_800_000_000

    deinit { memory.deallocate() }

    /// The index (from 1) of the first parameter that cannot be sent, nil when all can.
    func fill(_ parameters: [Parameter]) -> Int? {
        count = 0
        places.removeAll(keepingCapacity: true)
        places.reserveCapacity(parameters.count)
        for (index, parameter) in parameters.enumerated() {
            let start = count
            let isBinary: Bool
            switch parameter {
            case .null:
                places.append(Place(offset: nil, length: 0, isBinary: false))
                continue
            case .bytes, .timestamp, .timestamps: isBinary = true
            default: isBinary = false
            }
            put(parameter)
            if !isBinary, holdsNUL(from: start) { return index + 1 }
            places.append(Place(offset: start, length: count - start, isBinary: isBinary))
            put(UInt8(0))
        }
        return nil
    }

    /// Gives back what large parameters took, once they are sent.
    func trim() {
        guard memory.count > Self.keptMax else { return }
        memory.deallocate()
        memory = .allocate(byteCount: 1_024, alignment: 8)
        count = 0
        places = []
    }

    /// Calls `body` with count, values, lengths, formats; the pointers die with the call.
    func withPointers<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: max(places.count, 1)) { values in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(2 * places.count, 1)) { numbers in
                let base = UnsafeRawPointer(memory.baseAddress)
                for (index, place) in places.enumerated() {
                    values[index] = place.offset.flatMap { base?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
                    numbers[index] = Int32(place.length)
                    numbers[places.count + index] = place.isBinary ? 1 : 0
                }
                let lengths = numbers.baseAddress
                return body(
                    Int32(places.count), UnsafePointer(values.baseAddress), UnsafePointer(lengths),
                    UnsafePointer(lengths.map { $0 + places.count }))
            }
        }
    }

    private func holdsNUL(from start: Int) -> Bool {
        memory.baseAddress.map { memchr($0 + start, 0, count - start) != nil } ?? false
    }

    private func put(_ parameter: Parameter) {
        switch parameter {
        case .null: break
        case .text(let text), .date(let text): put(text)
        case .short(let text): text.withBytes { put($0) }
        case .integer(let value): put(String(value))
        case .bool(let value): put(UInt8(ascii: value ? "t" : "f"))
        case .double(let value): put(String(value))
        case .bytes(let value): value.withUnsafeBytes { put($0) }
        case .timestamp(let value): put(bigEndian: Self.serverTime(value))
        case .texts(let values), .dates(let values): put(arrayOf: values)
        case .integers(let values): put("{\(values.map(String.init).joined(separator: ","))}")
        case .timestamps(let values): put(timestamps: values)
        }
    }

    /// An array literal (manual, 8.15.6) with every element in quotes, so that NULL, {}, blanks and "" are texts.
    private func put(arrayOf values: [String]) {
        put(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { put(UInt8(ascii: ",")) }
            put(quoted: value)
        }
        put(UInt8(ascii: "}"))
    }

    /// In quotes, with a backslash before each quote and backslash in it.
    private func put(quoted value: String) {
        var value = value
        value.withUTF8 { text in
            reserve(2 * text.count + 2)
            var end = count
            memory[end] = UInt8(ascii: "\"")
            end &+= 1
            for byte in text {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    memory[end] = UInt8(ascii: "\\")
                    end &+= 1
                }
                memory[end] = byte
                end &+= 1
            }
            memory[end] = UInt8(ascii: "\"")
            count = end &+ 1
        }
    }

    /// The binary form of timestamptz[]: dimensions, a flag for NULLs, the element's type, size and lower bound.
    private func put(timestamps values: [Int64]) {
        put(bigEndian: Int32(values.isEmpty ? 0 : 1))
        put(bigEndian: Int32(0))
        put(bigEndian: Int32(bitPattern: TypeID.timestamptz))
        guard !values.isEmpty else { return }
        put(bigEndian: Int32(values.count))
        put(bigEndian: Int32(1))
        for value in values {
            put(bigEndian: Int32(8))
            put(bigEndian: Self.serverTime(value))
        }
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

// MARK: Into memory

extension ParameterBuffer {
    private func put(_ text: String) {
        var text = text
        text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }

    private func put(bigEndian value: some FixedWidthInteger) { withUnsafeBytes(of: value.bigEndian) { put($0) } }

    private func put(_ byte: UInt8) {
        reserve(1)
        memory[count] = byte
        count &+= 1
    }

    private func put(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
        count &+= bytes.count
    }

    private func reserve(_ room: Int) {
        guard count + room > memory.count else { return }
        let size = max(2 * memory.count, count + room)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
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
