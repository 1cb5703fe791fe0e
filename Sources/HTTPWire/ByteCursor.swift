/// Bytes in a row, written into memory that must be large enough for all of them. What is put together so and appended to an
/// array once costs a fraction of as many appends.
public struct ByteCursor {
    @usableFromInline
    let memory: UnsafeMutableRawBufferPointer
    @usableFromInline
    var count = 0

    @inlinable
    public init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inlinable
    public var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    @inlinable
    public mutating func put(_ byte: UInt8) {
        memory[count] = byte
        count &+= 1
    }

    @inlinable
    public mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable
    public mutating func put(_ bytes: UnsafeRawBufferPointer) { room(bytes.count).copyMemory(from: bytes) }

    /// In decimal.
    public mutating func put(_ number: Int) {
        if number < 0 { put(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let count = Self.digits(of: rest)
        let digits = room(count)
        for index in stride(from: count &- 1, through: 0, by: -1) {
            digits[index] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
            rest /= 10
        }
    }

    /// The next `count` bytes, for the caller to write all of.
    @inlinable
    public mutating func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let start = self.count
        self.count &+= count
        return UnsafeMutableRawBufferPointer(rebasing: memory[start..<self.count])
    }

    private static func digits(of number: UInt) -> Int {
        var count = 1
        var rest = number
        while rest >= 10 {
            rest /= 10
            count &+= 1
        }
        return count
    }
}
