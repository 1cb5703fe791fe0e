import Postgres
public import Regulations
public import Tickets

/// A list as it lies in the database.
struct FollowUpRow: Sendable {
    let id: FollowUpID
    let kind: FollowUp.Kind
    /// The whole; nil when a release is published.
    let ticket: TicketID?
    /// What the parts are told; nil when a release is published.
    let solving: Solving?
    let product: String?
    let release: String?
    let actor: Actor
    let at: Instant
    let isFinished: Bool
}

// A call that reaches further tickets commits its own change together with the head of a list. What is on the list is
// found anew each time, so whoever picks it up after a crash goes on where the other stopped: an item's row is written
// in the transaction of its effect, and nothing is done twice.
extension PostgresStore {
    public func publish(
        _ release: Release, by actor: User, at now: Instant, _ access: Access
    ) async throws(StoreError) -> Publication? {
        let id = FollowUpID.make()
        let parameters: [Parameter] = [
            .text(release.product), .text(release.version), .instant(now), .id(actor.id), .id(id),
        ]
        do {
            try await writeKeyed(Statements.publishRelease, parameters, answer: nil, access)
        } catch .faster { return nil }
        try await finishFollowUp(id)
        return try await publication(id)
    }

    /// What a finished publication did; nil: it is none, or not finished.
    func publication(_ id: FollowUpID) async throws(StoreError) -> Publication? {
        guard let row = try await read(.staff, Statements.followUp, [.id(id)]).first, row.isFinished,
            let product = row.product, let version = row.release,
            let release = try await release(product, version, .staff)
        else { return nil }
        let solved = try await read(.staff, Statements.followUpTickets, [.id(id)], slow: true)
        return Publication(release: release, solved: solved.sorted())
    }

    /// Ends what a killed process left. Called now and then; `seconds` leaves those alone that have just begun; two at one list do no harm.
    public func finishAbandonedFollowUps(olderThan seconds: Int = 10) async throws(StoreError) {
        let abandoned = try await read(.staff, Statements.abandonedFollowUps, [.integer(seconds)])
        for id in abandoned { try await finishFollowUp(id) }
    }

    func finishFollowUp(_ id: FollowUpID) async throws(StoreError) {
        guard let list = try await read(.staff, Statements.followUp, [.id(id)]).first, !list.isFinished else {
            return
        }
        var previous: [TicketID] = []
        while true {
            let open = try await openItems(list)
            // Nothing left, or nothing that can be done: a ticket that keeps refusing must not hold the list for ever.
            if open.isEmpty || open == previous { break }
            for ticket in open { try await follow(list, ticket) }
            previous = open
        }
        do {
            _ = try await connections.staff.writes.run(
                Statements.finishFollowUp, [.id(id), .instant(now())])
        } catch { throw StoreError(error) }
    }

    private func openItems(_ list: FollowUpRow) async throws(StoreError) -> [TicketID] {
        switch list.kind {
        case .solveParts, .planParts:
            try await read(
                .staff, Statements.openParts, [.id(list.id), .text(list.ticket?.description ?? "")], slow: true)
        case .publish:
            try await read(
                .staff, Statements.waitingTickets,
                [.id(list.id), .text(list.product ?? ""), .text(list.release ?? "")], slow: true)
        }
    }

    /// Does one item, however often others come first.
    private func follow(_ list: FollowUpRow, _ id: TicketID) async throws(StoreError) {
        for _ in 0..<20 {
            let now = now()
            guard let ground = try await changeGround(id, at: now, .staff) else { return }
            let ticket = ground.record.ticket
            guard let step = try await step(list, ground.record) else { return }
            let change: Change
            do {
                change = try Lifecycle.decide(
                    step, on: ticket, by: list.actor, at: now, rules: try rules(for: ticket),
                    contract: ground.contract, cause: .following)
            } catch let error as StoreError { throw error } catch { return }
            do {
                return try await write(change, answer: nil, extras: WriteExtras(itemOf: list.id), .staff)
            } catch .faster { continue } catch .violates { return }
        }
        // The list stays open, and is taken up again.
        throw .overloaded
    }

    /// Nil: nothing is left to do with this ticket.
    private func step(_ list: FollowUpRow, _ record: TicketRecord) async throws(StoreError) -> Step? {
        let ticket = record.ticket
        switch list.kind {
        case .solveParts: return list.solving.map(Step.solve)
        case .planParts:
            guard let solving = list.solving, let version = solving.release else { return nil }
            // Published since the whole was planned: what would wait would wait for ever.
            let release = try await release(ticket.product, version, .staff)
            return release?.publishedAt == nil ? .planSolution(solving) : .solve(solving)
        case .publish:
            if ticket.isWaitingForRelease && ticket.solution?.release == list.release { return .publishSolution }
            // A part that joined its whole after the plan was made, or had another, is solved as the whole was.
            guard let whole = record.links.first(where: { $0.type == .partOf && !$0.isInverse })?.ticket,
                let solution = try await self.ticket(whole, at: now(), .staff)?.ticket.solution
            else { return nil }
            return .solve(Solving(comment: solution.comment, type: solution.type, release: solution.release))
        }
    }
}

