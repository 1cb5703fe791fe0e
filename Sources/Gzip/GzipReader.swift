import CZlib

/// Reads gzip (RFC 1952) as it comes, all members after one another; memory is bounded whatever the bytes say.
///
/// One user at a time. Unchecked: `stream` lies where zlib was told it lies, and only this object's user touches it.
public final class GzipReader: @unchecked Sendable {
    public struct Damaged: Error {}

    private let stream: UnsafeMutablePointer<z_stream>
    private var isBetweenMembers = false
    private var isEmpty = true

    /// Throws when there is no memory for another.
    public init() throws(Damaged) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 asks for the gzip form alone.
        guard inflateInit2_(stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw Damaged()
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether the bytes so far end where a member ends, so that the end may come.
    public var mayEnd: Bool { isBetweenMembers && !isEmpty }

    /// Inflates from the front of `input`, which it shortens, at most `limit` bytes; empty when it needs more.
    public func read(_ input: inout ArraySlice<UInt8>, upTo limit: Int) throws(Damaged) -> [UInt8] {
        var isDamaged = false
        let out = [UInt8](unsafeUninitializedCapacity: limit) { out, filled in
            let taken = input.withUnsafeBufferPointer { bytes in
                // zlib does not write to its input, whatever the type says.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
                stream.pointee.avail_in = UInt32(min(bytes.count, 1 << 30))
                stream.pointee.next_out = out.baseAddress
                stream.pointee.avail_out = UInt32(limit)
                let given = stream.pointee.avail_in
                while stream.pointee.avail_in > 0, stream.pointee.avail_out > 0 {
                    if isBetweenMembers {
                        guard inflateReset(stream) == Z_OK else {
                            isDamaged = true
                            break
                        }
                        isBetweenMembers = false
                    }
                    isEmpty = false
                    let status = inflate(stream, Z_NO_FLUSH)
                    if status == Z_STREAM_END {
                        isBetweenMembers = true
                    } else if status != Z_OK {
                        isDamaged = true
                        break
                    }
                }
                // What lies inflated inside when the input is at its end, or the member's end behind it.
                while !isDamaged, !isBetweenMembers, !isEmpty, stream.pointee.avail_out > 0 {
                    let before = stream.pointee.avail_out
                    let status = inflate(stream, Z_NO_FLUSH)
                    if status == Z_STREAM_END { isBetweenMembers = true }
                    if status == Z_OK && stream.pointee.avail_out < before { continue }
                    isDamaged = status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR
                    break
                }
                return Int(given - stream.pointee.avail_in)
            }
            input = input.dropFirst(taken)
            filled = limit - Int(stream.pointee.avail_out)
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        if isDamaged { throw Damaged() }
        return out
    }
}
