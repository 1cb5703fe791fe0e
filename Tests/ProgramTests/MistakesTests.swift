import Foundation
import TestKit
import Testing

@testable import reglament

/// What an operator got wrong, and what the program says to it.
struct Mistake: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var words = ["serve"]
    var settings: [String: String] = [:]
    var status: Int32 = 1
    /// Must stand in what is said.
    let names: String

    init(_ words: [String] = ["serve"], _ settings: [String: String] = [:], status: Int32 = 1, names: String) {
        self.words = words
        self.settings = settings
        self.status = status
        self.names = names
        let setting = settings.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
        testDescription = "\(setting) reglament \(words.joined(separator: " "))"
    }
}

@Suite(.serialized) struct MistakesTests {
    static let mistakes = [
        Mistake(["serve"], ["REGLAMENT_LOOPS": "0"], names: "REGLAMENT_LOOPS"),
        Mistake(["serve"], ["REGLAMENT_WRITERS": "many"], names: "REGLAMENT_WRITERS"),
        Mistake(["serve"], ["REGLAMENT_LOG": "xml"], names: "REGLAMENT_LOG"),
        Mistake(["serve"], ["REGLAMENT_LISTEN": "8080"], names: "REGLAMENT_LISTEN"),
        Mistake(["serve"], ["REGLAMENT_LISTEN": "127.0.0.1:80800"], names: "REGLAMENT_LISTEN"),
        Mistake(["serve"], ["REGLAMENT_AUTO_CLOSE_AT": "25:00"], names: "REGLAMENT_AUTO_CLOSE_AT"),
        Mistake(["serve"], ["REGLAMENT_CLOCK": "yesterday"], names: "REGLAMENT_CLOCK"),
        Mistake(["serve"], ["REGLAMENT_HOME": "/nowhere"], names: "REGLAMENT_HOME"),
        Mistake(["serve"], ["REGLAMENT_CONFIG_FILE": "/nowhere.conf"], names: "/nowhere.conf"),
        Mistake(["serve"], ["REGLAMENT_LISTN": "127.0.0.1:8080"], names: "REGLAMENT_LISTN"),
        Mistake(["verify"], ["REGLAMENT_DATABASE_URL": "host=/nowhere dbname=x"], names: "database"),
        Mistake(["serve", "--colour"], status: 2, names: "--colour"),
        Mistake(["nonsense"], status: 2, names: "nonsense"),
        Mistake(["auto-close", "--as-of", "2026-11-20T00:00:00Z"], status: 2, names: "--dry-run"),
        Mistake(["auto-close", "--dry-run", "--as-of", "soon"], status: 2, names: "--as-of"),
        Mistake(["token", "create", "--role", "engineer"], status: 2, names: "--email"),
        Mistake(["token", "create", "--email", "a@example.com", "--role", "king"], status: 2, names: "king"),
        Mistake(
            ["token", "create", "--email", "a@example.com", "--role", "customer"], status: 2, names: "organization"),
        Mistake(["token", "create", "--email", "not an address", "--role", "admin"], status: 2, names: "address"),
        Mistake(["token", "create", "--email", "", "--role", "admin"], status: 2, names: "address"),
        Mistake(
            ["token", "create", "--email", "a\u{1b}[2J@example.com", "--role", "admin"], status: 2, names: "address"),
        Mistake(
            ["token", "create", "--email", "a\u{9b}2J@example.com", "--role", "admin"], status: 2, names: "address"),
        Mistake(
            ["token", "create", "--email", "a\u{fffd}@example.com", "--role", "admin"], status: 2, names: "address"),
        Mistake(
            ["token", "create", "--email", "a@example.com", "--role", "admin", "--name", " "], status: 2, names: "name"),
        Mistake(
            ["token", "create", "--email", "a@example.com", "--role", "admin", "--name", "A\nB"], status: 2,
            names: "name"),
        Mistake(
            [
                "token", "create", "--email", "a@example.com", "--role", "admin", "--name",
                String(repeating: "a", count: 201),
            ],
            status: 2, names: "name"),
        Mistake(["migrate", "down"], status: 2, names: "migrate"),
    ]

    @Test(arguments: mistakes)
    func `a mistake is one sentence on standard error and a status that says whose it is`(mistake: Mistake) async throws
    {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let data = ["REGLAMENT_DATA": "\(folder.path)/data"]
        let result = try await BuiltProgram.run(mistake.words, mistake.settings.merging(data) { old, _ in old })
        #expect(result.status == mistake.status, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(result.errors.lowercased().contains(mistake.names.lowercased()), "\(result.errors)")
        let lines = result.errors.split(separator: "\n").filter { $0 != "See `reglament --help`." }
        #expect(lines.count == 1, "\(result.errors)")
    }

    @Test func `no word at all shows what there is, with the status of wrong usage`() async throws {
        let bare = try await BuiltProgram.run([], [:])
        #expect(bare.status == 2)
        let asked = try await BuiltProgram.run(["--help"], [:])
        #expect(asked.status == 0 && asked.output == bare.output)
        #expect(asked.output.contains("serve"))
    }

    @Test func `every command explains itself and starts nothing`() async throws {
        for words in Program.commands.map({ $0.words }) {
            let result = try await BuiltProgram.run(words + ["--help"], ["REGLAMENT_DATA": "/nowhere"])
            #expect(result.status == 0 && result.errors.isEmpty)
            #expect(result.output.hasPrefix("reglament \(words.joined(separator: " "))"))
        }
    }

    @Test func `a taken port is one sentence`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL]
            let first = try await RunningService.start(settings, in: folder)
            let address = first.address.replacing("http://", with: "")
            let second = try await BuiltProgram.run(["serve"], settings.merging(["REGLAMENT_LISTEN": address]) { $1 })
            #expect(second.status == 1)
            #expect(second.errors.contains(address.split(separator: ":")[1]), "\(second.errors)")
            #expect(try await first.end(SIGTERM) == 0)
        }
    }
}
