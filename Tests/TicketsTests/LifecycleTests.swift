import Digests
import Regulations
import TestKit
import Testing
import Tickets

@Suite struct LifecycleTests {
    static let later = Instant(milliseconds: Samples.noon.milliseconds + 86_400_000)

    /// One step for each action of the lifecycle that somebody can call or the job takes.
    static let steps: [Step] = [
        .assign([User.grace.id], priority: .high), .comment("Here."), .commentInternal("Among us."),
        .attach(attachment, AttachmentQuota(perTicket: 1)),
        .edit(TicketEdit(priority: .low)), .edit(TicketEdit(subject: "Another")), .requestInformation("Which?"),
        .solve(Solving(comment: "Done", type: .individualWork, release: nil)),
        .planSolution(Solving(comment: "Comes", type: .massUpdate, release: "4.3")), .confirm(nil), .dispute("No."),
        .withdraw("Not needed."), .merge(into: TicketID(prefix: "OMNIVOX", number: 2)), .autoClose,
        .recalculateDeadline(AutoClose(workingDays: 14, at: nil, calendar: "ru", calendarVersion: "x", days: [])),
    ]

    static let attachment = Attachment(
        id: AttachmentID(stored: "a_0000000000000000000000"), ticket: TicketID(prefix: "OMNIVOX", number: 1),
        organization: "acme", filename: "x.png", mediaType: "image/png", size: 3, sha256: Digest(of: "abc"))

    static func actor(_ step: Step) -> Actor {
        guard let roles = Lifecycle.actors[step.action] else { return .autoClose }
        if roles.contains(.engineer) { return Actor(User.ada) }
        return roles.contains(.customer) ? Actor(User.carol) : .autoClose
    }

    /// Another instance's clock may be behind, and a step that follows from another ticket's was decided at that one's time.
    @Test(arguments: [Cause.call, .following])
    func `no step is dated before what it follows`(cause: Cause) throws {
        let ticket = Ticket.sample(state: .assigned)
        let before = Instant(milliseconds: ticket.updatedAt.milliseconds - 600_000)
        let solving = Step.solve(Solving(comment: "Done", type: .individualWork, release: nil))
        let change = try Lifecycle.decide(
            solving, on: ticket, by: Actor(.ada), at: before, rules: Samples.rules("omnivox"),
            contract: Samples.contract, cause: cause)
        #expect(change.event.at == ticket.updatedAt && change.ticket.solvedAt == ticket.updatedAt)
    }

    @Test func `every state has a row, even a final one, and every action an actor`() {
        #expect(Set(Lifecycle.table.keys) == Set(State.allCases))
        #expect(Set(Lifecycle.followingTable.keys) == Set(State.allCases))
        #expect(Set(Lifecycle.actors.keys) == Set(Action.allCases))
        #expect(Lifecycle.table[.closed]?.isEmpty == true)
    }

    @Test(arguments: State.allCases, steps)
    func `a pair is either in the table or refused`(state: State, step: Step) throws {
        let ticket = Ticket.sample(state: state)
        let actor = Self.actor(step)
        let decide = {
            try Lifecycle.decide(
                step, on: ticket, by: actor, at: Self.later, rules: Samples.rules("omnivox"), contract: Samples.contract
            )
        }
        guard let next = Lifecycle.table[state]?[step.action] else {
            #expect(throws: Refusal.self) { _ = try decide() }
            return
        }
        let change = try decide()
        // An employee's comment leaves the state alone; only the customer's answers.
        #expect(change.ticket.state == (step.action == .comment ? state : next))
        #expect(change.follows == ticket.eventSeq)
        #expect(change.event.seq == ticket.eventSeq + 1)
        #expect(change.ticket.eventHash == change.event.hash)
        let isInternal = step.action == .commentInternal
        #expect(change.ticket.version == ticket.version + (isInternal ? 0 : 1))
        #expect(change.ticket.updatedAt == (isInternal ? ticket.updatedAt : Self.later))
        #expect((change.ticket.state == .closed) == (change.ticket.closedAt != nil))
        #expect((change.ticket.state == .closed) == (change.ticket.closeReason != nil))
    }

