import Foundation
import TestKit
import Testing

/// The table of what the RFCs demand names tests that are there.
@Suite struct ConformancePageTests {
    @Test func `every test that the page of HTTP names exists`() throws {
        let page = try Repository.text("docs/reference/http.md")
        let start = try #require(page.firstRange(of: "## Conformance"))
        let rows = page[start.upperBound...].split(separator: "\n").filter { $0.hasPrefix("| ") }
        let sources = Dictionary(
            try SourceTree.files().filter { $0.path.hasPrefix("Tests/") }.map {
                (URL(filePath: $0.path).deletingPathExtension().lastPathComponent, $0.text)
            }, uniquingKeysWith: { $0 + $1 })
        var named = 0
        for row in rows where !row.hasPrefix("| Clause") {
            let cells = row.split(separator: "|")
            let cell = try #require(cells.last { !$0.allSatisfy { $0 == " " } })
            let names = cell.matches(of: /`([^`:]+): ([^`]+)`/)
            #expect(!names.isEmpty, "\(row)")
            for name in names {
                let (file, test) = (String(name.output.1), String(name.output.2))
                let text = try #require(sources[file], "\(row)")
                let isThere =
                    text.contains("## \(test)\n") || text.contains("`\(test)`") || text.contains("\"\(test)\"")
                #expect(isThere, "\(file): \(test)")
                named += 1
            }
        }
        #expect(named > 100)
    }
}
