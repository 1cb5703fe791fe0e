import Gzip
import Testing

@Suite struct GzipTests {
    /// Texts that compress, that do not, and lengths around the pieces' borders.
    static let texts: [[UInt8]] = {
        var random = SystemRandomNumberGenerator()
        return [0, 1, 2, 1_023, 1_024, 65_535, 65_536, 65_537, 300_000].flatMap { count in
            [
                (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7) },
                (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) },
            ]
        }
    }()

    private func inflate(_ bytes: [UInt8], cutEvery step: Int, limit: Int) throws -> [UInt8]? {
        let reader = try GzipReader()
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            var input = bytes[start..<min(start + step, bytes.count)]
            while true {
                let piece = try reader.read(&input, upTo: limit)
                #expect(piece.count <= limit)
                if piece.isEmpty { break }
                out += piece
            }
            #expect(input.isEmpty)
        }
        return reader.mayEnd ? out : nil
    }

    @Test(arguments: [(1 << 20, 65_536), (7, 65_536), (4_096, 100), (1, 1_000)], [Int32(1), 9])
    func `what is written is read, however it is cut`(cut: (step: Int, limit: Int), level: Int32) throws {
        let writer = try #require(GzipWriter(level: level))
        for text in Self.texts where text.count < 70_000 || cut.step > 1_000 {
            guard let bytes = writer.compress(text) else { continue }
            #expect(bytes.count < text.count)
            #expect(try inflate(bytes, cutEvery: cut.step, limit: cut.limit) == text)
            // Members after one another are one text (RFC 1952 2.2).
            #expect(try inflate(bytes + bytes, cutEvery: cut.step, limit: cut.limit) == text + text)
        }
    }

    @Test func `what would not get shorter is not written`() throws {
        let writer = try #require(GzipWriter(level: 1))
        #expect(writer.compress([]) == nil)
        #expect(writer.compress(Array("abc".utf8)) == nil)
        #expect(writer.compress([UInt8](repeating: 65, count: 1_000)) != nil)
    }

    @Test func `what is damaged, cut short or goes on with something else is refused`() throws {
        let writer = try #require(GzipWriter(level: 6))
        let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* $0 / 977) }
        let bytes = try #require(writer.compress(text))
        for count in [0, 1, 9, bytes.count / 2, bytes.count - 8, bytes.count - 1] {
            #expect(try inflate(Array(bytes.prefix(count)), cutEvery: 1_000, limit: 65_536) == nil, "\(count) bytes")
        }
        for position in [0, 2, bytes.count - 1, bytes.count - 5] {
            var damaged = bytes
            damaged[position] ^= 0xff
            #expect(throws: GzipReader.Damaged.self) { try inflate(damaged, cutEvery: 1 << 20, limit: 65_536) }
        }
        #expect(throws: GzipReader.Damaged.self) { try inflate(bytes + [0, 0], cutEvery: 1 << 20, limit: 65_536) }
    }
}
