import Postgres
import Regulations
public import Tickets

/// Where a change was read in another system's log: repeating an import finds it and adds nothing.
public struct ImportSource: Sendable, Hashable {
    public let system: String
    public let number: String
    /// The row within the number; unique there.
    public let row: Int

    public init(system: String, number: String, row: Int) {
        self.system = system
        self.number = number
        self.row = row
    }
}

extension PostgresStore {
    /// The ticket that a number of another system became, and the rows that were read; nil: none yet.
    public func imported(system: String, number: String) async throws(StoreError) -> (ticket: TicketID, rows: Set<Int>)?
    {
        let rows = try await read(.staff, Statements.imported, [.text(system), .text(number)])
        guard let first = rows.first else { return nil }
        return (first.ticket, Set(rows.map(\.row)))
    }

    /// Writes a step of imported history; `source` nil for a step that only a row's first change implies.
    public func write(_ change: Change, source: ImportSource?) async throws(StoreError) {
        try await write(change, answer: nil, extras: WriteExtras(source: source), .staff)
    }

    /// What became of all that was read from a system: its tickets by state and close reason, their events by action.
    public func importCounts(system: String) async throws(StoreError) -> [ImportCount] {
        try await read(.staff, Statements.importCounts, [.text(system)], slow: true)
    }

    /// Whoever has this address; nil: nobody.
    public func user(email: String) async throws(StoreError) -> User? {
        try await read(.staff, Statements.userByEmail, [.text(email)]).first
    }

    /// How many tickets there are at all, to know an empty database.
    public func hasTickets() async throws(StoreError) -> Bool {
        try await read(.staff, Statements.hasTickets, []).first ?? false
    }
}

/// How many of something came out of an import.
public struct ImportCount: Sendable, Equatable {
    /// `state`, `close_reason` or `event`.
    public let what: String
    public let name: String
    public let count: Int
}

struct ImportedRow: Sendable {
    let ticket: TicketID
    let row: Int
}

extension Statements {
    static let imported = Statement<ImportedRow>(
        "imported", "SELECT ticket, row FROM imports WHERE system = $1 AND number = $2"
    ) { (row) throws(RowError) in ImportedRow(ticket: try row.parsed { TicketID($0) }, row: try row.int()) }

    static let importCounts = Statement<ImportCount>(
        "import_counts",
        """
        WITH imported AS (SELECT DISTINCT ticket FROM imports WHERE system = $1)
        SELECT 'state', t.state, count(*)::integer
          FROM imported i JOIN tickets t ON t.id = i.ticket
         GROUP BY t.state
        UNION ALL
        SELECT 'close_reason', t.close_reason, count(*)::integer
          FROM imported i JOIN tickets t ON t.id = i.ticket
         WHERE t.close_reason IS NOT NULL
         GROUP BY t.close_reason
        UNION ALL
        SELECT 'event', e.action, count(*)::integer
          FROM imported i JOIN events e ON e.ticket = i.ticket
         GROUP BY e.action
         ORDER BY 1, 2
        """
    ) { (row) throws(RowError) in
        ImportCount(what: try row.text(), name: try row.text(), count: try row.int())
    }

    static let hasTickets = Statement<Bool>("has_tickets", "SELECT EXISTS (SELECT FROM tickets)") {
        (row) throws(RowError) in try row.bool()
    }
}
