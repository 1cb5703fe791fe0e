import Foundation
import TestKit
import Testing

@Suite(.serialized) struct KilledBatchTests {
    private static let ticketCount = 30

    @Test(.timeLimit(.minutes(5)))
    func `a service killed in the middle of a batch leaves nothing undone and does nothing twice`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": "\(folder.path)/data"]
            var desk = try await Desk.open(settings, in: folder)
            var batches: [[String]] = []
            var cutShort = 0
            for (round, seen) in [2, 12].enumerated() {
                var tickets: [String] = []
                for _ in 0..<Self.ticketCount { tickets.append(try await desk.register("incident")) }
                batches.append(tickets)
                let current = desk
                let all = tickets
                let asking = Task { try await Self.assign(all, round, current) }
                while try await desk.state(tickets[seen]) == "registered" {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await desk.service.end(SIGKILL)
                _ = try? await asking.value
                desk.service = try await RunningService.start(settings, in: folder)
                if try await desk.state(tickets[Self.ticketCount - 1]) == "registered" { cutShort += 1 }
            }
            for (round, tickets) in batches.enumerated() {
                let answer = try await Desk.retry { try await Self.assign(tickets, round, desk) }
                #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
                let results = try answer.member("results", as: [[String: Any]].self) ?? []
                #expect(results.compactMap { $0["ticket"] as? String } == tickets)
                #expect(results.allSatisfy { $0["status"] as? Int == 200 })
                for ticket in tickets { #expect(try await desk.count("assign", of: ticket) == 1, "\(ticket)") }
            }
            #expect(cutShort > 0, "no round was killed in the middle")
            #expect(try await desk.service.end(SIGTERM) == 0)
            let verified = try await BuiltProgram.run(["verify"], settings)
            #expect(verified.status == 0, "\(verified.output)")
        }
    }

    private static func assign(
        _ tickets: [String], _ round: Int, _ desk: Desk
    ) async throws -> RunningService.Answer {
        let names = tickets.map { "\"\($0)\"" }.joined(separator: ",")
        return try await desk.service.call(
            "POST", "/v1/tickets/batch", token: desk.engineer,
            #"{"tickets":[\#(names)],"action":"assign","body":{"assignees":["\#(desk.engineerID)"]}}"#,
            key: "assign-\(round)")
    }
}
