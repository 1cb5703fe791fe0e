public import Regulations

extension Lifecycle {
    /// Decides a step: gives everything that is to be written, or says why not.
    ///
    /// Whether the caller's role may take the step at all (`actors`) and whether it may confirm is asked before.
    /// - Parameters:
    ///   - contract: what holds on the day of the step; only solving looks at it.
    ///   - now: the service's clock, whole milliseconds.
    public static func decide(
        _ step: Step, on ticket: Ticket, by actor: Actor, at now: Instant, rules: TicketRules,
        contract: ContractTerms?, cause: Cause = .call
    ) throws(Refusal) -> Change {
        let action = step.action
        let next = try nextState(step, ticket, actor, cause)
        var builder = ChangeBuilder(ticket, by: actor, at: now)
        apply(step, to: &builder, rules: rules)
        if cause == .imported { builder.note("imported", .null, .flag(true)) }
        if next != ticket.state { move(&builder, to: next, action, rules: rules, contract: contract) }
        noteCommonFields(&builder, before: ticket)
        return builder.finish(
            action, clause: rules.clause(action), movesState: tellsState(action) || next != ticket.state)
    }

    /// Refuses what the state does not allow. Called alone before a body is looked into.
    public static func admit(
        _ action: Action, on record: TicketRecord, for role: Role
    ) throws(Refusal) {
        guard action == .link || action == .unlink || table[record.ticket.state]?[action] != nil else {
            throw .transitionNotAllowed(state: record.ticket.state, actions: actions(on: record, for: role))
        }
        if action == .confirm && !record.mayConfirm { throw .notAuthorisedToConfirm }
    }

    /// Steps whose events say where the ticket went even when it stayed.
    static func tellsState(_ action: Action) -> Bool {
        switch action {
        case .register, .assign, .requestInformation, .solve, .planSolution, .confirm, .dispute, .withdraw, .merge,
            .autoClose:
            true
        case .setPriority, .edit, .comment, .commentInternal, .attach, .link, .unlink, .recalculateDeadline: false
        }
    }

    private static func nextState(
        _ step: Step, _ ticket: Ticket, _ actor: Actor, _ cause: Cause
    ) throws(Refusal) -> State {
        let action = step.action
        // A link says nothing about the state: even a closed ticket takes one.
        if action == .link || action == .unlink { return ticket.state }
        // Only the customer's own words answer an information request.
        if action == .comment && actor.role.isEmployee && ticket.state.isOpen { return ticket.state }
        let row = cause == .following ? followingTable[ticket.state] : table[ticket.state]
        guard let next = row?[action] else {
            throw .transitionNotAllowed(state: ticket.state, actions: [])
        }
        return next
    }

    private static func apply(_ step: Step, to builder: inout ChangeBuilder, rules: TicketRules) {
        let now = builder.now
        switch step {
        case .assign(let assignees, let priority):
            builder.ticket.assignees = assignees
            builder.ticket.assignedAt = builder.ticket.assignedAt ?? now
            set(priority, &builder, rules)
        case .comment(let body): builder.say(body)
        case .commentInternal(let body): builder.say(body, internally: true)
        case .attach(let attachment, let quota):
            builder.attachment = attachment
            builder.condition = .room(quota)
            builder.note("attachment", .null, attachment.told)
        case .edit(let edit): apply(edit, to: &builder, rules)
        case .requestInformation(let comment): builder.say(comment)
        case .solve(let solving), .planSolution(let solving):
            builder.say(solving.comment)
            builder.ticket.solution = Solution(
                comment: solving.comment, type: solving.type, release: solving.release,
                by: builder.actor.id ?? builder.ticket.registeredBy, at: now)
            if case .planSolution = step, let release = solving.release {
                builder.condition = .unpublished(product: builder.ticket.product, version: release)
            }
        case .publishSolution: break
        case .confirm(let comment), .withdraw(let comment): builder.say(comment)
        case .dispute(let reason):
            builder.say(reason)
            builder.ticket.disputeCount += 1
        case .merge(let target):
            builder.linked = [Link(type: .duplicateOf, ticket: target)]
            builder.condition = .open(target)
            builder.note("duplicate_of", .null, .text(target.description))
        case .link(let link):
            builder.linked = [link]
            builder.note(link.type.rawValue, .null, .text(link.ticket.description))
            switch link.type {
            case .follows: break
            case .duplicateOf: builder.condition = .open(link.ticket)
            case .partOf: builder.condition = .whole(link.ticket)
            }
        case .unlink(let link):
            builder.unlinked = link
            builder.note(link.type.rawValue, .text(link.ticket.description), .null)
        case .autoClose: break
        case .recalculateDeadline(let autoClose): builder.ticket.autoClose = autoClose
        }
    }

