import CZlib

/// Writes gzip (RFC 1952), one whole text after the other; the memory zlib needs (about 256 KiB) is made once.
///
/// One user at a time. Unchecked: `stream` lies where zlib was told it lies, and only this object's user touches it.
public final class GzipWriter: @unchecked Sendable {
    private let stream: UnsafeMutablePointer<z_stream>

    /// `level`: 1, the quickest, to 9. Nil when there is no memory for another.
    public init?(level: Int32) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard
            deflateInit2_(stream, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The bytes as one member; nil when that would not be shorter.
    public func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.isEmpty, bytes.count < 1 << 30, deflateReset(stream) == Z_OK else { return nil }
        var isWhole = false
        let out = [UInt8](unsafeUninitializedCapacity: bytes.count) { out, filled in
            bytes.withUnsafeBufferPointer { bytes in
                // zlib does not write to its input, whatever the type says.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
                stream.pointee.avail_in = UInt32(bytes.count)
                stream.pointee.next_out = out.baseAddress
                stream.pointee.avail_out = UInt32(out.count)
                isWhole = deflate(stream, Z_FINISH) == Z_STREAM_END
            }
            filled = out.count - Int(stream.pointee.avail_out)
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
        }
        return isWhole ? out : nil
    }
}
