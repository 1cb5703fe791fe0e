import CZlib

/// Gzip (RFC 1952), read whole.
enum Gzip {
    /// The largest file that is read, so that a small one cannot fill the memory.
    static let outputBytesMax = 1 << 30

    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

    /// All members after one another; nil when the bytes are damaged, cut short or too many.
    static func read(_ bytes: [UInt8]) -> [UInt8]? {
        var input = bytes
        var out: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var stream = z_stream()
        // 16 asks for the gzip form alone.
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { inflateEnd(&stream) }
        return input.withUnsafeMutableBufferPointer { input -> [UInt8]? in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let (status, count) = buffer.withUnsafeMutableBufferPointer { buffer in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    let status = inflate(&stream, Z_NO_FLUSH)
                    return (status, buffer.count - Int(stream.avail_out))
                }
                out += buffer[..<count]
                guard out.count <= outputBytesMax else { return nil }
                switch status {
                case Z_OK: continue
                case Z_STREAM_END:
                    if stream.avail_in == 0 { return out }
                    guard inflateReset(&stream) == Z_OK else { return nil }
                default: return nil
                }
            }
        }
    }
}
