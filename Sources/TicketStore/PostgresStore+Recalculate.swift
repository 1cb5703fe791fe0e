import Postgres
public import Regulations
public import Tickets

/// A stored deadline that a changed calendar moves.
public struct MovedDeadline: Sendable, Equatable {
    public let ticket: TicketID
    public let from: Instant?
    public let to: Instant?
}

extension PostgresStore {
    /// Counts the deadline of every solved ticket anew with the calendars of today, and moves those that differ, an event
    /// each. The only way a stored deadline ever moves.
    public func recalculateDeadlines(
        dryRun: Bool, moved: @Sendable (MovedDeadline) -> Void
    ) async throws(StoreError) -> Int {
        var count = 0
        var after = ""
        while true {
            let page = try await read(.staff, Statements.solvedTickets, [.text(after), 500], slow: true)
            for ticket in page where try await recalculate(ticket, dryRun: dryRun, moved) { count += 1 }
            guard let last = page.last, page.count == 500 else { return count }
            after = last.id.description
        }
    }

    private func recalculate(
        _ listed: Ticket, dryRun: Bool, _ moved: @Sendable (MovedDeadline) -> Void
    ) async throws(StoreError) -> Bool {
        var ticket = listed
        while let stored = ticket.autoClose, let solvedAt = ticket.solvedAt, ticket.state == .solved {
            let rules = try rules(for: ticket)
            let counted = Deadlines.autoClose(solvedAt: solvedAt, workingDays: stored.workingDays, rules: rules)
            guard counted.at != stored.at else { return false }
            if !dryRun {
                do {
                    let change = try Lifecycle.decide(
                        .recalculateDeadline(counted), on: ticket, by: .calendar, at: now(), rules: rules, contract: nil
                    )
                    try await write(change, answer: nil, extras: WriteExtras(), .staff)
                } catch StoreError.faster {
                    guard let record = try await self.ticket(ticket.id, at: now(), .staff) else { return false }
                    ticket = record.ticket
                    continue
                } catch let error as StoreError { throw error } catch { return false }
            }
            moved(MovedDeadline(ticket: ticket.id, from: stored.at, to: counted.at))
            return true
        }
        return false
    }
}

extension Statements {
    /// $1 after, $2 limit
    static let solvedTickets = Statement<Ticket>(
        "solved_tickets",
        """
        SELECT \(TicketColumn.list(of: "t"))
          FROM tickets t
         WHERE t.state = 'solved_awaiting_confirmation' AND t.auto_close_working_days IS NOT NULL AND t.id > $1
         ORDER BY t.id
         LIMIT $2
        """
    ) { (row) throws(RowError) in try row.ticket() }
}
