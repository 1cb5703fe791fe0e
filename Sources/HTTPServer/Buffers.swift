/// What has been read and not yet used: a fixed piece of memory, so that no client can make it grow.
final class InputBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { memory.deallocate() }

    var count: Int { end - start }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }

    /// Room for more; what is unused moves to the front first when the room at the end is small.
    func room() -> UnsafeMutableRawBufferPointer {
        if start == end {
            start = 0
            end = 0
        } else if start > 0, memory.count - end < memory.count / 2 {
            memory.copyMemory(from: bytes)
            end -= start
            start = 0
        }
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    func fill(_ count: Int) { end += count }

    func drop(_ count: Int) { start += count }

    func clear() {
        start = 0
        end = 0
    }
}

/// What waits to be sent: small things joined, a big one kept as it is.
struct OutputBuffer {
    private(set) var bytes: [UInt8] = []
    private var start = 0
    private var large: [UInt8] = []
    private var largeStart = 0
    /// Whether `large` is ours: as it was given, it may be a document that a thousand connections share.
    private var isLargeJoined = false

    /// A bigger body is not copied behind its head.
    static let joinedBytesMax = 16_384

    var count: Int { bytes.count - start + large.count - largeStart }
    var isEmpty: Bool { count == 0 }
    /// Nothing can be joined behind a large body.
    var isClosed: Bool { !large.isEmpty }

    mutating func append(_ data: [UInt8]) {
        if data.count > Self.joinedBytesMax, large.isEmpty {
            large = data
        } else if large.isEmpty {
            bytes.append(contentsOf: data)
        } else {
            large.append(contentsOf: data)
            isLargeJoined = true
        }
    }

    /// Lets `write` append to the joined bytes.
    mutating func join(_ write: (inout [UInt8]) -> Void) {
        if large.isEmpty { return write(&bytes) }
        write(&large)
        isLargeJoined = true
    }

    /// Takes over memory that an idle connection does without.
    mutating func adopt(_ memory: inout [UInt8]) {
        if bytes.capacity == 0 { swap(&bytes, &memory) }
    }

    /// Gives the memory back, when nothing waits.
    mutating func release(to memory: inout [UInt8]) {
        large = []
        largeStart = 0
        isLargeJoined = false
        start = 0
        bytes.removeAll(keepingCapacity: bytes.capacity <= 65_536)
        if memory.capacity == 0 { swap(&bytes, &memory) } else { bytes = [] }
    }

    /// What is sent is given up at the latest when so much of it has gathered: a client that reads slowly and asks on
    /// never lets the buffer run empty.
    static let sentBytesMax = 32_768

    /// Writes as much as the transport takes; returns how many bytes that were, or nil when it failed.
    mutating func flush(to transport: any Transport) -> Int? {
        defer { forgetSent() }
        var total = 0
        // A head in front of a large body goes out in the body's first segment.
        let hasMore = !large.isEmpty
        while start < bytes.count {
            switch bytes.withUnsafeBytes({
                transport.write(UnsafeRawBufferPointer(rebasing: $0[start...]), hasMore: hasMore)
            }) {
            case .bytes(let count):
                start += count
                total += count
            case .wouldBlock: return total
            case .end, .notEncrypted, .refused, .failed: return nil
            }
        }
        while largeStart < large.count {
            switch large.withUnsafeBytes({
                transport.write(UnsafeRawBufferPointer(rebasing: $0[largeStart...]), hasMore: false)
            }) {
            case .bytes(let count):
                largeStart += count
                total += count
            case .wouldBlock: return total
            case .end, .notEncrypted, .refused, .failed: return nil
            }
        }
        return total
    }

    private mutating func forgetSent() {
        if start >= Self.sentBytesMax {
            bytes.removeSubrange(..<start)
            start = 0
        }
        if isLargeJoined && largeStart >= Self.sentBytesMax && largeStart >= large.count / 2 {
            large.removeSubrange(..<largeStart)
            largeStart = 0
        }
    }
}
