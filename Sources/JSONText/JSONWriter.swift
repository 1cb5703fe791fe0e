/// Writes JSON into memory of its own; never builds a tree. Strings are escaped as little as RFC 8785 section 3.2.2.2 does.
///
/// The memory is raw, because an array asks at each byte whether it is shared. What takes a closure is inlinable: a generic
/// function of another module is called with its metadata, and its closure with a context.
public struct JSONWriter: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private var count = 0
    private var needsComma = false

    public init(capacity: Int = 512) {
        memory = .allocate(byteCount: max(capacity, 32), alignment: 8)
    }

    deinit { memory.deallocate() }

    /// What has been written so far.
    public var bytes: [UInt8] { Array(memory[..<count]) }

    @inlinable
    public mutating func object<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin(UInt8(ascii: "{"))
        try body(&self)
        end(UInt8(ascii: "}"))
    }

    @inlinable
    public mutating func array<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin(UInt8(ascii: "["))
        try body(&self)
        end(UInt8(ascii: "]"))
    }

    /// The name of the member whose value is written next; it must not need an escape.
    ///
    /// A name that stands in the code is copied as it is.
    public mutating func key(_ name: StaticString) {
        let count = name.utf8CodeUnitCount
        reserve(count &+ 4)
        if needsComma { putInRoom(UInt8(ascii: ",")) }
        putInRoom(UInt8(ascii: "\""))
        copy(UnsafeRawBufferPointer(start: name.utf8Start, count: count))
        putInRoom(UInt8(ascii: "\""))
        putInRoom(UInt8(ascii: ":"))
        needsComma = false
    }

    /// As `key`, of a name that is known only now.
    public mutating func key(named name: String) {
        separate()
        quote(name)
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func string(_ text: String) {
        separate()
        quote(text)
    }

    /// A string of `length` bytes, none of which needs an escape, that `fill` writes all of.
    public mutating func string(length: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        separate()
        put(UInt8(ascii: "\""))
        reserve(length)
        let room = UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + length])
        fill(room.assumingMemoryBound(to: UInt8.self))
        count += length
        put(UInt8(ascii: "\""))
    }

    public mutating func integer(_ value: Int) {
        separate()
        var magnitude = value.magnitude
        if value < 0 { put(UInt8(ascii: "-")) }
        // 2^64 has twenty digits.
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            } while magnitude > 0
            put(UnsafeRawBufferPointer(rebasing: digits[start...]))
        }
    }

    public mutating func bool(_ value: Bool) {
        separate()
        put(value ? "true" : "false")
    }

    public mutating func null() {
        separate()
        put("null")
    }

    /// One value that is JSON already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        json.withUnsafeBytes { put($0) }
    }

    /// As `raw`, in a String.
    public mutating func raw(_ json: String) {
        separate()
        var json = json
        json.withUTF8 { put(UnsafeRawBufferPointer($0)) }
    }

    @usableFromInline
    mutating func begin(_ bracket: UInt8) {
        if needsComma { put(UInt8(ascii: ",")) }
        put(bracket)
        needsComma = false
    }

    @usableFromInline
    mutating func end(_ bracket: UInt8) {
        put(bracket)
        needsComma = true
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { put(UInt8(ascii: ",")) }
        needsComma = true
    }
}

// MARK: - Bytes

extension JSONWriter {
    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if memory.count - count < more { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        let size = max(count + more, 2 * memory.count)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        reserve(1)
        putInRoom(byte)
    }

    /// There must be room for it.
    @inline(__always)
    private mutating func putInRoom(_ byte: UInt8) {
        memory[count] = byte
        count &+= 1
    }

    @inline(__always)
    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        copy(bytes)
    }

    /// There must be room for all of them.
    @inline(__always)
    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        guard let target = memory.baseAddress, let source = bytes.baseAddress else { return }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count &+= bytes.count
    }

    private mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func quote(_ text: String) {
        var text = text
        text.withUTF8 { text in
            let bytes = UnsafeRawBufferPointer(text)
            reserve(bytes.count &+ 2)
            putInRoom(UInt8(ascii: "\""))
            if Self.needsEscape(bytes) { escape(bytes) } else { copy(bytes) }
            put(UInt8(ascii: "\""))
        }
    }

    /// Whether there is a control character, a quote or a backslash among the bytes, eight at a time.
    private static func needsEscape(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = 0
        while index &+ 8 <= bytes.count {
            let eight = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Not zero exactly if a byte is less than n: (x - n) & ~x & 0x80 in each, for n up to 0x80.
            let quotes = eight ^ (ones &* 0x22)
            let backslashes = eight ^ (ones &* 0x5c)
            let controls = (eight &- ones &* 0x20) & ~eight
            let found = controls | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
            if found & highs != 0 { return true }
            index &+= 8
        }
        while index < bytes.count {
            if needsEscape(bytes[index]) { return true }
            index &+= 1
        }
        return false
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Copies runs without escapes in one piece.
    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        var start = 0
        for index in text.indices {
            let byte = text[index]
            guard Self.needsEscape(byte) else { continue }
            put(UnsafeRawBufferPointer(rebasing: text[start..<index]))
            start = index + 1
            put(UInt8(ascii: "\\"))
            switch byte {
            case 0x08: put(UInt8(ascii: "b"))
            case 0x09: put(UInt8(ascii: "t"))
            case 0x0A: put(UInt8(ascii: "n"))
            case 0x0C: put(UInt8(ascii: "f"))
            case 0x0D: put(UInt8(ascii: "r"))
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
            default:
                put(byte < 0x10 ? "u000" : "u001")
                let low = byte & 0x0F
                put(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
            }
        }
        put(UnsafeRawBufferPointer(rebasing: text[start...]))
    }
}

/// One member at a time; a nil value is written as `null`.
extension JSONWriter {
    public mutating func member(_ name: StaticString, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    public mutating func member(_ name: StaticString, _ value: Int?) {
        key(name)
        if let value { integer(value) } else { null() }
    }

    public mutating func member(_ name: StaticString, _ value: Bool?) {
        key(name)
        if let value { bool(value) } else { null() }
    }

    public mutating func member(_ name: StaticString, _ values: [String]) {
        key(name)
        array { writer in for value in values { writer.string(value) } }
    }

    public mutating func member(named name: String, _ value: String) {
        key(named: name)
        string(value)
    }

    public mutating func member(named name: String, _ value: Int) {
        key(named: name)
        integer(value)
    }

    /// Writes a value that was read, with its number literals as they were.
    public mutating func node(_ node: JSONNode) {
        switch node.value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let literal): raw(literal)
        case .string(let text): string(text)
        case .array(let nodes): array { writer in for node in nodes { writer.node(node) } }
        case .object(let members):
            object { writer in
                for member in members {
                    writer.key(named: member.name)
                    writer.node(member.node)
                }
            }
        }
    }
}
