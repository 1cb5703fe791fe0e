import Foundation
import TestKit
import Testing

@Suite(.serialized) struct ServeTests {
    @Test func `every request is a line of the log, and no token is in any`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let runner = Runner(settings: ["REGLAMENT_DATABASE_URL": database.ownerURL])
            let words = ["token", "create", "--email", "admin@example.com", "--role", "admin"]
            let token = try #require(try await BuiltProgram.run(words, runner.settings).lines.first)
            let service = try await RunningService.start(runner.settings, in: folder)
            #expect(try await service.insist("GET", "/v1/me", token: token).member("role") == "admin")
            #expect(try await service.call("GET", "/v1/me", token: token + "x").status == 401)
            #expect(try await service.end(SIGTERM) == 0)
            let lines = try folder.text("errors").split(separator: "\n")
            #expect(lines.contains { $0.contains(" GET /v1/me 200 ") })
            #expect(lines.contains { $0.contains(" GET /v1/me 401 ") })
            #expect(!lines.contains { $0.contains(token) })
            #expect(try folder.text("output").isEmpty)
        }
    }

    @Test func `what is closed at the start is given to no file of the service's own`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let socket = "\(folder.path)/service.sock"
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_LISTEN": "unix:\(socket)"]
            let process = BuiltProgram.process(
                ["-c", "exec \(BuiltProgram.path) serve <&- >&- 2>&-"], settings, executable: "/bin/bash")
            try await BuiltProgram.ended(process) {
                try process.run()
                defer { process.terminate() }
                let end = ContinuousClock.now + .seconds(60)
                while !FileManager.default.fileExists(atPath: socket) {
                    try #require(process.isRunning && ContinuousClock.now < end)
                    usleep(20_000)
                }
                for descriptor in 0...2 {
                    let file = "/proc/\(process.processIdentifier)/fd/\(descriptor)"
                    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: file) == "/dev/null")
                }
            }
            #expect(process.terminationStatus == 0)
        }
    }

    @Test func `the code of a start does not stay in memory`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let service = try await RunningService.start(["REGLAMENT_DATABASE_URL": database.ownerURL], in: folder)
            let status = URL(filePath: "/proc/\(service.process.value.processIdentifier)/status")
            /// Of files, in KiB: `RssFile:     18604 kB`
            func resident() throws -> Int {
                let lines = String(decoding: try Data(contentsOf: status), as: UTF8.self).split(separator: "\n")
                let line = try #require(lines.first { $0.hasPrefix("RssFile:") })
                return try #require(Int(line.split { !$0.isNumber }[0]))
            }
            var (most, least) = (0, Int.max)
            let end = ContinuousClock.now + .seconds(30)
            while least > most / 2, ContinuousClock.now < end {
                least = try resident()
                most = max(most, least)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(least <= most / 2, "\(most) KiB became \(least)")
            // What is needed again is there again.
            #expect(try await service.call("GET", "/readyz", token: "").status == 200)
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `two servers on one database catch up a missed night once`() async throws {
        let (first, second) = (try PrivateFolder(), try PrivateFolder())
        defer { for folder in [first, second] { folder.remove() } }
        try await TestDatabase.with(.migrated) { database in
            var settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(first.path)/data",
                "REGLAMENT_CLOCK": "2026-10-20T09:00:00Z",
            ]
            let people = try await Runner(settings: settings).run("demo").lines
            let line = try #require(people.first { $0.hasPrefix("service") })
            let token = String(line.split(separator: "\t")[3])
            settings["REGLAMENT_CLOCK"] = "2026-12-30T09:00:00Z"
            let services = [
                try await RunningService.start(settings, in: first),
                try await RunningService.start(settings, in: second),
            ]
            #expect(try first.text("errors").contains("warning: REGLAMENT_CLOCK"))
            var runs: [[String: Any]] = []
            for _ in 0..<200 where runs.isEmpty || runs[0]["closed"] as? Int == 0 {
                let answer = try await services[1].call("GET", "/v1/jobs/runs", token: token)
                runs = try answer.member("items") ?? []
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(runs.count == 1)
            #expect((runs.first?["closed"] as? Int ?? 0) > 0)
            for service in services { #expect(try await service.end(SIGTERM) == 0) }
        }
    }
}