    @Test(arguments: State.allCases, Role.allCases)
    func `what is offered is what the state and the role allow`(state: State, role: Role) {
        for mayConfirm in [true, false] {
            let record = TicketRecord(
                ticket: .sample(state: state), people: [:], links: [], mayConfirm: mayConfirm)
            let offered = Lifecycle.actions(on: record, for: role)
            for action in Action.allCases where offered.contains(action) {
                #expect(Lifecycle.actors[action]?.contains(role) == true)
                #expect(action == .link || Lifecycle.table[state]?[action] != nil)
                #expect(action != .confirm || mayConfirm)
            }
            if role == .service { #expect(offered.isEmpty) }
            if state == .closed { #expect(offered == (role.isEmployee ? [.link] : [])) }
        }
    }

    @Test func `only the customer's own words answer an information request`() throws {
        let ticket = Ticket.sample(state: .awaitingInformation)
        let rules = Samples.rules("omnivox")
        let answer = try Lifecycle.decide(
            .comment("4.2.1"), on: ticket, by: Actor(User.carol), at: Self.later, rules: rules, contract: nil)
        #expect(answer.ticket.state == .assigned)
        #expect(answer.event.from == .awaitingInformation && answer.event.to == .assigned)
        let reminder = try Lifecycle.decide(
            .comment("Please answer"), on: ticket, by: Actor(User.ada), at: Self.later, rules: rules, contract: nil)
        #expect(reminder.ticket.state == .awaitingInformation)
        #expect(reminder.event.from == nil && reminder.event.to == nil)
    }

    @Test func `a dispute voids the solution and its deadline and keeps the assignees`() throws {
        let ticket = Ticket.sample(state: .solved)
        #expect(ticket.autoClose?.at != nil)
        let change = try Lifecycle.decide(
            .dispute("Still freezes"), on: ticket, by: Actor(User.carol), at: Self.later,
            rules: Samples.rules("omnivox"), contract: nil)
        #expect(change.ticket.state == .assigned)
        #expect(change.ticket.solution == nil && change.ticket.solvedAt == nil && change.ticket.autoClose == nil)
        #expect(change.ticket.assignees == ticket.assignees)
        #expect(change.ticket.disputeCount == 1)
    }

    @Test func `a solution that waits for its release leaves the ticket assigned`() throws {
        let ticket = Ticket.sample(state: .assigned)
        let rules = Samples.rules("omnivox")
        let solving = Solving(comment: "Comes with 4.3", type: .massUpdate, release: "4.3")
        let planned = try Lifecycle.decide(
            .planSolution(solving), on: ticket, by: Actor(User.ada), at: Self.later, rules: rules, contract: nil)
        #expect(planned.ticket.state == .assigned && planned.ticket.isWaitingForRelease)
        #expect(planned.condition == .unpublished(product: "omnivox", version: "4.3"))
        let published = try Lifecycle.decide(
            .publishSolution, on: planned.ticket, by: Actor(User.grace), at: Self.later, rules: rules,
            contract: Samples.contract, cause: .following)
        #expect(published.ticket.state == .solved && published.event.action == .solve)
        #expect(published.ticket.autoClose?.at != nil)
        for step in [Step.withdraw(nil), .merge(into: TicketID(prefix: "OMNIVOX", number: 9))] {
            let closed = try Lifecycle.decide(
                step, on: planned.ticket, by: Self.actor(step), at: Self.later, rules: rules, contract: nil)
            #expect(closed.ticket.solution == nil)
        }
    }

    @Test(arguments: [State.registered, .assigned, .awaitingInformation, .solved, .closed])
    func `a part follows its whole from every state that is not solved`(state: State) throws {
        let solving = Solving(comment: "Fixed for all", type: .individualWork, release: nil)
        let decide = {
            try Lifecycle.decide(
                .solve(solving), on: .sample(state: state), by: Actor(User.ada), at: Self.later,
                rules: Samples.rules("omnivox"), contract: Samples.contract, cause: .following)
        }
        if state == .solved || state == .closed {
            #expect(throws: Refusal.self) { _ = try decide() }
        } else {
            #expect(try decide().ticket.state == .solved)
        }
    }

    @Test func `confirming is refused to those whom the contract does not name, after the state was looked at`() {
        let solved = TicketRecord(ticket: .sample(state: .solved), people: [:], links: [], mayConfirm: false)
        #expect(throws: Refusal.notAuthorisedToConfirm) {
            try Lifecycle.admit(.confirm, on: solved, for: .customer)
        }
        let assigned = TicketRecord(ticket: .sample(state: .assigned), people: [:], links: [], mayConfirm: false)
        #expect(throws: Refusal.transitionNotAllowed(state: .assigned, actions: [.comment, .attach, .withdraw])) {
            try Lifecycle.admit(.confirm, on: assigned, for: .customer)
        }
    }
}
