import Foundation
import TestKit
import Testing

@Suite struct TutorialTests {
    @Test func `the commands of the tutorial do what it says`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let tutorial = try Repository.text("docs/tutorial/first-ticket.md")
        let blocks = tutorial.matches(of: /(?s)```sh\n(.*?)```/).map { String($0.output.1) }
        try #require(blocks.count >= 7)
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            let service = try await RunningService.start(settings, words: ["serve", "--demo"], in: folder)
            let script = blocks.joined(separator: "echo ---\n")
                .replacing("http://127.0.0.1:8080", with: service.address)
                .replacing(".build/release/reglament", with: BuiltProgram.path)
            let result = try await BuiltProgram.run(
                ["-euo", "pipefail", "-c", script], settings, executable: "/bin/bash")
            #expect(try await service.end(SIGTERM) == 0)
            let answers = result.output.components(separatedBy: "---\n")
            try #require(answers.count == blocks.count, "\(result.errors)")
            let words = [
                ["\"organization\":\"romashka\""], ["/details/os_version", "/details/browser_version"], ["OMNIVOX-"],
                ["\"state\":\"registered\"", "\"actions\":[\"comment\",\"attach\",\"withdraw\"]"],
                ["\"items\":[{", "\"state\":\"assigned\"", "\"state\":\"awaiting_information\""],
                ["\"state\":\"solved_awaiting_confirmation\""],
                ["\"auto_close\":{", "\"counted\":true", "\"number\":1"],
                ["\"dispute_count\":1", "\"close_reason\":\"confirmed\""], ["\"action\":\"confirm\"", "\"hash\":"],
            ]
            for (answer, expected) in zip(answers, words) {
                for word in expected { #expect(answer.contains(word), "\(word): \(answer)") }
            }
            #expect(answers.count == words.count)
        }
    }
}
