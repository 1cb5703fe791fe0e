import Foundation
import TestKit
import Testing

@testable import reglament

@Suite(.serialized) struct CommandTests {
    private let binary = Runner()

    @Test func `the overview names every command`() async throws {
        let outcome = try await binary.run("--help")
        #expect(outcome.status == 0)
        for command in Program.commands { #expect(outcome.output.contains(command.words.joined(separator: " "))) }
        for group in ["policy", "calendar", "token", "import"] {
            let outcome = try await binary.run(group, "--help")
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("\(group) "))
        }
    }

    @Test func `a result that has no room is a failure`() async throws {
        let process = BuiltProgram.process(["--help"], [:])
        let routes = BuiltProgram.process(["routes"], [:])
        for process in [process, routes] {
            process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
            process.standardError = FileHandle.nullDevice
            try await BuiltProgram.ended(process) { try process.run() }
            #expect(process.terminationStatus == 1)
        }
    }

    @Test func `it says which version it is`() async throws {
        let outcome = try await binary.run("--version")
        #expect(outcome.status == 0)
        #expect(outcome.output == "reglament \(Program.version)\n")
    }

    @Test(arguments: [
        ["policy", "fly"], ["policy", "show"], ["policy", "diff", "a"], ["serve", "now"],
        ["serve", "--fast"], ["auto-close", "--dry-run", "--plan", "x"],
        ["calendar", "deadline", "ru"], ["calendar", "deadline", "ru", "--from", "now", "--working-days", "1"],
        ["calendar", "deadline", "--from", "2026-01-01T00:00:00Z", "--working-days", "1"],
        ["token", "create", "--email", "a@example.com", "--role", "admin", "--organization", "acme"],
        ["import", "servicenow-log", "x.csv"], ["import", "servicenow-log", "--product", "maics"], ["routes", "x"],
        ["statements", "no_such"], ["verify", "--loops"], ["--version", "now"],
    ])
    func `words that make no sense end with 2 and change nothing`(words: [String]) async throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        let outcome = try await BuiltProgram.run(words, ["REGLAMENT_DATA": "\(scratch.path)/data"])
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/data"))
    }

    @Test func `routes are printed with their roles`() async throws {
        let lines = try await binary.run("routes").lines
        #expect(lines.contains("POST\t/v1/tickets/{id}/confirm\tcustomer"))
        #expect(lines.contains("GET\t/healthz\tno token"))
    }

    // MARK: Policies

    @Test func `the installed policies have no faults`() async throws {
        let outcome = try await binary.run("policy", "lint")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
    }

    @Test func `lint tells file, line and path of every fault`() async throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        var text = try Repository.text("Config/policies/omnivox.json")
        text = text.replacing("\"prefix\": \"OMNIVOX\"", with: "\"prefix\": \"omnivox\"")
        text = text.replacing("Europe/Moscow", with: "Europe/Moskva")
        let file = try scratch.write(text, to: "omnivox.json")
        let outcome = try await binary.run("policy", "lint", file)
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("\(file):3: /prefix: "))
        let other = text.replacing("\"prefix\": \"omnivox\"", with: "\"prefix\": \"OMNIVOX\"")
        let second = try await binary.run("policy", "lint", try scratch.write(other, to: "other.json"))
        #expect(second.status == 1)
        #expect(second.output.contains("/time_zone: Europe/Moskva"))
    }

    @Test(arguments: ["maics", "omnivox", "call-to-visit", "dialog", "smartivr"])
    func `show prints the lifecycle with the clauses`(code: String) async throws {
        let outcome = try await binary.run("policy", "show", code)
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("| From | Step | Who | To | Clause |"))
        #expect(
            outcome.lines.filter { $0.contains("| auto_close |") }.count
                == (["dialog", "smartivr"].contains(code) ? 0 : 1))
    }

    @Test func `show knows only what is installed`() async throws {
        let outcome = try await binary.run("policy", "show", "nobody")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("omnivox"))
    }

    @Test func `diff shows what differs and warns of an unchanged version`() async throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        let text = try Repository.text("Config/policies/omnivox.json")
            .replacing("\"auto_close_after_working_days\": 14", with: "\"auto_close_after_working_days\": 10")
            .replacing("18:00", with: "19:30")
        let file = try scratch.write(text, to: "omnivox.json")
        let quiet = Runner(settings: ["REGLAMENT_DATA": "\(scratch.path)/none"])
        let outcome = try await quiet.run("policy", "diff", "omnivox", file)
        #expect(outcome.status == 0)
        #expect(outcome.lines.first == "auto_close_after_working_days: 14 → 10")
        #expect(outcome.output.contains("refuses"))
        #expect(outcome.lines.contains("plans/extended/schedule/mon: 09:00-18:00 → 09:00-19:30"), "\(outcome.output)")
        #expect(try await quiet.run("policy", "diff", "omnivox", "omnivox").output == "No difference.\n")
        let away = Runner(settings: ["REGLAMENT_DATABASE_URL": "host=/nowhere dbname=x"])
        let partly = try await away.run("policy", "diff", "omnivox", file)
        #expect(partly.status == 1 && outcome.output.hasPrefix(partly.output), "\(partly)")
        #expect(partly.errors.hasPrefix("The open tickets cannot be counted: the database cannot be reached: "))
    }

    // MARK: Calendars

    @Test func `the installed calendars have no faults`() async throws {
        let outcome = try await binary.run("calendar", "check")
        #expect(outcome.status == 0)
        #expect(outcome.lines.contains { $0.hasPrefix("ru ") && $0.contains("2026: 247") })
    }

    @Test func `vectors are evaluated one by one`() async throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        let vectors = "Tests/RegulationsTests/Vectors/examples.jsonl"
        let good = try await binary.run("calendar", "check", vectors)
        #expect(good.status == 0)
        #expect(good.lines.last == "\(try Repository.text(vectors).split(separator: "\n").count) passed, 0 failed")
        let wrong = """
            {"id":"w1","kind":"deadline","calendar":"ru","timezone":"Europe/Moscow","start":"2026-04-28T10:15:00+03:00","workingDays":5,"expectedDeadline":"2026-05-08T00:00:00+03:00"}
            {"id":"w2"}
            nothing
            """
        let bad = try await binary.run("calendar", "check", vectors, try scratch.write(wrong, to: "wrong.jsonl"))
        #expect(bad.status == 1)
        #expect(bad.lines.last?.hasSuffix(" passed, 3 failed") == true)
        #expect(bad.lines.contains { $0.hasPrefix("w1: deadline is 2026-05-07T00:00:00+03:00") })
    }

    @Test func `a deadline is shown with every day on the way`() async throws {
        let words = ["calendar", "deadline", "ru", "--from", "2026-04-30T10:00:00+03:00", "--working-days", "2"]
        let outcome = try await BuiltProgram.run(words, [:])
        #expect(outcome.status == 0)
        #expect(outcome.lines.first == "2026-05-06T00:00:00+03:00")
        #expect(outcome.lines.contains { $0.hasPrefix("2026-05-01\t-\t") })
        #expect(outcome.lines.last?.hasPrefix("2026-05-05\t2") == true)
        let far = try await binary.run(
            "calendar", "deadline", "ru", "--from", "2090-01-01T00:00:00Z", "--working-days", "1")
        #expect(far.status == 1)
        #expect(far.errors.contains("does not cover 2090"))
        let unknown = try await binary.run(
            "calendar", "deadline", "atlantis", "--from", "2026-01-01T00:00:00Z", "--working-days", "1")
        #expect(unknown.status == 1)
    }

    @Test func `a missing folder of time zones is said and not guessed around`() async throws {
        let outcome = try await Runner(settings: ["REGLAMENT_TZDIR": "/nowhere"]).run("policy", "lint")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("Europe/Moscow"))
    }
}
