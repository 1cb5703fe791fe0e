import Gzip

/// A gzip file, read whole.
enum GzipFile {
    /// The largest file that is read, so that a small one cannot fill the memory.
    static let outputBytesMax = 1 << 30

    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

    /// All members after one another; nil when the bytes are damaged, cut short or too many.
    static func read(_ bytes: [UInt8]) -> [UInt8]? {
        guard let reader = try? GzipReader() else { return nil }
        var input = bytes[...]
        var out: [UInt8] = []
        while true {
            guard let piece = try? reader.read(&input, upTo: 65_536) else { return nil }
            if piece.isEmpty { return reader.mayEnd && input.isEmpty ? out : nil }
            out += piece
            guard out.count <= outputBytesMax else { return nil }
        }
    }
}
