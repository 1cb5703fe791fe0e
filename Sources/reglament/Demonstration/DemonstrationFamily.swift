import Regulations
import TicketStore
import Tickets

/// A mass incident with what belongs to it: two parts that it will solve, and a duplicate that was merged into it.
enum DemonstrationFamily {
    /// Before this many minutes it began.
    private static let minutesAgo: Int64 = 240

    static func tell(_ session: Session, _ users: [String: User]) async throws {
        guard let engineer = users[Demonstration.engineer.email],
            let person = Demonstration.people.first(where: { $0.organization == "sever-bank" }),
            let customer = users[person.email]
        else { return }
        let begin = session.now().microseconds - minutesAgo * 60_000_000
        func at(_ minutes: Int64) -> Instant {
            Instant(microseconds: begin + minutes * 60_000_000).truncatedToMilliseconds()
        }
        func draft(_ kind: String, _ subject: String, _ description: String, partOf whole: TicketID? = nil) -> Draft {
            Draft(
                product: "smartivr", kind: kind, subject: subject, description: description,
                organization: customer.organization ?? "", reporter: customer.id, partOf: whole)
        }
        let (asking, helping) = (Actor(customer), Actor(engineer))
        var whole = try await History(
            draft("mass_incident", "Calls end after a minute", "In all our branches."), by: asking, at: at(0), session)
        try await whole.take(.assign([engineer.id], priority: nil), by: helping, at: at(5))
        for (index, branch) in ["The branch on the square", "The branch at the station"].enumerated() {
            let part = draft("incident", branch, "Callers are cut off.", partOf: whole.ticket.id)
            _ = try await History(part, by: helping, at: at(20 + Int64(index)), session)
        }
        var duplicate = try await History(
            draft("incident", "I was cut off twice", "Both times after a minute."), by: asking, at: at(40), session)
        try await duplicate.take(.merge(into: whole.ticket.id), by: helping, at: at(50))
    }
}
