import HTTPWire
import Testing

@Suite struct CorpusTests {
    @Test func `the corpus is there`() {
        #expect(CorpusCase.all.count >= 700)
        #expect(Set(CorpusCase.all.map(\.testDescription)).count == CorpusCase.all.count)
        #expect(CorpusCase.all.allSatisfy { !$0.bytes.isEmpty && !$0.outcome.isEmpty })
    }

    @Test(arguments: CorpusCase.all)
    func `a case has its outcome, whole, cut anywhere and byte by byte`(example: CorpusCase) {
        // The last outcome line may ask for fields: `host=b`.
        let asked = example.outcome.last.map(Self.askedFields) ?? []
        func outcome(_ pieces: [ArraySlice<UInt8>]) -> [String] {
            var reader = MessageReader()
            for piece in pieces { reader.feed(piece) }
            return reader.outcome(asking: asked)
        }
        let bytes = example.bytes
        #expect(outcome([bytes[...]]) == example.outcome)
        // Cuts of very long examples are thinned out: their runs are all alike.
        let step = bytes.count > 2_000 ? 97 : 1
        for cut in stride(from: 1, to: bytes.count, by: step) {
            let got = outcome([bytes[..<cut], bytes[cut...]])
            if got != example.outcome {
                Issue.record("cut at \(cut): \(got)")
                return
            }
        }
        #expect(outcome(bytes.indices.map { bytes[$0...$0] }) == example.outcome)
    }

    private static func askedFields(_ line: String) -> [String] {
        guard !line.hasPrefix("refused") else { return [] }
        return line.split(separator: " ").dropFirst(2).filter { !$0.hasPrefix("\"") && $0.contains("=") }
            .map { String($0.prefix { $0 != "=" }) }
    }
}
