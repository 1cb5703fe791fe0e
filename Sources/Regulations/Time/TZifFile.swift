/// The 64-bit part of a TZif file (RFC 9636 section 3), version 2 or later, with its footer.
struct TZifFile {
    var transitions: [Int64] = []
    /// Seconds east of UTC: first the offset before all transitions, then one per transition.
    var offsets: [Int] = []
    /// Nil when the file says nothing about the time after its last transition.
    var footer: PosixTimeZone?

    struct Malformed: Error {
        let reason: String
    }

    init(_ bytes: [UInt8]) throws(Malformed) {
        var reader = Reader(bytes: bytes)
        let first = try reader.header()
        guard first.version >= UInt8(ascii: "2") else { throw Malformed(reason: "version 1 has no 64-bit times") }
        try reader.skip(first.length(timeSize: 4))
        let header = try reader.header()
        // A clock with leap seconds in it is not POSIX's, which everything else here counts in.
        guard header.leaps == 0 else { throw Malformed(reason: "counts leap seconds") }
        guard header.types > 0 else { throw Malformed(reason: "has no local time type") }

        for _ in 0..<header.times { transitions.append(Int64(bitPattern: try reader.integer(8))) }
        guard zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw Malformed(reason: "transitions are not in order")
        }
        var typeOf: [Int] = []
        for _ in 0..<header.times { typeOf.append(Int(try reader.integer(1))) }
        var types: [Int] = []
        for _ in 0..<header.types {
            types.append(Int(Int32(truncatingIfNeeded: try reader.integer(4))))
            try reader.skip(2)
        }
        guard typeOf.allSatisfy({ $0 < header.types }), types.allSatisfy({ abs($0) < 26 * 3600 }) else {
            throw Malformed(reason: "a local time type is out of range")
        }
        offsets = [types[0]] + typeOf.map { types[$0] }
        try reader.skip(header.characters + header.standards + header.universals)
        let text = try reader.line()
        if !text.isEmpty {
            guard let zone = PosixTimeZone(text) else { throw Malformed(reason: "the footer \(text) is no TZ string") }
            footer = zone
        }
    }

    private struct Header {
        var version: UInt8
        var universals, standards, leaps, times, types, characters: Int

        func length(timeSize: Int) -> Int {
            times * timeSize + times + types * 6 + characters + leaps * (timeSize + 4) + standards + universals
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func integer(_ size: Int) throws(Malformed) -> UInt64 {
            guard position + size <= bytes.count else { throw Malformed(reason: "ends too early") }
            var value: UInt64 = 0
            for byte in bytes[position..<position + size] { value = value << 8 | UInt64(byte) }
            position += size
            return value
        }

        mutating func skip(_ count: Int) throws(Malformed) {
            guard position + count <= bytes.count else { throw Malformed(reason: "ends too early") }
            position += count
        }

        mutating func header() throws(Malformed) -> Header {
            guard bytes[position...].starts(with: Array("TZif".utf8)) else {
                throw Malformed(reason: "is no TZif file")
            }
            position += 4
            let version = UInt8(try integer(1))
            try skip(15)
            var counts: [Int] = []
            for _ in 0..<6 { counts.append(Int(try integer(4))) }
            return Header(
                version: version, universals: counts[0], standards: counts[1], leaps: counts[2], times: counts[3],
                types: counts[4], characters: counts[5])
        }

        /// The text between two line feeds.
        mutating func line() throws(Malformed) -> String {
            guard try integer(1) == 0x0A, let end = bytes[position...].firstIndex(of: 0x0A) else {
                throw Malformed(reason: "has no footer")
            }
            return String(decoding: bytes[position..<end], as: UTF8.self)
        }
    }
}
