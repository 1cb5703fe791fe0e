import Foundation
import TestKit
import Testing

/// Policies and calendars that change under a running service.
@Suite(.serialized) struct PolicyChangeTests {
    /// An installation's files of its own.
    private struct Home {
        let folder: PrivateFolder

        init() throws {
            folder = try PrivateFolder()
            for name in ["Config", "Migrations"] {
                try FileManager.default.copyItem(
                    atPath: Repository.root.appending(path: name).path, toPath: "\(folder.path)/\(name)")
            }
        }

        /// Puts the shipped file there with every pair's first text replaced by its second.
        func write(_ file: String, _ pairs: [(String, String)] = []) throws {
            var text = try Repository.text("Config/\(file)")
            for (old, new) in pairs {
                try #require(text.contains(old), "\(old)")
                text = text.replacing(old, with: new)
            }
            _ = try folder.write(text, to: "Config/\(file)")
        }

        func writeOmnivox(version: Int, autoCloseAfterWorkingDays days: Int) throws {
            try write(
                "policies/omnivox.json",
                [
                    ("\"version\": 1,", "\"version\": \(version),"),
                    (
                        "\"auto_close_after_working_days\": 14",
                        "\"auto_close_after_working_days\": \(days)"
                    ),
                ])
        }

        func remove(_ file: String) throws {
            try FileManager.default.removeItem(atPath: "\(folder.path)/Config/\(file)")
        }
    }

