import Postgres
public import Regulations
public import Tickets

extension PostgresStore {
    public func tickets(_ query: TicketQuery, _ access: Access) async throws(StoreError) -> Page<TicketRecord> {
        try await tickets(query, bounds: SearchBounds(), access)
    }

    func tickets(
        _ query: TicketQuery, bounds: SearchBounds, _ access: Access
    ) async throws(StoreError) -> Page<TicketRecord> {
        guard let parameters = ListParameters(query, access) else { return Page(items: [], next: nil) }
        let records: [TicketRecord]
        if let plain = PlainList(query, access) {
            records = try await read(access, plain.statement, plain.parameters, slow: true, isPlannedOnce: true)
        } else {
            records = try await self.records(query, parameters.filters, parameters.position, bounds, access)
        }
        return query.page.cut(records) { ListOrder.of(query.sort).position($0.ticket) }
    }

    public func queueSummary(at now: Instant) async throws(StoreError) -> QueueSummary {
        let rows = try await read(.staff, Statements.queueCounts, [.instant(now)], slow: true)
        let shares = try await read(.staff, Statements.queueShares, [], slow: true)
        var summary = QueueSummary(
            open: 0, overdue: 0, byState: [:], byPriority: [:], byProduct: [:],
            byAssignee: shares)
        for row in rows {
            summary.open += row.count
            summary.overdue += row.overdue
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
            viewer = .optional(access.user?.text)
            organization = .text(own)
        }
        // `open` as a set of states would hide from the planner that the partial indexes are meant.
        let isOpenAlone = query.states == Set(State.allCases.filter(\.isOpen))
        let onlyOpen = isOpenAlone || query.sort == .triage && query.states.isEmpty
        let states: Parameter =
            query.states.isEmpty || isOpenAlone ? nil : .texts(query.states.map(\.rawValue).sorted())
        var user: Parameter = nil
        if case .user(let id) = query.assignee { user = .text(id.text) }
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

/// The list that most ask for, and what its statement is run with.
struct PlainList: Sendable {
    let statement: Statement<TicketRecord>
    let parameters: [Parameter]

    /// Nil: something is filtered, the page has another length, or there is no index that has just this.
    init?(_ query: TicketQuery, _ access: Access) {
        var viewer: [Parameter] = [nil, .instant(query.now)]
        var forCustomers = false
        if case .customer(let own) = access.scope {
            viewer = [.optional(access.user?.text), .instant(query.now), .text(own)]
            forCustomers = true
        }
        let states = ListOrder.of(query.sort).isOpenAlone ? Set(State.allCases.filter(\.isOpen)) : []
        guard query.states == states || query.states.isEmpty, query.hasNoFilters,
            query.page.limit == ListOrder.plainLimit,
            let statement = TicketLists.plain(query.sort, forCustomers: forCustomers, isAfter: query.page.after != nil)
        else { return nil }
        self.statement = statement
        parameters = viewer + (query.page.after ?? []).map { .text($0) }
    }
}

extension TicketQuery {
    /// Apart from the states.
    fileprivate var hasNoFilters: Bool {
        text == nil && priority == nil && kind == nil && product == nil && organization == nil && assignee == nil
            && tag == nil && registeredFrom == nil && registeredTo == nil && updatedFrom == nil && updatedTo == nil
            && overdue == nil
    }
}

struct QueueCount: Sendable {
    let state: State
    let priority: Priority
    let product: String
    let count: Int
    let overdue: Int
}

extension Statements {
    static let queueCounts = Statement<QueueCount>(
        "queue_counts",
        """
        SELECT state, priority, product, count(*)::integer, (count(*) FILTER (WHERE due_at < $1))::integer
          FROM tickets
         WHERE state <> 'closed'
         GROUP BY state, priority, product
        """
    ) { (row) throws(RowError) in
        QueueCount(
            state: try row.parsed { State(rawValue: $0) }, priority: try row.parsed { Priority(rawValue: $0) },
            product: try row.text(), count: try row.int(), overdue: try row.int())
    }

    /// The busiest first, nobody's last. Counted before they are taken apart: most tickets have assignees that others have, too.
    static let queueShares = Statement<QueueSummary.Share>(
        "queue_shares",
        """
        SELECT a.assignee, u.name, sum(g.tickets)::integer
          FROM (SELECT assignees, count(*) AS tickets FROM tickets WHERE state <> 'closed' GROUP BY assignees) g
          LEFT JOIN LATERAL unnest(g.assignees) AS a (assignee) ON true
          LEFT JOIN users u ON u.id = a.assignee
         GROUP BY a.assignee, u.name
         ORDER BY a.assignee IS NULL, sum(g.tickets) DESC, a.assignee
        """
    ) { (row) throws(RowError) in
        QueueSummary.Share(
            assignee: try row.optionalText().map { UserID(stored: $0) }, name: try row.optionalText(),
            count: try row.int())
    }
}
