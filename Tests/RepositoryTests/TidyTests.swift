import Foundation
import TestKit
import Testing

@Suite struct TidyTests {
    @Test func `nothing is left to be done later`() throws {
        // Put together here, so that this line is none of them.
        let pattern = try Regex("\\b(" + ["TO" + "DO", "FIX" + "ME", "XX" + "X"].joined(separator: "|") + ")\\b")
        #expect(SourceTree.places(of: pattern, in: try SourceTree.files()) == [])
    }

    @Test func `every address is of example.com`() throws {
        let pattern = /[\w.%+-]+@([A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})/
        let places = SourceTree.places(of: pattern, in: try SourceTree.files()) { match in
            let domain = match.output.1.lowercased()
            return domain == "example.com" || domain.hasSuffix(".example.com")
        }
        #expect(places == [])
    }

    @Test func `nobody's telephone number stands anywhere`() throws {
        let pattern = /(?:\+[1-9]|\b8)[ (-]{1,2}\(?\d{3}\)?[ -]\d{3}[ -]?\d{2}[ -]?\d{2}\b|\+[1-9]\d{9,13}\b/
        #expect(SourceTree.places(of: pattern, in: try SourceTree.files()) == [])
        // Put together here, so that they are not found in this file.
        let samples = ["+7 (000)" + " 000-00-00", "8-800-" + "000-00-00", "+7" + "0000000000"]
        #expect(samples.count { $0.contains(pattern) } == 3)
    }

    @Test func `no merge is half done`() throws {
        #expect(SourceTree.places(of: #/^(?:<{7}|>{7}) /#, in: try SourceTree.files()) == [])
    }

    @Test func `every relative link in the documents leads to something`() throws {
        for file in try SourceTree.files(ending: ".md") {
            let own = Repository.root.appending(path: file.path)
            for match in file.text.matches(of: /\]\(([^)\s]+)\)/) {
                let target = String(match.output.1)
                if target.contains("://") || target.hasPrefix("mailto:") { continue }
                let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
                let path = parts[0].isEmpty ? own : own.deletingLastPathComponent().appending(path: parts[0])
                #expect(FileManager.default.fileExists(atPath: path.path), "\(file.path): \(target)")
                guard parts.count == 2, path.pathExtension == "md",
                    let text = try? String(contentsOf: path, encoding: .utf8)
                else { continue }
                #expect(Self.anchors(text).contains(parts[1]), "\(file.path): \(target)")
            }
        }
    }

    /// What a heading can be linked by, as Git hosts make it.
    private static func anchors(_ text: String) -> Set<String> {
        let headings = text.split(separator: "\n").filter { $0.hasPrefix("#") }
        return Set(
            headings.map { heading in
                let words = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                let kept = words.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                return kept.replacing(" ", with: "-")
            })
    }
}
