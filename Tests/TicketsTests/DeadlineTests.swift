import Regulations
import TestKit
import Testing
import Tickets

@Suite struct DeadlineTests {
    /// 28 April 2026, 11:15 in Moscow is when the sample was solved; days off: 1, 2, 3, 9, 10, 11 May.
    @Test(arguments: [
        ("maics", "2026-05-15T00:00:00.000+03:00"), ("omnivox", "2026-05-21T00:00:00.000+03:00"),
        ("call-to-visit", "2026-05-07T00:00:00.000+03:00"), ("dialog", nil), ("smartivr", nil),
    ])
    func `each regulation gives its own time to answer`(product: String, expected: String?) {
        let ticket = Ticket.sample(state: .solved, product: product)
        #expect(ticket.autoClose?.at == expected.flatMap { Instant(rfc3339: $0) })
        #expect(ticket.autoClose.map { $0.days.count == $0.workingDays } ?? true)
    }

    @Test(arguments: [("omnivox", 3, 3), ("maics", 3, 10), ("call-to-visit", 3, 5)])
    func `a contract agrees otherwise only where the regulation allows it`(product: String, agreed: Int, expected: Int)
    {
        let contract = ContractTerms(
            id: Samples.contract.id, plan: nil, autoCloseAfterWorkingDays: agreed, responsibleContacts: [])
        #expect(Deadlines.workingDays(policy: Samples.rules(product).policy, contract: contract) == expected)
    }

    @Test func `a calendar that runs out leaves the deadline open, not the ticket unsolved`() throws {
        let rules = Samples.rules("omnivox")
        let end = try #require(Instant(rfc3339: "2099-12-30T00:00:00Z"))
        let counted = Deadlines.autoClose(solvedAt: end, workingDays: 14, rules: rules)
        #expect(counted.at == nil && counted.days.isEmpty && counted.workingDays == 14)
    }

    @Test func `the solution clock stands still while the customer owes an answer`() throws {
        let rules = Samples.rules("call-to-visit")
        var ticket = Ticket.sample(state: .assigned, product: "call-to-visit", plan: "extended")
        // Normal: 1,440 minutes of daily support hours from 07:00 to 23:00, begun at 10:15.
        let first = try #require(ticket.solutionDueAt)
        #expect(first == Instant(rfc3339: "2026-04-29T18:15:00+03:00"))
        func step(_ step: Step, _ user: User, minutes: Int64) throws {
            let now = Instant(milliseconds: Samples.noon.milliseconds + minutes * 60_000)
            ticket = try Lifecycle.decide(
                step, on: ticket, by: Actor(user), at: now, rules: rules, contract: Samples.contract
            ).ticket
        }
        try step(.requestInformation("?"), .ada, minutes: 120)
        #expect(ticket.solutionDueAt == nil)
        try step(.comment("!"), .carol, minutes: 150)
        #expect(ticket.solutionDueAt == Instant(milliseconds: first.milliseconds + 30 * 60_000))
    }

    @Test func `a priority has its own promised times`() throws {
        let ticket = Ticket.sample(state: .registered, product: "call-to-visit", plan: "extended")
        #expect(ticket.firstResponseDueAt == Instant(milliseconds: Samples.noon.milliseconds + 240 * 60_000))
        let change = try Lifecycle.decide(
            .edit(TicketEdit(priority: .critical)), on: ticket, by: Actor(User.ada), at: LifecycleTests.later,
            rules: Samples.rules("call-to-visit"), contract: nil)
        #expect(change.event.action == .setPriority)
        #expect(change.ticket.firstResponseDueAt == Instant(milliseconds: Samples.noon.milliseconds + 30 * 60_000))
        #expect(change.ticket.dueAt == change.ticket.firstResponseDueAt)
        #expect(!change.ticket.blocking)
    }

    @Test func `without a plan nothing is promised`() {
        let ticket = Ticket.sample(state: .assigned)
        #expect(ticket.firstResponseDueAt == nil && ticket.solutionDueAt == nil && ticket.dueAt == nil)
    }
}
