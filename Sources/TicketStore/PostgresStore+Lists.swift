import Postgres
public import Regulations
public import Tickets

extension PostgresStore {
    public func tickets(_ query: TicketQuery, _ access: Access) async throws(StoreError) -> Page<TicketRecord> {
        guard access.key == nil else { return try await tickets(query, bounds: SearchBounds(), access) }
        return try await listReads.page(query, access) { () async throws(StoreError) in
            try await self.tickets(query, bounds: SearchBounds(), access)
        }
    }

    func tickets(
        _ query: TicketQuery, bounds: SearchBounds, _ access: Access
    ) async throws(StoreError) -> Page<TicketRecord> {
        guard let parameters = ListParameters(query, access) else { return Page(items: [], next: nil) }
        let records = try await records(query, parameters, bounds, access)
        return query.page.cut(records) { ListOrder.of(query.sort).position($0.ticket) }
    }

    public func queueSummary(at now: Instant) async throws(StoreError) -> QueueSummary {
        let rows = try await read(.staff, Statements.queueCounts, [.instant(now)], slow: true, isPlannedOnce: true)
        let shares = try await read(.staff, Statements.queueShares, [], slow: true)
        var summary = QueueSummary(
            open: 0, overdue: rows.first?.allOverdue ?? 0, byState: [:], byPriority: [:], byProduct: [:],
            byAssignee: shares)
        for row in rows {
            summary.open += row.count
            summary.byState[row.state, default: 0] += row.count
            summary.byPriority[row.priority, default: 0] += row.count
            summary.byProduct[row.product, default: 0] += row.count
        }
        return summary
    }
}

/// What a list's statement is run with.
struct ListParameters: Sendable {
    /// `$1` to `$19`.
    let filters: [Parameter]
    /// What stands behind the source's own.
    let position: [Parameter]

    /// Nil: nothing comes after such a position.
    init?(_ query: TicketQuery, _ access: Access) {
        let order = ListOrder.of(query.sort)
        var viewer: Parameter = nil
        var organization: Parameter = nil
        if case .customer(let own) = access.scope {
            viewer = .id(access.user)
            organization = .text(own)
        }
        // `open` as a set of states would hide from the planner that the partial indexes are meant.
        let isOpenAlone = query.states == Set(State.allCases.filter(\.isOpen))
        let onlyOpen = isOpenAlone || query.sort == .triage && query.states.isEmpty
        let states: Parameter =
            query.states.isEmpty || isOpenAlone ? nil : .texts(query.states.map(\.rawValue).sorted())
        var user: Parameter = nil
        if case .user(let id) = query.assignee { user = .id(id) }
        let position = query.page.after ?? Array(repeating: "", count: order.keys.count)
        // Positions come back from clients: one that no list of ours ever gave has nothing after it.
        guard position.count == order.keys.count, query.page.after == nil || order.isPosition(position) else {
            return nil
        }
        filters = [
            viewer, .instant(query.now), organization, states, .bool(onlyOpen), .optional(query.priority?.rawValue),
            .optional(query.kind), .optional(query.product), .optional(query.organization), user,
            .bool(query.assignee == .nobody), .optional(query.tag), .instant(query.registeredFrom),
            .instant(query.registeredTo), .instant(query.updatedFrom), .instant(query.updatedTo),
            query.overdue.map { .bool($0) } ?? nil, .integer(query.page.limit + 1), .bool(query.page.after != nil),
        ]
        self.position = query.page.after == nil ? position.map { _ in Parameter.null } : position.map { .text($0) }
    }
}

/// A list, or a search, that is narrowed down by nothing but what is open, and what its statement is run with.
struct PlainList: Sendable {
    let statement: Statement<TicketRecord>
    let parameters: [Parameter]

    /// Nil: something is filtered but what is closed, or there is no index that has just this. `own` are the source's.
    init?(_ query: TicketQuery, _ source: TicketSource, _ own: [Parameter], _ access: Access) {
        var parameters: [Parameter] = [nil, .instant(query.now), .integer(query.page.limit + 1)]
        var forCustomers = false
        if case .customer(let organization) = access.scope {
            parameters[0] = .id(access.user)
            parameters.append(.text(organization))
            forCustomers = true
        }
        let isOpen = query.states == Set(State.allCases.filter(\.isOpen))
        guard isOpen || query.states.isEmpty, query.hasNoFilters, query.page.limit <= PageRequest.limitMax,
            let statement = TicketLists.plain(
                query.sort, source, forCustomers: forCustomers,
                isOpen: isOpen || ListOrder.of(query.sort).isOpenAlone, isAfter: query.page.after != nil)
        else { return nil }
        self.statement = statement
        self.parameters = parameters + own + (query.page.after ?? []).map { .text($0) }
    }
}

extension TicketQuery {
    /// Apart from the states and the words.
    fileprivate var hasNoFilters: Bool {
        priority == nil && kind == nil && product == nil && organization == nil && assignee == nil
            && tag == nil && registeredFrom == nil && registeredTo == nil && updatedFrom == nil && updatedTo == nil
            && overdue == nil
    }
}

struct QueueCount: Sendable {
    let state: State
    let priority: Priority
    let product: String
    let count: Int
    /// Of all groups together.
    let allOverdue: Int
}

extension Statements {
    /// $1 now. Whole days by their counts; of the day that has begun, what is overdue already.
    static let queueCounts = Statement<QueueCount>(
        "queue_counts",
        """
        SELECT c.state, c.priority, c.product, c.tickets::integer,
               (SELECT coalesce(sum(tickets), 0) FROM current_due_counts
                 WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date)::integer
               + (SELECT count(*) FROM tickets t
                   WHERE t.state <> 'closed' AND t.due_at >= date_trunc('day', $1::timestamptz, 'UTC')
                     AND t.due_at < $1::timestamptz)::integer
          FROM current_ticket_counts c
         WHERE c.state <> 'closed' AND c.tickets > 0
        """
    ) { (row) throws(RowError) in
        QueueCount(
            state: try row.parsed { State(rawValue: $0) }, priority: try row.parsed { Priority(rawValue: $0) },
            product: try row.text(), count: try row.int(), allOverdue: try row.int())
    }

    /// The busiest first, nobody's last.
    static let queueShares = Statement<QueueSummary.Share>(
        "queue_shares",
        """
        SELECT nullif(c.assignee, ''), u.name, c.tickets::integer
          FROM current_assignee_counts c
          LEFT JOIN users u ON u.id = c.assignee
         WHERE c.tickets > 0
         ORDER BY c.assignee = '', c.tickets DESC, c.assignee
        """
    ) { (row) throws(RowError) in
        QueueSummary.Share(
            assignee: try row.optionalID(), name: try row.optionalText(),
            count: try row.int())
    }
}
