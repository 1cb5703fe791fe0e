import Foundation
import TestKit
import Testing

@Suite struct RegulationTests {
    @Test func `every rule has a line with at least one test that exists`() throws {
        let page = try Repository.text("docs/explanation/regulations.md")
        let tests = try SourceTree.files(in: "Tests", ending: ".swift").flatMap { file in
            file.text.matches(of: /func `([^`]+)`/).map { String($0.output.1) }
        }
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| **R") }
        #expect(rows.compactMap { $0.firstMatch(of: /R(\d+)/).flatMap { Int($0.output.1) } } == Array(1...18))
        for row in rows {
            let named = row.matches(of: /“([^”]+)”/).map { String($0.output.1) }
            #expect(!named.isEmpty, "\(row.prefix(40))")
            for name in named { #expect(tests.contains(name), "\(name)") }
        }
    }
}
