import EventLoop
import Foundation
import Postgres
import TestKit
import Testing

@testable import reglament

@Suite(.serialized) struct DatabaseCommandTests {
    /// The program on a database and a data folder of its own.
    private func with(
        _ template: TestTemplate? = .migrated, clock: String? = nil,
        _ body: (Runner, TestDatabase, PrivateFolder) async throws -> Void
    ) async throws {
        let scratch = try PrivateFolder()
        defer { scratch.remove() }
        try await TestDatabase.with(template) { database in
            var environment = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": scratch.path]
            environment["REGLAMENT_CLOCK"] = clock
            try await body(Runner(settings: environment), database, scratch)
        }
    }

    /// Files of the program's own, to be spoilt: the folder `home`.
    private static func makeHome(in scratch: PrivateFolder) throws -> String {
        let home = "\(scratch.path)/home"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        for folder in ["Config", "Migrations"] {
            try FileManager.default.copyItem(
                atPath: Repository.root.appending(path: folder).path, toPath: "\(home)/\(folder)")
        }
        return home
    }

    private func execute(_ sql: String, on database: TestDatabase) async throws {
        let url = database.ownerURL
        try await onLoop { loop in
            let lane = Lane(
                loop: loop, connectionString: url, options: .single("test"))
            let result: Result<Void, any Error>
            do { result = .success(try await lane.withConnection { try await $0.script(sql) }) } catch {
                result = .failure(error)
            }
            await lane.close()
            try result.get()
        }
    }

    // MARK: Migrations

