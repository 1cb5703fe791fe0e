import Regulations
import Tickets

/// The way of every change of a ticket: read, decide, write if it is still so.
extension API {
    /// What a handler makes of a body: a step, and how it is answered.
    struct Plan {
        let step: Step
        /// The users whom the step puts on the ticket, so that the answer can name them.
        var newcomers: [User] = []
        var answer: Reply = .ticket(status: 200)
        /// Steps whose parts of a whole follow.
        var solving: (Solving, waits: Bool)?

        init(_ step: Step) { self.step = step }
    }

    enum Reply {
        case ticket(status: Int)
        /// The comment that the step made, 201.
        case comment
        /// The attachment that the step put on the ticket, 201.
        case attachment
        case nothing
    }

    /// Changes the ticket that the path names.
    ///
    /// The checks come in the contract's order: 404, 403, 412 and 428, 409, then whatever `plan` finds wrong.
    /// - Parameters:
    ///   - plan: reads the body; nil: nothing would change, which is answered like a change.
    func change(
        _ exchange: Exchange, _ action: Action, needsVersion: Bool = false,
        plan: (ChangeGround, TicketRules) async throws -> Plan?
    ) async throws -> Answer {
        try await repeatedly {
            let ground = try await admit(exchange, action, needsVersion: needsVersion)
            let ticket = ground.record.ticket
            guard let rules = rulebook().rules(product: ticket.product, version: ticket.policyVersion) else {
                // Registered by an instance that has a newer policy; this one will have read it in a moment.
                throw Problem(.unavailable)
            }
            guard let plan = try await plan(ground, rules) else { return try answer(with: ground.record, exchange) }
            return try await write(plan, ground, rules, exchange)
        }
    }

    /// The ticket that the path names, if the caller may do this to it now.
    func admit(_ exchange: Exchange, _ action: Action, needsVersion: Bool = false) async throws -> ChangeGround {
        try exchange.admit(toSee: .readTicket)
        let id = try exchange.ticketID()
        guard let ground = try await store.changeGround(id, at: exchange.now, exchange.access) else {
            throw Problem(.notFound)
        }
        try exchange.admit()
        try exchange.checkVersion(of: ground.record.ticket, required: needsVersion)
        try naming(ground.record.ticket, exchange) { () throws(Refusal) in
            try Lifecycle.admit(action, on: ground.record, for: exchange.role)
        }
        return ground
    }

    /// Says a refusal for the state in the words of the ticket's own regulation.
    private func naming<Result>(
        _ ticket: Ticket, _ exchange: Exchange, _ body: () throws(Refusal) -> Result
    ) throws(Problem) -> Result {
        do { return try body() } catch {
            var problem = Problem(error)
            problem.stateName = rulebook().words(ticket.product, version: ticket.policyVersion)?
                .name(of: ticket.state, exchange.language)
            throw problem
        }
    }

    private func write(
        _ plan: Plan, _ ground: ChangeGround, _ rules: TicketRules, _ exchange: Exchange
    ) async throws -> Answer {
        let ticket = ground.record.ticket
        // Not when the request came: others may have been here since.
        let now = now().truncatedToMilliseconds()
        let change = try naming(ticket, exchange) { () throws(Refusal) in
            try Lifecycle.decide(
                plan.step, on: ticket, by: Actor(exchange.caller.user), at: now, rules: rules, contract: ground.contract
            )
        }
        let record = ground.record.after(change, newcomers: plan.newcomers + [exchange.caller.user])
        let answer = try answer(plan.answer, change, record, exchange)
        if let (solving, waits) = plan.solving {
            try await store.write(
                change, thenParts: solving, waits: waits, answer: answer.kept, exchange.access)
        } else {
            try await store.write(change, answer: answer.kept, exchange.access)
        }
        return answer
    }

    private func answer(
        _ reply: Reply, _ change: Change, _ record: TicketRecord, _ exchange: Exchange
    ) throws(Problem) -> Answer {
        switch reply {
        case .ticket(let status): return try answer(with: record, exchange, status: status)
        case .nothing: return .noContent
        case .comment:
            guard let comment = change.comment else { preconditionFailure("a comment is a step that says something") }
            return .json(201, CommentBody(comment), in: exchange.language)
        case .attachment:
            guard let attachment = change.attachment else { preconditionFailure("attaching attaches something") }
            return .json(
                201, AttachmentBody(attachment), in: exchange.language, location: "/v1/attachments/\(attachment.id)")
        }
    }

    /// Writes, and says the database's own rules in words for clients: a problem by the constraint's name.
    func write(
        _ problems: [String: Problem], _ body: () async throws(StoreError) -> Void
    ) async throws {
        do { try await body() } catch {
            if case .violates(let constraint) = error, let problem = problems[constraint] { throw problem }
            throw error
        }
    }

    /// Reads and decides again while others are faster.
    func repeatedly<Result>(_ body: () async throws -> Result) async throws -> Result {
        for _ in 1...100 {
            do { return try await body() } catch StoreError.faster {}
        }
        throw Problem(.overloaded)
    }
}

extension TicketRecord {
    /// The ticket as the change leaves it, for the answer that is kept along with it.
    func after(_ change: Change, newcomers: [User]) -> TicketRecord {
        var people = people
        for user in newcomers { people[user.id] = user.name }
        let linked = links + change.linked.filter { !links.contains($0) }
        return TicketRecord(
            ticket: change.ticket, people: people, links: linked.filter { $0 != change.unlinked },
            mayConfirm: mayConfirm)
    }
}
