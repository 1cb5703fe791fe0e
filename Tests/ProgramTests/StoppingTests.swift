import Foundation
import TestKit
import Testing

@Suite(.serialized) struct StoppingTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func `a signal ends the service with 0 and its private PostgreSQL with it`(signal: Int32) async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let service = try await RunningService.start(["REGLAMENT_DATA": "\(folder.path)/data"], in: folder)
        #expect(try await service.call("GET", "/readyz", token: "").status == 200)
        let file = try folder.text("data/postgres/postmaster.pid")
        let postmaster = try #require(file.split(separator: "\n").first.flatMap { pid_t($0) })
        #expect(isRunning(postmaster))
        #expect(try await service.end(signal) == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/data/postgres/postmaster.pid"))
        #expect(!isRunning(postmaster))
    }

    @Test func `a private PostgreSQL that a killed service left is taken over and stopped by the next`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let settings = ["REGLAMENT_DATA": "\(folder.path)/data"]
        let killed = try await RunningService.start(settings, in: folder)
        try await killed.end(SIGKILL)
        let left = try folder.text("data/postgres/postmaster.pid").split(separator: "\n").first
        let next = try await RunningService.start(settings, in: folder)
        #expect(try folder.text("data/postgres/postmaster.pid").split(separator: "\n").first == left)
        #expect(try await next.call("GET", "/readyz", token: "").status == 200)
        #expect(try await next.end(SIGTERM) == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/data/postgres/postmaster.pid"))
    }

    /// A dead process that nobody has collected has no working folder any more.
    private func isRunning(_ id: pid_t) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")) != nil
    }

    @Test(.timeLimit(.minutes(5)), .enabled(if: HeldThread.isPossible, "no thread may be held here"))
    func `a second signal ends a service of which a loop does not turn`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let data = "\(folder.path)/data"
        let service = try await RunningService.start(["REGLAMENT_DATA": data], in: folder)
        let held = try HeldThread("serve 0", of: service.process.value.processIdentifier)
        defer { held.end() }
        kill(service.process.value.processIdentifier, SIGTERM)
        while try !folder.text("errors").contains("stopping\n") { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await service.end(SIGTERM) == 0)
        #expect(service.process.value.terminationReason == .exit)
        #expect(try folder.text("errors").hasSuffix("stopped; what cannot be cut off is not waited for\n"))
        #expect(!FileManager.default.fileExists(atPath: "\(data)/postgres/postmaster.pid"))
    }

    @Test func `a service that was started with its signals blocked is stopped by them all the same`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            // Foundation starts programs from a thread whose signals are blocked, and the mask is inherited.
            let service = try await RunningService.start(["REGLAMENT_DATABASE_URL": database.ownerURL], in: folder)
            let status = try String(
                contentsOfFile: "/proc/\(service.process.value.processIdentifier)/status", encoding: .utf8)
            #expect(status.contains("SigBlk"))
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `a service that is told to stop while it starts does not serve, and ends with 0`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_LISTEN": "127.0.0.1:0"]
            let process = RunningService.ServiceProcess(BuiltProgram.process(["serve"], settings))
            process.value.standardOutput = try folder.file("output")
            process.value.standardError = try folder.file("errors")
            try await withThrowingTaskGroup(of: Void.self) { group in
                // It waits for what nobody may read yet.
                group.addTask {
                    try await database.run("BEGIN; LOCK TABLE policy_versions; SELECT pg_sleep(3); COMMIT")
                }
                group.addTask {
                    let held = "SELECT count(*)::integer FROM pg_locks WHERE relation = 'policy_versions'::regclass AND"
                    while try await database.count("\(held) mode = 'AccessExclusiveLock' AND granted") == 0 {}
                    try await BuiltProgram.ended(process.value) {
                        try process.value.run()
                        Task {
                            while try await database.count("\(held) NOT granted") == 0 {}
                            kill(process.value.processIdentifier, SIGTERM)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(process.value.terminationReason == .exit)
            #expect(process.value.terminationStatus == 0)
            #expect(try folder.text("errors").hasSuffix("stopped before it served\n"))
        }
    }
}
