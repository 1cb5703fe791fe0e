public import Postgres
public import Regulations
public import Tickets

/// What operators want to know of the store.
extension PostgresStore {
    /// One lane of this store's loop.
    public struct LaneState: Sendable {
        /// Who PostgreSQL takes it for: `staff` or `customer`.
        public let role: String
        /// `reads`, `writes`, `slow`, `bulk`, `jobs`, `feed` or `sequencer`.
        public let kind: String
        public let figures: LaneFigures
    }

    /// Loop thread only; in an order that never changes.
    public var laneStates: [LaneState] {
        let (staff, customer) = (connections.staff, connections.customer)
        return [
            LaneState(role: "staff", kind: "reads", figures: staff.reads.figures),
            LaneState(role: "staff", kind: "writes", figures: staff.writes.figures),
            LaneState(role: "staff", kind: "slow", figures: staff.slow.figures),
            LaneState(role: "staff", kind: "bulk", figures: staff.bulk.figures),
            LaneState(role: "staff", kind: "jobs", figures: connections.jobs.figures),
            LaneState(role: "staff", kind: "feed", figures: connections.feed.figures),
            LaneState(role: "staff", kind: "sequencer", figures: connections.sequencer.figures),
            LaneState(role: "customer", kind: "reads", figures: customer.reads.figures),
            LaneState(role: "customer", kind: "writes", figures: customer.writes.figures),
            LaneState(role: "customer", kind: "slow", figures: customer.slow.figures),
            LaneState(role: "customer", kind: "bulk", figures: customer.bulk.figures),
        ]
    }

    /// Whether changes of people and tokens are heard of at this moment; loop thread only.
    public var isListening: Bool { connections.listener.isConnected }

    /// Every ticket, the closed ones too.
    public func ticketCounts() async throws(StoreError) -> [State: Int] {
        let rows = try await read(.staff, Statements.ticketCounts, [], slow: true)
        return Dictionary(rows.map { ($0.state, $0.count) }, uniquingKeysWith: +)
    }

    /// The latest run that was no dry run and has ended; nil: there was none.
    public func lastRun() async throws(StoreError) -> JobRun? {
        try await read(.staff, Statements.lastRun, [], slow: true).first
    }

    /// How many of these nights nobody has done; see `runNight`.
    public func undoneNights(_ nights: [String: Instant]) async throws(StoreError) -> Int {
        try await undone(nights, at: now()).count
    }
}

struct TicketCount: Sendable {
    let state: State
    let count: Int
}

extension Statements {
    static let ticketCounts = Statement<TicketCount>(
        "ticket_counts",
        """
        SELECT state, sum(tickets)::integer FROM current_ticket_counts GROUP BY state HAVING sum(tickets) > 0
        """
    ) { (row) throws(RowError) in
        TicketCount(state: try row.parsed { State(rawValue: $0) }, count: try row.int())
    }

    static let lastRun = Statement<JobRun>(
        "last_run",
        """
        SELECT \(runColumns)
          FROM job_runs
         WHERE finished_at IS NOT NULL
           AND NOT dry_run
         ORDER BY started_at DESC, id DESC
         LIMIT 1
        """
    ) { (row) throws(RowError) in try row.run() }
}
