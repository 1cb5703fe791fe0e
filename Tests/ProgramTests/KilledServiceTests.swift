import Foundation
import TestKit
import Testing

@Suite(.serialized) struct KilledServiceTests {
    /// When the service is killed while it solves a whole and its parts.
    enum Moment: Sendable {
        case after(Duration)
        /// As soon as the part with this index is seen solved.
        case seen(part: Int)
    }

    private static let partCount = 12
    private static let moments: [Moment] =
        (0..<6).map { _ in .after(.milliseconds(Int.random(in: 0...60))) }
        + [.seen(part: 0), .seen(part: 3), .seen(part: 6), .seen(part: 9)]

    @Test(.timeLimit(.minutes(5)))
    func `a service killed between a whole and its parts leaves nothing undone and does nothing twice`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            var desk = try await Desk.open(settings, in: folder)
            var families: [(whole: String, parts: [String])] = []
            var cutShort = 0
            for (round, moment) in Self.moments.enumerated() {
                let whole = try await desk.register("problem")
                try await desk.assign(whole)
                var parts: [String] = []
                for _ in 0..<Self.partCount { parts.append(try await desk.register("incident", partOf: whole)) }
                families.append((whole, parts))

                let current = desk
                let solving = Task { try await Self.solve(whole, round, current) }
                switch moment {
                case .after(let delay): try await Task.sleep(for: delay)
                case .seen(let part):
                    while try await desk.state(parts[part]) == "registered" {
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                try await desk.service.end(SIGKILL)
                _ = try? await solving.value
                desk.service = try await RunningService.start(settings, in: folder)
                let last = try await desk.state(parts[Self.partCount - 1])
                let first = try await desk.state(whole)
                if first == "solved_awaiting_confirmation" && last == "registered" { cutShort += 1 }
            }
            // Four rounds at least watched a part being solved; not every one of them is hit in time.
            #expect(cutShort > 0, "no round was killed in the middle")

            for (round, family) in families.enumerated() {
                // The client asks again until it is told: nobody knows whether the first time was heard.
                let answer = try await Desk.retry { try await Self.solve(family.whole, round, desk) }
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                for ticket in [family.whole] + family.parts {
                    #expect(try await desk.state(ticket) == "solved_awaiting_confirmation", "\(ticket)")
                    #expect(try await desk.count("solve", of: ticket) == 1, "\(ticket)")
                }
            }
            #expect(try await desk.service.end(SIGTERM) == 0)
            let verified = try await BuiltProgram.run(["verify"], settings)
            #expect(verified.status == 0, "\(verified.output)")
        }
    }

    private static func solve(_ whole: String, _ round: Int, _ desk: Desk) async throws -> RunningService.Answer {
        try await desk.service.call(
            "POST", "/v1/tickets/\(whole)/solve", token: desk.engineer, #"{"comment":"Back again."}"#,
            key: "solve-\(round)")
    }
}
