import Postgres
public import Regulations
public import Tickets

/// How one order of the ticket list is written in SQL.
private struct ListOrder {
    let name: String
    /// The sort keys and their direction; the last one is unique.
    let keys: [(sql: String, type: String)]
    let descending: Bool
    /// What the last item's keys are in a cursor.
    let position: @Sendable (Ticket) -> [String]

    static func of(_ sort: TicketSort) -> ListOrder {
        switch sort {
        case .newestFirst, .oldestFirst:
            ListOrder(
                name: sort == .newestFirst ? "newest" : "oldest",
                keys: [("t.registered_at", "timestamptz"), ("t.id", "text")], descending: sort == .newestFirst,
                position: { [$0.registeredAt.rfc3339, $0.id.description] })
        case .updatedFirst:
            ListOrder(
                name: "updated", keys: [("t.updated_at", "timestamptz"), ("t.id", "text")], descending: true,
                position: { [$0.updatedAt.rfc3339, $0.id.description] })
        case .autoClose:
            ListOrder(
                name: "auto_close",
                keys: [("coalesce(t.auto_close_at, 'infinity'::timestamptz)", "timestamptz"), ("t.id", "text")],
                descending: false,
                position: { [$0.autoClose?.at?.rfc3339 ?? "infinity", $0.id.description] })
        case .triage:
            ListOrder(
                name: "triage",
                keys: [
                    ("t.triage_rank", "smallint"), ("coalesce(t.due_at, 'infinity'::timestamptz)", "timestamptz"),
                    ("t.registered_at", "timestamptz"), ("t.number", "bigint"), ("t.id", "text"),
                ], descending: false,
                position: {
                    [
                        "\(($0.blocking ? 0 : 4) + $0.priority.rank)", $0.dueAt?.rfc3339 ?? "infinity",
                        $0.registeredAt.rfc3339, "\($0.id.number)", $0.id.description,
                    ]
                })
        }
    }

    /// Whether PostgreSQL can read each key as what it is compared with.
    func isPosition(_ position: [String]) -> Bool {
        zip(keys, position).allSatisfy { key, text in
            switch key.type {
            case "timestamptz": text == "infinity" || Instant(rfc3339: text) != nil
            case "smallint": Int16(text) != nil
            case "bigint": Int64(text) != nil
            default: !text.utf8.contains(0)
            }
        }
    }

    private func ordering(_ keys: [String]) -> String {
        keys.map { descending ? "\($0) DESC" : $0 }.joined(separator: ", ")
    }

    /// $1 viewer, $2 now, $3 organization of the viewer, $4 … $17 filters, $18 limit, $19 whether after a position,
    /// $20 … the position
    var statement: Statement<TicketRecord> {
        let order = ordering(keys.map(\.sql))
        let position = keys.indices.map { "$\(20 + $0)::text::\(keys[$0].type)" }.joined(separator: ", ")
        let comparison = "(\(keys.map(\.sql).joined(separator: ", "))) \(descending ? "<" : ">") (\(position))"
        return Statement(
            "list_\(name)",
            """
            SELECT \(TicketSQL.record)
              FROM (SELECT t.*
                      FROM tickets t
                     WHERE ($3::text IS NULL OR t.organization = $3)
                       AND ($4::text[] IS NULL OR t.state = ANY ($4))
                       AND ($5::boolean IS NOT TRUE OR t.state <> 'closed')
                       AND ($6::text IS NULL OR t.priority = $6)
                       AND ($7::text IS NULL OR t.kind = $7)
                       AND ($8::text IS NULL OR t.product = $8)
                       AND ($9::text IS NULL OR t.organization = $9)
                       AND ($10::text IS NULL OR t.assignees @> ARRAY[$10])
                       AND ($11::boolean IS NOT TRUE OR t.assignees = '{}')
                       AND ($12::text IS NULL OR t.tags @> ARRAY[$12])
                       AND ($13::timestamptz IS NULL OR t.registered_at >= $13)
                       AND ($14::timestamptz IS NULL OR t.registered_at < $14)
                       AND ($15::timestamptz IS NULL OR t.updated_at >= $15)
                       AND ($16::timestamptz IS NULL OR t.updated_at < $16)
                       AND ($17::boolean IS NULL OR (t.state <> 'closed' AND coalesce(t.due_at < $2, false)) = $17)
                       AND ($19::boolean IS NOT TRUE OR \(comparison))
                     ORDER BY \(order)
                     LIMIT $18) t
              \(TicketSQL.joinPolicy)
             ORDER BY \(order)
            """
        ) { (row) throws(RowError) in try row.ticketRecord() }
    }
}

extension Statements {
    static let newestTickets = ListOrder.of(.newestFirst).statement
    static let oldestTickets = ListOrder.of(.oldestFirst).statement
    static let updatedTickets = ListOrder.of(.updatedFirst).statement
    static let autoCloseTickets = ListOrder.of(.autoClose).statement
    static let triageTickets = ListOrder.of(.triage).statement

    static func tickets(_ sort: TicketSort) -> Statement<TicketRecord> {
        switch sort {
        case .newestFirst: newestTickets
        case .oldestFirst: oldestTickets
        case .updatedFirst: updatedTickets
        case .autoClose: autoCloseTickets
        case .triage: triageTickets
        }
    }
}

extension PostgresStore {
    public func tickets(_ query: TicketQuery, _ access: Access) async throws(StoreError) -> Page<TicketRecord> {
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
            return Page(items: [], next: nil)
        }
        let parameters: [Parameter] = [
            viewer, .instant(query.now), organization, states, .bool(onlyOpen), .optional(query.priority?.rawValue),
            .optional(query.kind), .optional(query.product), .optional(query.organization), user,
            .bool(query.assignee == .nobody), .optional(query.tag), .instant(query.registeredFrom),
            .instant(query.registeredTo), .instant(query.updatedFrom), .instant(query.updatedTo),
            query.overdue.map { .bool($0) } ?? nil, .integer(query.page.limit + 1), .bool(query.page.after != nil),
        ]
        let after = query.page.after == nil ? position.map { _ in Parameter.null } : position.map { .text($0) }
        let records = try await read(access, Statements.tickets(query.sort), parameters + after, slow: true)
        return query.page.cut(records) { order.position($0.ticket) }
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

    /// The busiest first, nobody's last.
    static let queueShares = Statement<QueueSummary.Share>(
        "queue_shares",
        """
        SELECT a.assignee, u.name, count(*)::integer
          FROM tickets t
          LEFT JOIN LATERAL unnest(t.assignees) AS a (assignee) ON true
          LEFT JOIN users u ON u.id = a.assignee
         WHERE t.state <> 'closed'
         GROUP BY a.assignee, u.name
         ORDER BY a.assignee IS NULL, count(*) DESC, a.assignee
        """
    ) { (row) throws(RowError) in
        QueueSummary.Share(
            assignee: try row.optionalText().map { UserID(stored: $0) }, name: try row.optionalText(),
            count: try row.int())
    }
}