extension Statements {
    /// $1 product, $2 version, $3 now, $4 who, $5 the list
    static let publishRelease: Statement<Int> = {
        var numbers = Numbers()
        for _ in 0..<5 { _ = numbers.next("") }
        let key = KeySQL(&numbers)
        return Statement<Int>(
            "publish_release",
            """
            WITH changed AS (
                UPDATE releases SET published_at = $3, published_by = $4
                 WHERE product = $1 AND version = $2 AND published_at IS NULL AND \(key.isFree)
                RETURNING product, version
            ), list AS (
                INSERT INTO follow_ups (id, kind, product, release, actor, at)
                SELECT $5, 'publish', product, version, $4, $3::timestamptz FROM changed
            ), \(key.insertion(followUp: "$5"))
            SELECT count(*)::integer FROM changed
            """
        ) { (row) throws(RowError) in try row.int() }
    }()

    static let followUp = Statement<FollowUpRow>(
        "follow_up",
        """
        SELECT f.id, f.kind, f.ticket, f.comment, f.type, f.release, f.product, f.actor, u.name, u.role, f.at,
               f.finished_at IS NOT NULL
          FROM follow_ups f
          JOIN users u ON u.id = f.actor
         WHERE f.id = $1 AND f.kind <> 'batch'
        """
    ) { (row) throws(RowError) in
        let id: FollowUpID = try row.id()
        let kind = try row.parsed { FollowUp.Kind(rawValue: $0) }
        let ticket = try row.optionalParsed { TicketID($0) }
        let comment = try row.optionalText()
        let type = try row.optionalParsed { SolutionType(rawValue: $0) }
        let release = try row.optionalText()
        let solving = comment.flatMap { comment in
            type.map { Solving(comment: comment, type: $0, release: release) }
        }
        return FollowUpRow(
            id: id, kind: kind, ticket: ticket, solving: solving, product: try row.optionalText(), release: release,
            actor: try row.actor(), at: try row.instant(), isFinished: try row.bool())
    }

    static let followUpTickets = Statement<TicketID>(
        "follow_up_tickets", "SELECT ticket FROM follow_up_items WHERE follow_up = $1"
    ) { (row) throws(RowError) in try row.parsed { TicketID($0) } }

    /// By the database's clock, which every instance shares.
    static let abandonedFollowUps = Statement<FollowUpID>(
        "abandoned_follow_ups",
        """
        SELECT id FROM follow_ups
         WHERE kind <> 'batch' AND finished_at IS NULL AND started_at < clock_timestamp() - make_interval(secs => $1::integer)
         ORDER BY started_at
        """
    ) { (row) throws(RowError) in try row.id() }

    /// $1 the list, $2 the whole
    static let openParts = Statement<TicketID>(
        "open_parts",
        """
        SELECT p.id
          FROM links l
          JOIN tickets p ON p.id = l.ticket
         WHERE l.type = 'part_of' AND l.other = $2
           AND p.state IN ('registered', 'assigned', 'awaiting_information')
           AND NOT EXISTS (SELECT FROM follow_up_items i WHERE i.follow_up = $1 AND i.ticket = p.id)
         ORDER BY p.number
        """
    ) { (row) throws(RowError) in try row.parsed { TicketID($0) } }

    /// What waits for the release, and the open parts of what it has solved. $1 the list, $2 product, $3 version
    static let waitingTickets = Statement<TicketID>(
        "waiting_tickets",
        """
        SELECT t.id, t.number
          FROM tickets t
         WHERE t.product = $2 AND t.solution_release = $3 AND t.solved_at IS NULL AND t.state <> 'closed'
           AND NOT EXISTS (SELECT FROM follow_up_items i WHERE i.follow_up = $1 AND i.ticket = t.id)
        UNION
        SELECT p.id, p.number
          FROM follow_up_items w
          JOIN links l ON l.other = w.ticket AND l.type = 'part_of'
          JOIN tickets p ON p.id = l.ticket
         WHERE w.follow_up = $1 AND p.state IN ('registered', 'assigned', 'awaiting_information')
           AND NOT EXISTS (SELECT FROM follow_up_items i WHERE i.follow_up = $1 AND i.ticket = p.id)
         ORDER BY 2
        """
    ) { (row) throws(RowError) in try row.parsed { TicketID($0) } }

    static let finishFollowUp = Statement<Void>(
        "finish_follow_up", "UPDATE follow_ups SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL")
}
