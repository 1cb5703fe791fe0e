import Foundation
import TestKit
import Testing

/// SwiftPM refuses undeclared siblings but lets every transitive dependency through: here each line is looked at.
@Suite struct ImportTests {
    /// What each target may import of ours and of Debian's libraries.
    static let table: [String: Set<String>] = [
        "JSONText": [],
        "Regulations": ["JSONText"],
        "Digests": ["COpenSSL"],
        "Tickets": ["Regulations", "JSONText", "Digests"],
        "HTTPWire": [],
        "EventLoop": ["CLinux"],
        "Gzip": ["CZlib"],
        "HTTPServer": ["HTTPWire", "EventLoop", "Gzip", "CLinux", "COpenSSL"],
        "Postgres": ["CLibPQ", "EventLoop"],
        "TicketStore": ["Tickets", "Regulations", "JSONText", "Digests", "Postgres", "EventLoop"],
        "TicketAPI": ["Tickets", "Regulations", "HTTPWire", "JSONText", "Digests"],
        "reglament": [
            "JSONText", "Regulations", "Digests", "Tickets", "HTTPWire", "EventLoop", "HTTPServer", "Postgres",
            "TicketStore", "TicketAPI", "CLinux", "Gzip",
        ],
        "bench-load": ["CLinux"],
        "bench-fill": ["Tickets", "Regulations", "JSONText", "Digests", "CLibPQ"],
        "soak": ["EventLoop", "JSONText", "Digests", "CLibPQ", "CLinux"],
    ]

    /// What comes with the toolchain, for those that talk to the system or share memory between loops.
    static let system: [String: Set<String>] = [
        "Digests": ["Glibc"], "EventLoop": ["Glibc", "Synchronization"], "HTTPWire": ["Synchronization"],
        "HTTPServer": ["Glibc", "Synchronization"], "Postgres": ["Glibc"], "TicketStore": ["Synchronization"],
        "TicketAPI": ["Glibc", "Synchronization"], "reglament": ["Glibc", "Synchronization"], "bench-load": ["Glibc"],
        "bench-fill": ["Glibc"], "soak": ["Glibc"],
    ]

    /// `import A`, `public import A`, `@testable import A`, `import struct A.B`.
    static func imports(_ text: String) -> [String] {
        let attributes = #"(?:@\w+(?:\([^)]*\))?[ \t]+)*"#
        let access = #"(?:(?:public|package|internal|fileprivate|private)[ \t]+)?"#
        let kind = #"(?:(?:struct|class|enum|protocol|func|var|let|typealias)[ \t]+)?"#
        guard let line = try? Regex<(Substring, Substring)>("^[ \\t]*\(attributes)\(access)import[ \\t]+\(kind)(\\w+)")
        else { preconditionFailure("the pattern is a literal of this file") }
        return text.split(separator: "\n").compactMap { $0.prefixMatch(of: line).map { String($0.output.1) } }
    }

    @Test func `every form of an import line is seen`() {
        let text = """
            import A
            public import B
            @testable import C
            @_spi(Some) private import D
            import struct E.F
            \tinternal import G
            // import H
            let important = 1
            """
        #expect(Self.imports(text) == ["A", "B", "C", "D", "E", "G"])
    }

    @Test func `every target is in the table`() throws {
        let folders = Set(try Repository.files(in: "Sources"))
        let shims: Set = ["CLibPQ", "COpenSSL", "CZlib", "CLinux"]
        #expect(folders.subtracting(shims) == Set(Self.table.keys))
    }

    @Test(arguments: table.keys.sorted())
    func `a target imports what the table allows and nothing else`(target: String) throws {
        let allowed = (Self.table[target] ?? []).union(Self.system[target] ?? [])
        for file in try SourceTree.files(in: "Sources/\(target)", ending: ".swift") {
            let strangers = Set(Self.imports(file.text)).subtracting(allowed)
            #expect(strangers.isEmpty, "\(file.path)")
        }
    }

    @Test func `the table of the architecture says the same`() throws {
        var told: [String: Set<String>] = [:]
        for line in try Repository.text("docs/explanation/architecture.md").split(separator: "\n") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, cells[0].hasPrefix("`"), cells[0].hasSuffix("`") else { continue }
            let target = String(cells[0].dropFirst().dropLast())
            if Self.table[target] == nil { continue }
            let words = cells[2].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            told[target] = cells[2] == "all" ? Self.table["reglament"] : Set(words).subtracting(["-"])
        }
        #expect(told == Self.table)
    }

    @Test func `the manifest declares what the table allows`() throws {
        let manifest = try Repository.text("Package.swift")
        for (target, allowed) in Self.table where target != "reglament" {
            let pattern = try Regex(#"(?:module|tool)\("\#(target)"(?:,\s*\[([^\]]*)\])?\)"#)
            let match = try #require(manifest.firstMatch(of: pattern), "\(target)")
            let list = match.output[1].substring.map(String.init) ?? ""
            #expect(Set(list.matches(of: /"(\w+)"/).map { String($0.output.1) }) == allowed, "\(target)")
        }
    }
}
