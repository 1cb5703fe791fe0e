/// Header fields in their order: one buffer of bytes and offsets into it; names compare without regard to case.
///
/// What a value may not hold (control bytes, above all CR and LF) becomes a space when it is appended, and a field
/// whose name is no token is dropped: no value can break out of its line (RFC 9110 5.5).
public struct Fields: Sendable {
    struct Entry: Sendable {
        var nameStart: Int32
        var nameCount: Int32
        var valueStart: Int32
        var valueCount: Int32
    }

    private(set) var bytes: [UInt8] = []
    private(set) var entries: [Entry] = []

    public init() {}

    /// With room for so many fields of so many bytes in all, names included.
    public init(capacity: Int, bytes: Int) {
        self.bytes.reserveCapacity(bytes)
        entries.reserveCapacity(capacity)
    }

    public init(_ pairs: [(String, String)]) {
        for (name, value) in pairs { append(name, value) }
    }

    init(bytes: UnsafeRawBufferPointer, entries: [Entry]) {
        self.bytes = Array(bytes)
        self.entries = entries
    }

    public var count: Int { entries.count }

    /// The first value of that name, nil when there is none.
    public func first(_ name: String) -> String? {
        find(name, from: 0).map { value(entries[$0]) }
    }

    /// All values of that name in their order, each as it stood: lists are not split.
    public func values(_ name: String) -> [String] {
        var found: [String] = []
        var index = 0
        while let next = find(name, from: index) {
            found.append(value(entries[next]))
            index = next + 1
        }
        return found
    }

    /// Calls `body` with the bytes of the one field of that name; nil when there is none or more than one.
    public func withOnly<Value>(_ name: String, _ body: (UnsafeRawBufferPointer) -> Value?) -> Value? {
        guard let index = find(name, from: 0), find(name, from: index + 1) == nil else { return nil }
        return bytes.withUnsafeBytes { body(Self.value(entries[index], in: $0)) }
    }

    /// Calls `body` with the bytes of each field of that name, in their order.
    public func forEachValue(of name: String, _ body: (UnsafeRawBufferPointer) -> Void) {
        var index = 0
        while let next = find(name, from: index) {
            bytes.withUnsafeBytes { body(Self.value(entries[next], in: $0)) }
            index = next + 1
        }
    }

    public func contains(_ name: String) -> Bool { find(name, from: 0) != nil }

    public mutating func append(_ name: String, _ value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in value.withUTF8 { value in append(name, value) } }
    }

    private mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        guard !name.isEmpty, name.allSatisfy(Bytes.isToken) else { return }
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        if !value.allSatisfy(Bytes.isFieldValue) {
            for index in middle..<bytes.count where !Bytes.isFieldValue(bytes[index]) { bytes[index] = Bytes.space }
        }
        entries.append(
            Entry(
                nameStart: Int32(start), nameCount: Int32(middle - start), valueStart: Int32(middle),
                valueCount: Int32(bytes.count - middle)))
    }

    /// Puts one field in the place of all of that name.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    public mutating func remove(_ name: String) {
        while let index = find(name, from: 0) { entries.remove(at: index) }
    }

    public func forEach(_ body: (_ name: String, _ value: String) -> Void) {
        for entry in entries {
            body(text(entry.nameStart, entry.nameCount), value(entry))
        }
    }

    // MARK: Bytes

    private func text(_ start: Int32, _ count: Int32) -> String {
        bytes.withUnsafeBytes { String(decoding: $0[Int(start)..<Int(start + count)], as: UTF8.self) }
    }

    private func value(_ entry: Entry) -> String { text(entry.valueStart, entry.valueCount) }

    private func find(_ name: String, from first: Int) -> Int? {
        var name = name
        return name.withUTF8 { wanted in
            bytes.withUnsafeBytes { all in
                (first..<max(first, entries.count)).first { index in
                    Bytes.isSame(Self.name(entries[index], in: all), UnsafeRawBufferPointer(wanted))
                }
            }
        }
    }

    static func name(_ entry: Entry, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = Int(entry.nameStart)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(entry.nameCount)])
    }

    static func value(_ entry: Entry, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = Int(entry.valueStart)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(entry.valueCount)])
    }
}