    private func with(_ body: (TestDatabase, PrivateFolder, Home, [String: String]) async throws -> Void) async throws {
        let folder = try PrivateFolder()
        let home = try Home()
        defer { for folder in [folder, home.folder] { folder.remove() } }
        try await TestDatabase.with(.migrated) { database in
            try await body(
                database, folder, home,
                ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_HOME": home.folder.path])
        }
    }

    private func lines(_ part: String, in folder: PrivateFolder) throws -> [String] {
        try folder.text("errors").split(separator: "\n").map(String.init).filter { $0.contains(part) }
    }

    /// Sends SIGHUP and waits until all is done that it asks for.
    private func reload(_ service: RunningService, in folder: PrivateFolder) async throws {
        let before = try lines("reloaded", in: folder).count
        kill(service.process.value.processIdentifier, SIGHUP)
        try await wait { try lines("reloaded", in: folder).count > before }
    }

    private func wait(_ isThere: () async throws -> Bool) async throws {
        for _ in 0..<1000 {
            if try await isThere() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it did not come within ten seconds")
    }

    private func version(_ product: String, _ service: RunningService, _ token: String) async throws -> Int? {
        try await service.call("GET", "/v1/policies/\(product)", token: token).member("version")
    }

    private struct Registered: Equatable {
        let version: Int
        let closesAt: String?
    }

    private func ticket(_ id: String, _ service: RunningService, _ token: String) async throws -> Registered {
        let answer = try await service.call("GET", "/v1/tickets/\(id)", token: token)
        try #require(answer.status == 200, "\(id): \(String(decoding: answer.body, as: UTF8.self))")
        let policy: [String: Any] = try #require(try answer.member("policy"))
        return Registered(version: policy["version"] as? Int ?? 0, closesAt: try answer.member("auto_close_at"))
    }

    private func solve(_ id: String, _ desk: Desk) async throws {
        try await desk.assign(id)
        let answer = try await desk.service.insist(
            "POST", "/v1/tickets/\(id)/solve", token: desk.engineer, #"{"comment":"Done."}"#)
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    @Test func `two instances change to a new version within a second, and no ticket of before moves`() async throws {
        try await with { _, folder, home, settings in
            let desk = try await Desk.open(settings, in: folder)
            let other = try PrivateFolder()
            defer { other.remove() }
            // Its files stay as they are shipped.
            let second = try await RunningService.start(settings.filter { $0.key != "REGLAMENT_HOME" }, in: other)
            let old = try await desk.register("incident")
            try await solve(old, desk)
            let before = try await ticket(old, second, desk.engineer)
            #expect(before.version == 1 && before.closesAt != nil)

            // A machine that is busy with other tests may hold one change up, not every one, and each look by as much as it
            // takes; and a gap between the instances may be too short to fall into once.
            var took: [(all: Duration, look: Duration)] = []
            let version = 6
            for version in 2...version {
                try home.writeOmnivox(version: version, autoCloseAfterWorkingDays: 3)
                let start = ContinuousClock.now
                kill(desk.service.process.value.processIdentifier, SIGHUP)
                var isEverywhere = false
                var looks = 0
                while !isEverywhere, start.duration(to: .now) < .seconds(20) {
                    // Each is read on the other instance at once: whoever registers never is ahead of whoever reads.
                    let id = try await desk.register("incident")
                    _ = try await ticket(id, second, desk.engineer)
                    let onFirst = try await self.version("omnivox", desk.service, desk.engineer)
                    let onSecond = try await self.version("omnivox", second, desk.engineer)
                    isEverywhere = onFirst == version && onSecond == version
                    looks += 1
                }
                let all = start.duration(to: .now)
                took.append((all, all / looks))
                var elsewhere = desk
                elsewhere.service = second
                let new = try await elsewhere.register("incident")
                #expect(try await ticket(new, desk.service, desk.engineer).version == version)
            }
            #expect(took.contains { $0.all < .seconds(1) + $0.look * 3 }, "\(took)")

            #expect(try await ticket(old, desk.service, desk.engineer) == before)
            #expect(try await ticket(old, second, desk.engineer) == before)
            let new = try await desk.register("incident")
            try await solve(new, desk)
            let after = try await ticket(new, second, desk.engineer)
            #expect(after.version == version)
            #expect(try #require(after.closesAt) < (try #require(before.closesAt)))
            #expect(try lines("in force instead of", in: other).count == version - 1)

            // A start with older files says so, and has what is installed.
            #expect(try await second.end(SIGTERM) == 0)
            let third = try await RunningService.start(settings.filter { $0.key != "REGLAMENT_HOME" }, in: other)
            #expect(try lines("Config/policies/omnivox.json is version 1, and version", in: other).count == 1)
            #expect(try await self.version("omnivox", third, desk.engineer) == version)
            for service in [third, desk.service] { #expect(try await service.end(SIGTERM) == 0) }
        }
    }

    @Test func `with a fault in any file nothing changes, and file, line and path of each are said`() async throws {
        try await with { database, folder, home, settings in
            let desk = try await Desk.open(settings, in: folder)
            try home.write("policies/dialog.json", [("\"version\": 1,", "\"version\": 2,")])
            try home.write("policies/omnivox.json", [("\"kinds\":", "\"kindz\":")])
            try home.write("policies/maics.json", [("\"calendar\": \"ru\"", "\"calendar\": \"atlantis\"")])
            try home.write("calendars/kz.json", [("\"timeZone\": \"Asia/Almaty\"", "\"timeZone\": \"Asia/Atlantis\"")])
            try await reload(desk.service, in: folder)
            let said = try lines("SIGHUP: went on with the policies and calendars that there were: Config/", in: folder)
            for (file, path) in [
                ("policies/omnivox", "/kindz"), ("policies/maics", "/calendar"), ("calendars/kz", "/timeZone"),
            ] {
                let place = try Regex("Config/\(file).json:[0-9]+: \(path): ")
                #expect(said.contains { $0.contains(place) }, "\(said)")
            }
            #expect(try await database.count("SELECT count(*)::integer FROM policy_versions") == 5)
            #expect(try await version("dialog", desk.service, desk.engineer) == 1)

            for file in ["omnivox", "maics"] { try home.write("policies/\(file).json") }
            try home.write("calendars/kz.json")
            try await reload(desk.service, in: folder)
            #expect(try await version("dialog", desk.service, desk.engineer) == 2)
            #expect(try await desk.service.end(SIGTERM) == 0)
        }
    }

    @Test func `an installed version keeps its contents, and a product without a file its policy`() async throws {
        try await with { database, folder, home, settings in
            let desk = try await Desk.open(settings, in: folder)
            try home.writeOmnivox(version: 1, autoCloseAfterWorkingDays: 3)
            try home.write("policies/dialog.json", [("\"version\": 1,", "\"version\": 2,")])
            try await reload(desk.service, in: folder)
            let refusal = try #require(try lines("raise `version`", in: folder).first)
            #expect(refusal.contains("Config/policies/omnivox.json:4: /version: version 1 was installed before"))
            #expect(try await database.count("SELECT count(*)::integer FROM policy_versions") == 5)
            #expect(try await version("dialog", desk.service, desk.engineer) == 1)

            try home.remove("policies/omnivox.json")
            try await reload(desk.service, in: folder)
            #expect(try lines("no file in Config/policies is about omnivox", in: folder).count == 1)
            #expect(try await version("dialog", desk.service, desk.engineer) == 2)
            #expect(try await version("omnivox", desk.service, desk.engineer) == 1)
            #expect(try await ticket(try await desk.register("incident"), desk.service, desk.engineer).version == 1)
            #expect(try await desk.service.end(SIGTERM) == 0)
        }
    }

    @Test func `SIGHUP takes a changed calendar, and no stored deadline moves`() async throws {
        try await with { _, folder, home, settings in
            let clock = ["REGLAMENT_CLOCK": "2026-10-20T09:00:00Z"]
            let desk = try await Desk.open(settings.merging(clock) { $1 }, in: folder)
            func calendarVersion() async throws -> String? {
                let path = "/v1/calendars/ru/deadline?from=2026-10-20T09:00:00Z&working_days=1"
                return try await desk.service.call("GET", path, token: desk.engineer).member("calendar_version")
            }
            let old = try await desk.register("incident")
            try await solve(old, desk)
            let before = try await ticket(old, desk.service, desk.engineer)
            let shipped = try #require(try await calendarVersion())
            // A government gives a day off, a week before it.
            let count = "\"workingDayCount\": 247,\n   \"nonWorking\": [\n    {\"date\": \"2026-01-01\""
            let place = "{\"date\": \"2026-11-04\", "
            let free = #"{"date": "2026-10-27", "kind": "holiday", "en": "A holiday", "local": "Праздник"}, "#
            try home.write(
                "calendars/ru.json", [(count, count.replacing("247", with: "246")), (place, free + place)])
            try await reload(desk.service, in: folder)
            #expect(try lines("SIGHUP: ", in: folder).map { $0.contains("read 5 policies") } == [true])
            #expect(try await calendarVersion() != shipped)
            let new = try await desk.register("incident")
            try await solve(new, desk)
            #expect(try await ticket(old, desk.service, desk.engineer) == before)
            let closesAt = try #require(try await ticket(new, desk.service, desk.engineer).closesAt)
            #expect(closesAt > (try #require(before.closesAt)))
            #expect(try await desk.service.end(SIGTERM) == 0)
        }
    }

    @Test func `a version that a host cannot use leaves the one before, until it can`() async throws {
        try await with { database, folder, home, settings in
            let desk = try await Desk.open(settings, in: folder)
            let id = try await desk.register("incident")
            try await database.run(
                """
                INSERT INTO policy_versions
                SELECT product, 2, 'elsewhere', convert_to(
                           replace(replace(convert_from(document, 'utf8'), '"version": 1,', '"version": 2,'),
                                   '"calendar": "ru"', '"calendar": "atlantis"'), 'utf8'),
                       time_zone, confirmers, clock_timestamp()
                  FROM policy_versions WHERE product = 'omnivox';
                UPDATE tickets SET policy_version = 2 WHERE id = '\(id)';
                """)
            try await wait { try !lines("a policy cannot be used on this host: ", in: folder).isEmpty }
            #expect(try await version("omnivox", desk.service, desk.engineer) == 1)
            // What is known of it is enough to show its tickets, and not to count a deadline.
            #expect(try await ticket(id, desk.service, desk.engineer).version == 2)
            let step = #"{"assignees":["\#(desk.engineerID)"]}"#
            let assign = "/v1/tickets/\(id)/assign"
            #expect(try await desk.service.call("POST", assign, token: desk.engineer, step).status == 503)
            try home.write("calendars/ru.json")
            _ = try home.folder.write(
                try Repository.text("Config/calendars/ru.json").replacing(
                    "\"id\": \"ru\"", with: "\"id\": \"atlantis\""),
                to: "Config/calendars/atlantis.json")
            try await wait { try await version("omnivox", desk.service, desk.engineer) == 2 }
            #expect(try await desk.service.call("POST", assign, token: desk.engineer, step).status == 200)
            #expect(try lines("a policy cannot be used on this host: ", in: folder).count == 1)
            #expect(try await desk.service.end(SIGTERM) == 0)
        }
    }

    @Test func `a ticket of an unknown version is answered 503, and as ever when it is known`() async throws {
        try await with { database, folder, _, settings in
            let desk = try await Desk.open(settings, in: folder)
            let id = try await desk.register("incident")
            try await database.run(
                """
                INSERT INTO policy_versions
                SELECT product, 2, 'elsewhere', 'not JSON', time_zone, confirmers, clock_timestamp()
                  FROM policy_versions WHERE product = 'omnivox';
                UPDATE tickets SET policy_version = 2 WHERE id = '\(id)';
                """)
            for path in ["/v1/tickets/\(id)", "/v1/tickets/\(id)/explain", "/v1/tickets"] {
                #expect(try await desk.service.call("GET", path, token: desk.engineer).status == 503, "\(path)")
            }
            try await wait { try !lines("a stored policy cannot be read by this release: ", in: folder).isEmpty }
            // Another release could, and this one can read the next.
            try await database.run(
                """
                INSERT INTO policy_versions
                SELECT product, 3, 'elsewhere', convert_to(
                           replace(convert_from(document, 'utf8'), '"version": 1,', '"version": 3,'), 'utf8'),
                       time_zone, confirmers, clock_timestamp()
                  FROM policy_versions WHERE product = 'omnivox' AND version = 1;
                UPDATE tickets SET policy_version = 3 WHERE id = '\(id)';
                """)
            try await wait { try await version("omnivox", desk.service, desk.engineer) == 3 }
            #expect(try await ticket(id, desk.service, desk.engineer).version == 3)
            #expect(try await desk.service.end(SIGTERM) == 0)
        }
    }
}
