import Testing

@testable import HTTPServer

/// Takes a few bytes at a time, as a slow client's socket does.
private final class SlowTransport: Transport {
    let isEncrypted = false
    let waiting = 0
    var budget = 0

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer { .wouldBlock }
    func write(_ bytes: UnsafeRawBufferPointer, hasMore: Bool) -> Transfer {
        let count = min(budget, bytes.count)
        budget -= count
        return count > 0 ? .bytes(count) : .wouldBlock
    }
    func closeWriting() -> Bool { true }
    func close() {}
    func abort() {}
}

@Suite struct OutputBufferTests {
    @Test(arguments: [1_000, 20_000])
    func `a client that reads slowly and asks on does not make it grow`(answer: Int) {
        let transport = SlowTransport()
        var buffer = OutputBuffer()
        for _ in 0..<2_000 {
            while buffer.count < 65_536, !buffer.isClosed { buffer.append([UInt8](repeating: 7, count: answer)) }
            transport.budget = answer
            _ = buffer.flush(to: transport)
            #expect(buffer.bytes.count <= 65_536 + 32_768 + 2 * answer)
        }
    }
}
