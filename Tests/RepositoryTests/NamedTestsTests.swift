import Foundation
import TestKit
import Testing

/// Pages that say what is proved name their tests.
@Suite struct NamedTestsTests {
    /// Page, and how many names it has at least.
    @Test(arguments: [("docs/explanation/promises.md", 45), ("docs/explanation/security.md", 50)])
    func `every test that a page names exists`(path: String, least: Int) throws {
        let sources = Dictionary(
            try SourceTree.files().filter { $0.path.hasPrefix("Tests/") }.map {
                (URL(filePath: $0.path).deletingPathExtension().lastPathComponent, $0.text)
            }, uniquingKeysWith: { $0 + $1 })
        let names = try Repository.text(path).matches(of: /`(\w+Tests): ([^`]+)`/)
        for name in names {
            let (file, test) = (String(name.output.1), String(name.output.2))
            let text = try #require(sources[file], "\(path) names \(file)")
            #expect(text.contains("`\(test)`") || text.contains("\"\(test)\""), "\(path): \(file): \(test)")
        }
        #expect(names.count >= least, "\(path) names \(names.count) tests")
    }
}
