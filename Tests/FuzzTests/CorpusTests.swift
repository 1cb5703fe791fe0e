import Foundation
import TestKit
import Testing

/// Everything that the fuzzer found worth keeping, run again without it. A crash here is a finding that came back.
@Suite struct CorpusTests {
    @Test(arguments: FuzzTarget.all.map(\.name))
    func `what was found once holds`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let lines = try Repository.text("Tests/FuzzTests/Corpora/\(name).base64").split(separator: "\n")
        #expect(lines.count >= 5)
        for line in lines {
            let input = try #require(Data(base64Encoded: String(line)))
            input.withUnsafeBytes { bytes in
                target.run(bytes)
                // Cut short, each is a new example.
                target.run(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]))
            }
        }
    }
}
