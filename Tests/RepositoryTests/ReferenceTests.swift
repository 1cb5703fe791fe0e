import Foundation
import Regulations
import TestKit
import Testing

@testable import reglament

@Suite struct ReferenceTests {
    @Test(arguments: Settings.names + [Settings.fileName])
    func `a setting is told of`(name: String) throws {
        #expect(try Repository.text("docs/reference/configuration.md").contains("`\(name)`"))
    }

    @Test func `the example has every setting once and nothing else`() throws {
        let lines = try Repository.text("Config/example.conf").split(separator: "\n")
        let told = lines.compactMap { $0.firstMatch(of: /^#? ?(REGLAMENT_[A-Z_]+)=/).map { String($0.output.1) } }
        #expect(told.sorted() == Settings.names.sorted())
    }

    @Test func `the example can be read as it stands`() throws {
        let values = try Settings.file(try Repository.text("Config/example.conf"), path: "example.conf")
        #expect(Set(values.keys).isSubset(of: Set(Settings.names)))
    }

    @Test(arguments: Program.commands.map { $0.words.joined(separator: " ") })
    func `a command is told of with all its options`(words: String) throws {
        let page = try Repository.text("docs/reference/command-line.md")
        #expect(page.contains("reglament \(words)") || page.contains("`\(words)"))
        let command = try #require(Program.commands.first { $0.words.joined(separator: " ") == words })
        for (option, _) in command.options where option.hasPrefix("--") {
            let flag = try #require(option.split(separator: " ").first)
            #expect(page.contains(flag), "\(words) \(flag)")
        }
    }

    @Test func `the drawn pages are what the tables say`() throws {
        let installation = try Installation(try Settings.read(environment: ["REGLAMENT_HOME": Repository.root.path]))
        for (path, text) in try DocsCommand.pages(installation) {
            #expect(try Repository.text(path) == text, "`reglament docs` writes \(path)")
        }
    }

    @Test func `the page of the metrics is what the service writes`() throws {
        #expect(try Repository.text("docs/reference/metrics.md") == MetricsPage.text, "`reglament docs` writes it")
    }

    @Test func `the manual page has every command, option and setting, and no line that man would take for a request`()
        throws
    {
        let installation = try Installation(try Settings.read(environment: ["REGLAMENT_HOME": Repository.root.path]))
        let page = try DocsCommand.manual(installation)
        let plain = page.replacing("\\-", with: "-")
        for command in Program.commands {
            #expect(plain.contains(".SS reglament \(command.words.joined(separator: " "))"))
            for (option, _) in command.options { #expect(plain.contains(".B \(option)\n"), "\(option)") }
        }
        for name in Settings.names { #expect(plain.contains("\n.B \(name)="), "\(name)") }
        let requests = [".TH", ".SH", ".SS", ".TP", ".TQ", ".PP", ".B", ".I", ".ad"]
        for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(requests.contains(String(line.prefix { $0 != " " })), "\(line)")
        }
    }

    @Test func `the change log begins with this version`() throws {
        let heading = try Repository.text("CHANGELOG.md").split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(heading?.split(separator: " ").dropFirst().first == Substring(Program.version))
    }
}