    private static func apply(_ edit: TicketEdit, to builder: inout ChangeBuilder, _ rules: TicketRules) {
        let before = builder.ticket
        if let subject = edit.subject {
            builder.note("subject", .text(before.subject), .text(subject))
            builder.ticket.subject = subject
        }
        if let details = edit.details {
            builder.note("details", .record(before.details), .record(details))
            builder.ticket.details = details
        }
        if let tags = edit.tags {
            builder.note("tags", .list(before.tags), .list(tags))
            builder.ticket.tags = tags
        }
        set(edit.priority, &builder, rules)
    }

    /// A priority has its own promised times; whether the ticket blocks the customer's work stays as it was.
    private static func set(_ priority: Priority?, _ builder: inout ChangeBuilder, _ rules: TicketRules) {
        guard let priority, priority != builder.ticket.priority else { return }
        builder.ticket.priority = priority
        Deadlines.setDueTimes(of: &builder.ticket, rules: rules)
    }

    private static func move(
        _ builder: inout ChangeBuilder, to next: State, _ action: Action, rules: TicketRules, contract: ContractTerms?
    ) {
        let now = builder.now
        builder.ticket.state = next
        switch next {
        case .registered: preconditionFailure("nothing leads back to registered")
        case .assigned:
            // Out of a dispute the offered solution is void; an answer leaves one that waits for its release.
            if action == .dispute {
                builder.ticket.solvedAt = nil
                builder.ticket.solution = nil
                builder.ticket.autoClose = nil
            }
            setPaused(false, &builder, rules)
        case .awaitingInformation: setPaused(true, &builder, rules)
        case .solved:
            builder.ticket.solvedAt = now
            if let contract, let days = Deadlines.workingDays(policy: rules.policy, contract: contract) {
                builder.ticket.autoClose = Deadlines.autoClose(solvedAt: now, workingDays: days, rules: rules)
            }
            setPaused(true, &builder, rules)
        case .closed:
            builder.ticket.closedAt = now
            builder.ticket.closeReason = closeReason(action)
            // A solution that never reached the customer is none.
            if builder.ticket.solvedAt == nil { builder.ticket.solution = nil }
        }
    }

    private static func closeReason(_ action: Action) -> CloseReason {
        switch action {
        case .confirm: .confirmed
        case .autoClose: .noResponse
        case .withdraw: .withdrawn
        case .merge: .duplicate
        case .register, .assign, .setPriority, .edit, .comment, .commentInternal, .attach, .link, .unlink,
            .requestInformation, .solve, .planSolution, .dispute, .recalculateDeadline:
            preconditionFailure("only four steps close a ticket")
        }
    }

    /// The solution clock stands still while the customer owes information or a confirmation.
    private static func setPaused(_ paused: Bool, _ builder: inout ChangeBuilder, _ rules: TicketRules) {
        let last = builder.ticket.pauses.last
        let isPaused = last != nil && last?.to == nil
        if paused && !isPaused {
            builder.ticket.pauses.append(Pause(from: builder.now, to: nil))
        } else if !paused, isPaused, let last {
            builder.ticket.pauses[builder.ticket.pauses.count - 1] = Pause(from: last.from, to: builder.now)
        }
        Deadlines.setDueTimes(of: &builder.ticket, rules: rules)
    }

    /// What any step may have moved along.
    private static func noteCommonFields(_ builder: inout ChangeBuilder, before: Ticket) {
        let after = builder.ticket
        builder.note("assignees", .list(before.assignees.map(\.text)), .list(after.assignees.map(\.text)))
        builder.note("priority", .text(before.priority.rawValue), .text(after.priority.rawValue))
        builder.note("close_reason", FieldValue(before.closeReason?.rawValue), FieldValue(after.closeReason?.rawValue))
        builder.note(
            "solution_type", FieldValue(before.solution?.type.rawValue), FieldValue(after.solution?.type.rawValue))
        builder.note("release", FieldValue(before.solution?.release), FieldValue(after.solution?.release))
        builder.note("auto_close_at", FieldValue(before.autoClose?.at), FieldValue(after.autoClose?.at))
        builder.note("solution_due_at", FieldValue(before.solutionDueAt), FieldValue(after.solutionDueAt))
        builder.note(
            "first_response_due_at", FieldValue(before.firstResponseDueAt), FieldValue(after.firstResponseDueAt))
    }
}
