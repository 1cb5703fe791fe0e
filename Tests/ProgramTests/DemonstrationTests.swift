import Foundation
import TestKit
import Testing

@Suite(.serialized) struct DemonstrationTests {
    @Test func `the script drives every regulation through a whole life`() async throws {
        let result = try await BuiltProgram.run(
            [Repository.root.appending(path: "Scripts/demonstration").path, BuiltProgram.path], [:],
            executable: "/bin/bash")
        #expect(result.status == 0, "\(result.output.suffix(1000))\n\(result.errors)")
        #expect(result.output.hasSuffix("All as the regulations say.\n"))
    }

    @Test func `a second start prints the same tokens, and they work as printed`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            let first = try await BuiltProgram.run(["demo"], settings)
            #expect(first.status == 0, "\(first.errors)")
            let again = try await BuiltProgram.run(["demo"], settings)
            #expect(again.output == first.output)
            let file = "\(folder.path)/data/demo-tokens"
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)

            let service = try await RunningService.start(settings, words: ["serve", "--demo"], in: folder)
            // They are printed once it listens, perhaps a moment after the log says so.
            var lines: [String] = []
            for _ in 0..<100 where lines.count < 3 {
                lines = try folder.text("output").replacing("\\\n", with: " ").split(separator: "\n").map(String.init)
                    .filter { $0.contains("curl ") }
                if lines.count < 3 { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(lines.count == 3)
            for (line, word) in zip(lines, ["\"state\":\"registered\"", "\"items\":[{", "\"dry_run\":true"]) {
                let result = try await BuiltProgram.run(["-c", line], [:], executable: "/bin/bash")
                #expect(result.status == 0 && result.output.contains(word), "\(line)\n\(result.output)")
            }
            #expect(try await service.end(SIGTERM) == 0)
            let verified = try await BuiltProgram.run(["verify"], settings)
            #expect(verified.status == 0, "\(verified.output)")
        }
    }

    @Test func `it shows every state and every way to close, under every regulation`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            let demo = try await BuiltProgram.run(["demo"], settings)
            let line = demo.output.split(separator: "\n").first { $0.contains("engineer") }
            let words = line?.split { $0 == " " || $0 == "\t" } ?? []
            let token = String(try #require(words.first { $0.hasPrefix("rgl_") }))
            let service = try await RunningService.start(
                settings.merging(["REGLAMENT_AUTO_CLOSE_AT": "off"]) { $1 }, in: folder)
            let answer = try await service.insist("GET", "/v1/tickets?limit=200", token: token)
            let tickets = try #require(try answer.member("items", as: [[String: Any]].self))
            func all(_ name: String) -> Set<String> { Set(tickets.compactMap { $0[name] as? String }) }
            #expect(
                all("state") == [
                    "registered", "assigned", "awaiting_information", "solved_awaiting_confirmation", "closed",
                ])
            #expect(all("close_reason") == ["confirmed", "no_response", "withdrawn", "duplicate"])
            #expect(all("product") == ["maics", "omnivox", "call-to-visit", "dialog", "smartivr"])
            let links = tickets.flatMap { ($0["links"] as? [[String: Any]] ?? []).compactMap { $0["type"] as? String } }
            #expect(Set(links).isSuperset(of: ["part_of", "has_part", "duplicate_of"]))
            #expect(tickets.contains { $0["state"] as? String == "assigned" && $0["solution"] is [String: Any] })
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `a database with tickets of its own is left alone`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            let desk = try await Desk.open(settings, in: folder)
            _ = try await desk.register("incident")
            #expect(try await desk.service.end(SIGTERM) == 0)
            let result = try await BuiltProgram.run(["demo"], settings)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/data/demo-tokens"))
        }
    }
}