    @Test func `an empty database is refused, migrated and accepted`() async throws {
        try await with(nil) { binary, _, _ in
            let before = try await binary.run("migrate", "status")
            #expect(before.status == 1)
            #expect(before.lines.contains("pending 0001_roles"))
            let refused = try await binary.run("verify")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("reglament migrate up"))
            #expect(try await binary.run("serve").status == 1)
            #expect(try await binary.run("migrate", "up").status == 0)
            #expect(try await binary.run("migrate").status == 0)
            #expect(try await binary.run("migrate", "up").output.isEmpty)
            #expect(try await binary.run("verify").output == "0 tickets, 0 events, 0 attachments, 0 breaks\n")
        }
    }

    @Test func `nothing but migrations and erasures connects as the owner`() async throws {
        try await with { binary, _, scratch in
            var service = binary
            service.settings["REGLAMENT_MIGRATE_URL"] = "host=/nowhere dbname=x"
            #expect(try await service.run("verify").status == 0)
            let words = ["token", "create", "--email", "ada@example.com", "--role", "admin"]
            #expect(try await BuiltProgram.run(words, service.settings).status == 0)
            let running = try await RunningService.start(service.settings, in: scratch)
            #expect(try await running.end(SIGTERM) == 0)
            #expect(try await service.run("migrate", "status").status == 1)
            #expect(try await service.run("person", "erase", "ada@example.com").status == 1)
        }
    }

    @Test(arguments: [
        "UPDATE migrations SET sha256 = 'x' WHERE number = 1",
        "INSERT INTO migrations (number, name, sha256) VALUES (9999, '9999_tomorrow', 'x')",
        "DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)",
    ])
    func `the server does not start on a changed, unknown or missing migration`(sql: String) async throws {
        try await with { binary, database, _ in
            try await execute(sql, on: database)
            let refused = try await binary.run("serve")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("migration") && !refused.errors.contains("listening"))
        }
    }

    // MARK: Tokens and policies

    @Test func `a token is printed alone, and its user is made once`() async throws {
        try await with { binary, _, _ in
            let words = [
                "token", "create", "--email", "ada@example.com", "--role", "customer", "--organization", "acme",
            ]
            for _ in 1...2 {
                let outcome = try await BuiltProgram.run(words, binary.settings)
                #expect(outcome.status == 0)
                #expect(outcome.output.wholeMatch(of: /rgl_[A-Za-z0-9_-]{43}\n/) != nil)
                #expect(outcome.errors.isEmpty)
            }
            let other = try await binary.run("token", "create", "--email", "ADA@example.com", "--role", "admin")
            #expect(other.status == 1)
            #expect(other.errors.contains("another role"))
        }
    }

    @Test func `whoever works for customers is not shown to them by an address`() async throws {
        try await with { binary, _, _ in
            let people: [(words: [String], name: String)] = [
                (["egor@example.com", "--role", "engineer"], "engineer"),
                (["crm@example.com", "--role", "service"], "service"),
                (["lena@example.com", "--role", "lead", "--name", "Лена"], "Лена"),
                (["anna@example.com", "--role", "customer", "--organization", "acme"], "anna@example.com"),
            ]
            for person in people {
                let words = ["token", "create", "--email"] + person.words
                #expect(try await BuiltProgram.run(words, binary.settings).status == 0)
                let export = try await binary.run("person", "export", person.words[0])
                #expect(export.output.contains("\"name\":\"\(person.name)\""), "\(export)")
            }
        }
    }

    @Test func `a changed policy under an installed version is refused`() async throws {
        try await with { binary, _, scratch in
            #expect(try await binary.run("verify").status == 0)
            let home = try Self.makeHome(in: scratch)
            let file = "home/Config/policies/maics.json"
            let text = try scratch.text(file).replacing(
                "\"auto_close_after_working_days\": 10", with: "\"auto_close_after_working_days\": 11")
            _ = try scratch.write(text, to: file)
            var elsewhere = binary
            elsewhere.settings["REGLAMENT_HOME"] = home
            let refused = try await elsewhere.run("verify")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("maics.json") && refused.errors.contains("raise `version`"))
            _ = try scratch.write(text.replacing("\"version\": 1", with: "\"version\": 2"), to: file)
            #expect(try await elsewhere.run("verify").status == 0)
            _ = try scratch.write(text.replacing("\"kinds\"", with: "\"kindz\""), to: file)
            let faulty = try await elsewhere.run("verify")
            #expect(faulty.status == 1)
            #expect(faulty.errors.contains("Config/policies/maics.json:"))
        }
    }

    @Test func `a service that cannot start says first what is wrong with its files`() async throws {
        try await with(nil) { binary, _, scratch in
            let empty = try await binary.run("serve")
            #expect(empty.status == 1 && empty.errors.contains("reglament migrate up"))
            let home = try Self.makeHome(in: scratch)
            let file = "home/Config/policies/maics.json"
            _ = try scratch.write(try scratch.text(file).replacing("\"kinds\"", with: "\"kindz\""), to: file)
            var elsewhere = binary
            elsewhere.settings["REGLAMENT_HOME"] = home
            for url in [binary.settings["REGLAMENT_DATABASE_URL"], "host=/nowhere"] {
                elsewhere.settings["REGLAMENT_DATABASE_URL"] = url
                let faulty = try await elsewhere.run("serve")
                #expect(faulty.status == 1)
                #expect(faulty.errors.contains("Config/policies/maics.json:") && !faulty.errors.contains("migrate"))
            }
        }
    }

    // MARK: Demonstration, job, verify

    @Test func `the demonstration is filled in once and its tokens work from then on`() async throws {
        try await with(clock: "2026-10-20T09:00:00Z") { binary, database, _ in
            let first = try await binary.run("demo")
            #expect(first.status == 0, "\(first.errors)")
            #expect(first.lines.count == Demonstration.people.count)
            #expect(try await binary.run("demo").output == first.output)
            #expect(try await binary.run("verify").status == 0)
            let difference = try await binary.run("policy", "diff", "omnivox", "omnivox")
            #expect(difference.status == 0)
            let job = try await binary.run("auto-close", "--dry-run", "--as-of", "2026-12-31T00:00:00Z", "--json")
            #expect(job.status == 0)
            let plan = try #require(job.output.firstMatch(of: /"plan":"([0-9a-f]+)"/)?.1)
            #expect(job.output.contains("\"due\":3"))
            // That plan lies in the future of this clock.
            let early = try await binary.run("auto-close", "--plan", String(plan))
            #expect(early.status == 1)
            var later = binary
            later.settings["REGLAMENT_CLOCK"] = "2026-12-31T01:00:00Z"
            let closed = try await later.run("auto-close", "--plan", String(plan))
            #expect(closed.output.hasPrefix("3 of 3 due tickets closed"))
            #expect(try await later.run("auto-close").output.hasPrefix("0 of 0"))
            #expect(try await later.run("calendar", "recalculate", "--dry-run").output == "0 deadlines would move\n")
            #expect(try await later.run("verify").status == 0)
            try await execute(
                "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET clause = '9.9' WHERE seq = 1", on: database)
            let broken = try await later.run("verify")
            #expect(broken.status == 1)
            #expect(broken.output.contains("does not have the hash"))
        }
    }

    @Test func `tickets that are nobody's demonstration are left alone`() async throws {
        try await with { binary, _, _ in
            let sample =
                "number,incident_state,sys_updated_at,sys_mod_count,opened_at,caller_id\nINC1,New,29-02-2016 01:23,0,29-02-2016 01:16,Caller 7\n"
            let scratch = try PrivateFolder()
            defer { scratch.remove() }
            let file = try scratch.write(sample, to: "x.csv")
            #expect(try await binary.run("import", "servicenow-log", file, "--product", "dialog").status == 0)
            let refused = try await binary.run("demo")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("empty database"))
        }
    }

    // MARK: Import

    @Test(arguments: ["omnivox", "maics"])
    func `the real log becomes the tickets that were counted, and only once`(product: String) async throws {
        try await with { binary, database, _ in
            let words = ["import", "servicenow-log", "Config/samples/incident_event_log.csv.gz", "--product", product]
            let first = try await BuiltProgram.run(words, binary.settings)
            #expect(first.status == 0, "\(first.errors)")
            let expected = try ServiceNowLogTests.expected()
            #expect(first.lines == expected)
            let again = try await BuiltProgram.run(words, binary.settings)
            let nothing = expected.map { line in
                line.hasPrefix("tickets added")
                    ? "tickets added\t0" : line.hasPrefix("events added") ? "events added\t0" : line
            }
            #expect(again.lines == nothing)
            #expect(try await binary.run("verify").output == "890 tickets, 6598 events, 0 attachments, 0 breaks\n")
        }
    }

    @Test func `an import that was cut off is finished by repeating it`() async throws {
        try await with { binary, _, scratch in
            let head = "number,incident_state,sys_updated_at,sys_mod_count,opened_at,caller_id,assigned_to,resolved_by"
            let rows = [
                "INC1,Active,01-03-2016 10:00,1,01-03-2016 09:00,Caller 7,Resolver 2,Resolved by 5",
                "INC1,Awaiting User Info,01-03-2016 11:00,2,01-03-2016 09:00,Caller 7,Resolver 2,Resolved by 5",
                "INC1,Resolved,02-03-2016 11:00,3,01-03-2016 09:00,Caller 7,?,Resolved by 5",
                "INC1,Closed,07-03-2016 11:00,4,01-03-2016 09:00,Caller 7,?,Resolved by 5",
            ]
            for count in 1...4 {
                let text = ([head] + rows.prefix(count)).joined(separator: "\n")
                let file = try scratch.write(text, to: "part.csv")
                let outcome = try await binary.run("import", "servicenow-log", file, "--product", "smartivr")
                #expect(outcome.lines.contains("tickets added\t\(count == 1 ? 1 : 0)"))
                #expect(outcome.lines.contains("events added\t\(count == 1 ? 2 : 1)"))
            }
            #expect(try await binary.run("verify").output == "1 tickets, 5 events, 0 attachments, 0 breaks\n")
            try await expectHistory(binary, in: scratch)
        }
    }

    /// The imported ticket as an engineer reads it.
    private func expectHistory(_ binary: Runner, in folder: PrivateFolder) async throws {
        let words = ["token", "create", "--email", "egor@example.com", "--role", "engineer"]
        let token = try #require(try await BuiltProgram.run(words, binary.settings).lines.first)
        let service = try await RunningService.start(binary.settings, in: folder)
        let answer = try await service.insist("GET", "/v1/tickets/SMARTIVR-1/events", token: token)
        let events = try #require(try answer.member("items", as: [[String: Any]].self))
        func all(_ name: String) -> [String] { events.map { $0[name] as? String ?? "-" } }
        #expect(all("action") == ["register", "assign", "request_information", "solve", "confirm"])
        #expect(
            all("at") == [
                "2016-03-01T09:00:00.000Z", "2016-03-01T10:00:00.000Z", "2016-03-01T11:00:00.000Z",
                "2016-03-02T11:00:00.000Z", "2016-03-07T11:00:00.000Z",
            ])
        let actors = events.map { ($0["actor"] as? [String: Any])?["name"] as? String ?? "-" }
        #expect(actors == ["Caller 7", "Resolver 2", "Resolver 2", "Resolved by 5", "Caller 7"])
        let changes = events.last?["changes"] as? [String: Any]
        #expect((changes?["imported"] as? [String: Any])?["to"] as? Bool == true)
        #expect(try await service.end(SIGTERM) == 0)
    }

    @Test func `people of other scripts are imported, each as themselves`() async throws {
        try await with { binary, _, scratch in
            let text = """
                number,incident_state,sys_updated_at,sys_mod_count,opened_at,caller_id,assigned_to
                INC1,Active,01-03-2016 10:00,1,01-03-2016 09:00,Иванов,Ольга
                INC2,Active,01-03-2016 10:00,1,01-03-2016 09:00,Петров,Анна
                INC3,Active,01-03-2016 10:00,1,01-03-2016 09:00,A. B,Анна
                INC4,Active,01-03-2016 10:00,1,01-03-2016 09:00,A-B,Анна
                """
            let file = try scratch.write(text, to: "names.csv")
            for count in [4, 0] {
                let outcome = try await binary.run("import", "servicenow-log", file, "--product", "smartivr")
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.lines.contains("tickets added\t\(count)"))
            }
            for name in ["Иванов", "Ольга", "Петров", "Анна", "A. B", "A-B"] {
                let address = "\(ServiceNowImport.localPart(name))@import.example.com"
                let export = try await binary.run("person", "export", address)
                #expect(export.status == 0 && export.output.contains("\"\(name)\""), "\(export)")
            }
        }
    }

    @Test func `repeating an import brings no erased person back`() async throws {
        try await with { binary, _, scratch in
            let text = """
                number,incident_state,sys_updated_at,sys_mod_count,opened_at,caller_id,assigned_to
                INC1,Active,01-03-2016 10:00,1,01-03-2016 09:00,Caller 7,Resolver 2
                """
            let file = try scratch.write(text, to: "one.csv")
            let words = ["import", "servicenow-log", file, "--product", "smartivr"]
            #expect(try await BuiltProgram.run(words, binary.settings).status == 0)
            for person in ["caller-7@import.example.com", "resolver-2@import.example.com"] {
                #expect(try await binary.run("person", "erase", person).status == 0)
            }
            let again = try await BuiltProgram.run(words, binary.settings)
            #expect(again.status == 0 && again.lines.contains("events added\t0"))
            for person in ["caller-7@import.example.com", "resolver-2@import.example.com"] {
                #expect(try await binary.run("person", "export", person).errors.contains("There is nobody"))
            }
        }
    }

    @Test func `two imports of one log at once end well or with a sentence`() async throws {
        try await with { binary, _, scratch in
            var text = "number,incident_state,sys_updated_at,sys_mod_count,opened_at,caller_id,assigned_to\n"
            for number in 1...60 {
                let people = "Caller \(number),Resolver \(number)"
                text += "INC\(number),Active,01-03-2016 10:00,1,01-03-2016 09:00,\(people)\n"
                text += "INC\(number),Resolved,01-03-2016 11:00,2,01-03-2016 09:00,\(people)\n"
            }
            let words = ["import", "servicenow-log", try scratch.write(text, to: "many.csv"), "--product", "smartivr"]
            async let first = BuiltProgram.run(words, binary.settings)
            async let second = BuiltProgram.run(words, binary.settings)
            for outcome in try await [first, second] where outcome.status != 0 {
                #expect(outcome.errors.contains("another import of the same log"), "\(outcome)")
            }
            #expect(try await BuiltProgram.run(words, binary.settings).status == 0)
            #expect(try await binary.run("verify").output == "60 tickets, 180 events, 0 attachments, 0 breaks\n")
        }
    }

    @Test func `a damaged file changes nothing`() async throws {
        try await with { binary, _, scratch in
            let file = try scratch.write("number,caller_id\nINC1\n", to: "x.csv")
            let outcome = try await binary.run("import", "servicenow-log", file, "--product", "maics")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("line 2"))
            let unknown = try await binary.run("import", "servicenow-log", file, "--product", "nobody")
            #expect(unknown.status == 1)
        }
    }
}
