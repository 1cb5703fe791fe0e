import Postgres
import Regulations
import Tickets

/// Where the tickets of a list come from. Words are searched for in what employees read, or in what customers read.
enum TicketSource: Hashable, CaseIterable, Sendable {
    /// All of them.
    case all
    /// Those that nobody is assigned to: the open ones and the closed ones have an index each.
    case unassigned
    /// Those that the index gives for words.
    case found, foundByCustomer
    /// The first so many in the list's order, each looked at for words; null: every one.
    case walked, walkedByCustomer

    /// Where a list without words comes from.
    static func of(_ query: TicketQuery, _ access: Access) -> TicketSource {
        let isByAge = query.sort == .newestFirst || query.sort == .oldestFirst
        return query.assignee == .nobody && query.states.isEmpty && isByAge && access.scope == .staff
            ? .unassigned : .all
    }

    /// What lists and searches that nothing else narrows down come from: customers', or employees'.
    static func of(customers: Bool) -> [TicketSource] {
        customers ? [.all, .foundByCustomer, .walkedByCustomer] : [.all, .found, .walked]
    }

    var name: String {
        switch self {
        case .all: "list"
        case .unassigned: "list_unassigned"
        case .found: "list_found"
        case .foundByCustomer: "list_found_customer"
        case .walked: "list_walked"
        case .walkedByCustomer: "list_walked_customer"
        }
    }

    /// `t` is the ticket; `words` and the `organization` to look in are parameters.
    fileprivate func rows(words: String, organization: String) -> String {
        switch self {
        case .all, .unassigned, .walked, .walkedByCustomer: "tickets t"
        case .found: Self.each("search_all_tickets(\(words), NULL, \(organization))")
        case .foundByCustomer: Self.each("search_tickets(\(words), NULL)")
        }
    }

    /// Each ticket of a function by its key. PostgreSQL takes a function's rows for a thousand, and to join them it would read all
    /// of a table of some ten thousand; OFFSET forbids it to make this a join.
    private static func each(_ function: String) -> String {
        "\(function) AS s (ticket) CROSS JOIN LATERAL (SELECT * FROM tickets WHERE id = s.ticket OFFSET 0) t"
    }

    /// Whether it is walked through.
    private var isWalked: Bool { self == .walked || self == .walkedByCustomer }

    /// The words of a ticket `s` that a walk looks at.
    private var words: String { self == .walked ? "coalesce(s.everything, s.shared)" : "s.shared" }

    /// `page` as it is, or of its tickets, which come in their `order`, those with the words of parameter `first` among as
    /// many as the parameter behind it says.
    fileprivate func searched(_ page: String, order: String, first: Int) -> String {
        guard isWalked else { return page }
        // OFFSET keeps the two from being planned as one: nothing but a look at each ticket in turn is wanted. The words are
        // taken apart by a query of their own, once.
        return """
            SELECT t.*
              FROM (\(page)
                     LIMIT $\(first + 1)::bigint) t
              CROSS JOIN LATERAL (SELECT FROM ticket_search s
                                   WHERE s.ticket = t.id AND \(words) @@ (SELECT search_query($\(first))) OFFSET 0) s
             ORDER BY \(order)
            """
    }

    /// As `searched`, and the ticket after those that were looked at, if there is one, which `is_beyond`. Counting takes nearly as
    /// long as looking, so a list that nothing narrows down, whose end is far, does without.
    fileprivate func searchedToTheEnd(_ page: String, order: String, first: Int) -> String {
        guard isWalked else { return page }
        // Where there are no words, nothing is left out: what must not be in a text is a blank then, which none has for a word. The
        // second LIMIT takes nothing away: without it PostgreSQL would forget that the beginning is all that is wanted, and sort.
        return """
            SELECT t.*
              FROM (SELECT t.*, row_number() OVER (ORDER BY \(order)) > $\(first + 1)::bigint AS is_beyond
                      FROM (\(page)
                             LIMIT $\(first + 1)::bigint + 1) t
                     LIMIT $\(first + 1)::bigint + 1) t
             WHERE is_beyond
                OR (SELECT \(words) @@ (SELECT CASE WHEN numnode(query) = 0 THEN $$!' '$$::tsquery ELSE query END
                                      FROM (SELECT search_query($\(first)) AS query OFFSET 0) q)
                      FROM ticket_search s
                     WHERE s.ticket = t.id)
             ORDER BY \(order)
            """
    }

    /// What is selected of each of those; null of what is beyond.
    fileprivate var recordToTheEnd: String {
        isWalked ? "CASE WHEN t.is_beyond THEN NULL ELSE ROW(\(TicketSQL.record)) END" : "ROW(\(TicketSQL.record))"
    }

    /// How many parameters of its own it has: words, and how many are looked at.
    var parameterCount: Int {
        switch self {
        case .all, .unassigned: 0
        case .found, .foundByCustomer: 1
        case .walked, .walkedByCustomer: 2
        }
    }
}

/// How one order of the ticket list is written in SQL.
struct ListOrder {
    let name: String
    /// Whether its index has the open tickets alone.
    var isOpenAlone = false
    /// Whether it has another index of the open tickets.
    var hasOpenIndex = false
    /// Whether its index begins with the customer.
    var hasCustomersIndex = false
    /// The sort keys and their direction; the last one is unique.
    let keys: [(sql: String, type: String)]
    let descending: Bool
    /// What the last item's keys are in a cursor.
    let position: @Sendable (Ticket) -> [String]

    static func of(_ sort: TicketSort) -> ListOrder {
        switch sort {
        case .newestFirst, .oldestFirst:
            ListOrder(
                name: sort == .newestFirst ? "newest" : "oldest", hasOpenIndex: true, hasCustomersIndex: true,
                keys: [("t.registered_at", "timestamptz"), ("t.id", "text")], descending: sort == .newestFirst,
                position: { [$0.registeredAt.rfc3339, $0.id.description] })
        case .updatedFirst:
            ListOrder(
                name: "updated", hasCustomersIndex: true, keys: [("t.updated_at", "timestamptz"), ("t.id", "text")],
                descending: true,
                position: { [$0.updatedAt.rfc3339, $0.id.description] })
        case .autoClose:
            ListOrder(
                name: "auto_close", hasOpenIndex: true,
                keys: [("coalesce(t.auto_close_at, 'infinity'::timestamptz)", "timestamptz"), ("t.id", "text")],
                descending: false,
                position: { [$0.autoClose?.at?.rfc3339 ?? "infinity", $0.id.description] })
        case .triage:
            ListOrder(
                name: "triage", isOpenAlone: true, hasCustomersIndex: true,
                // Row-level security lets no COALESCE near an index; it does a CASE.
                keys: [
                    ("t.triage_rank", "smallint"),
                    ("CASE WHEN t.due_at IS NULL THEN 'infinity'::timestamptz ELSE t.due_at END", "timestamptz"),
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
            case "timestamptz": text == "infinity" || Instant(rfc3339: text).map(\.isWritable) ?? false
            case "smallint": Int16(text) != nil
            case "bigint": Int64(text) != nil
            default: !text.utf8.contains(0)
            }
        }
    }

    private func ordering(_ keys: [String]) -> String {
        keys.map { descending ? "\($0) DESC" : $0 }.joined(separator: ", ")
    }

    /// The keys as columns: PostgreSQL forgets the order of a subquery's expressions, and would sort once more.
    private var keyColumns: String { keys.indices.map { "\(keys[$0].sql) AS key\($0)" }.joined(separator: ", ") }
    private var orderOfColumns: String { ordering(keys.indices.map { "t.key\($0)" }) }

    /// The lists that most ask for: all that the reader may see, or all of it that is open, from the beginning or after a
    /// position. It goes along one index whatever its values are, so it is planned once; for the largest page, because PostgreSQL
    /// takes a limit that it is not told for a tenth of all there is.
    ///
    /// $1 viewer, $2 now, $3 limit, for customers $4 their organization, then the source's own, then the position.
    func plainStatement(
        _ source: TicketSource, forCustomers: Bool, isOpen: Bool, isAfter: Bool
    ) -> Statement<TicketRecord> {
        let order = orderOfColumns
        let own = forCustomers ? 5 : 4
        var conditions: [String] = []
        if forCustomers { conditions.append("t.organization = $4") }
        if isOpen { conditions.append("t.state <> 'closed'") }
        if isAfter { conditions.append(comparison(first: own + source.parameterCount)) }
        let most =
            switch source {
            case .all, .unassigned, .found, .foundByCustomer: PageRequest.limitMax + 1
            case .walked, .walkedByCustomer: SearchBounds().secondWalk
            }
        let rows = """
            SELECT *
              FROM (SELECT t.*, \(keyColumns)
                      FROM \(source.rows(words: "$\(own)", organization: "NULL"))
                     WHERE \(conditions.isEmpty ? "true" : conditions.joined(separator: " AND "))
                     ORDER BY \(ordering(keys.map(\.sql)))
                     LIMIT \(most)) t
             ORDER BY \(order)
            """
        let whose = forCustomers && source == .all ? "customer_" : ""
        let open = isOpen && !isOpenAlone ? "open_" : ""
        return Statement(
            "plain_\(source.name)_\(whose)\(open)\(name)\(isAfter ? "_after" : "")",
            """
            SELECT ROW(\(TicketSQL.record))
              FROM (\(source.searched(rows, order: order, first: own))
                     LIMIT $3) t
              \(TicketSQL.joinPolicy)
             ORDER BY \(order)
            """
        ) { (row) throws(RowError) in try row.ticketRecord() }
    }

    /// Always true. PostgreSQL, which does not know that, looks an assignee up in the index of open tickets and in that of
    /// closed ones; one of all would be written to at each step of each ticket.
    private static let eitherIndex = "t.state <> 'closed' OR t.state = 'closed'"

    /// True of whatever has a tag. PostgreSQL, which does not know that, takes the index of tickets with tags.
    private static let hasTags = "t.tags <> '{}'"

    private func comparison(first: Int) -> String {
        let position = keys.indices.map { "$\(first + $0)::text::\(keys[$0].type)" }.joined(separator: ", ")
        return "(\(keys.map(\.sql).joined(separator: ", "))) \(descending ? "<" : ">") (\(position))"
    }

    /// $1 viewer, $2 now, $3 organization of the viewer, $4 … $17 filters, $18 limit, $19 whether after a position, then
    /// the source's own, then the position
    func statement(_ source: TicketSource) -> Statement<TicketRecord> {
        let order = orderOfColumns
        let comparison = comparison(first: 20 + source.parameterCount)
        /// A page of those for which `condition` holds, too.
        func filtered(_ condition: String = "true") -> String {
            """
            SELECT t.*, \(keyColumns)
                      FROM \(source.rows(words: "$20", organization: "$9"))
                     WHERE \(condition)
                       AND ($3::text IS NULL OR t.organization = $3)
                       AND ($4::text[] IS NULL OR t.state = ANY ($4))
                       AND ($5::boolean IS NOT TRUE OR t.state <> 'closed')
                       AND ($6::text IS NULL OR t.priority = $6)
                       AND ($7::text IS NULL OR t.kind = $7)
                       AND ($8::text IS NULL OR t.product = $8)
                       AND ($9::text IS NULL OR t.organization = $9)
                       AND ($10::text IS NULL OR t.assignees @> ARRAY[$10])
                       AND ($10::text IS NULL OR $4::text[] IS NOT NULL OR $5::boolean IS TRUE OR \(Self.eitherIndex))
                       AND ($11::boolean IS NOT TRUE OR t.assignees = '{}')
                       AND ($12::text IS NULL OR t.tags @> ARRAY[$12] AND \(Self.hasTags))
                       AND ($13::timestamptz IS NULL OR t.registered_at >= $13)
                       AND ($14::timestamptz IS NULL OR t.registered_at < $14)
                       AND ($15::timestamptz IS NULL OR t.updated_at >= $15)
                       AND ($16::timestamptz IS NULL OR t.updated_at < $16)
                       AND ($17::boolean IS NULL OR (t.state <> 'closed' AND coalesce(t.due_at < $2, false)) = $17)
                       AND ($19::boolean IS NOT TRUE OR \(comparison))
                     ORDER BY \(ordering(keys.map(\.sql)))
            """
        }
        var rows = filtered()
        if source == .unassigned {
            rows = """
                SELECT t.*
                  FROM ((\(filtered("t.state <> 'closed'"))
                         LIMIT $18)
                        UNION ALL
                        (\(filtered("t.state = 'closed'"))
                         LIMIT $18)) t
                 ORDER BY \(order)
                """
        }
        return Statement(
            "\(source.name)_\(name)",
            """
            SELECT \(source.recordToTheEnd)
              FROM (\(source.searchedToTheEnd(rows, order: order, first: 20))
                     LIMIT $18) t
              \(TicketSQL.joinPolicy)
             ORDER BY \(order)
            """
        ) { (row) throws(RowError) in try row.ticketRecord() }
    }
}

/// The statements of the ticket list: one an order and a source, and the plain ones.
enum TicketLists {
    private struct PlainKey: Hashable {
        let sort: TicketSort
        let source: TicketSource
        let forCustomers: Bool
        let isOpen: Bool
        let isAfter: Bool
    }

    private static let plainStatements: [PlainKey: Statement<TicketRecord>] = {
        var statements: [PlainKey: Statement<TicketRecord>] = [:]
        for sort in TicketSort.allCases {
            let order = ListOrder.of(sort)
            for forCustomers in order.hasCustomersIndex ? [false, true] : [false] {
                for isOpen in order.isOpenAlone ? [true] : order.hasOpenIndex ? [false, true] : [false] {
                    for isAfter in [false, true] {
                        for source in TicketSource.of(customers: forCustomers) {
                            let key = PlainKey(
                                sort: sort, source: source, forCustomers: forCustomers, isOpen: isOpen, isAfter: isAfter
                            )
                            statements[key] = order.plainStatement(
                                source, forCustomers: forCustomers, isOpen: isOpen, isAfter: isAfter)
                        }
                    }
                }
            }
        }
        return statements
    }()

    static let allPlain: [Statement<TicketRecord>] = plainStatements.values.sorted { $0.name < $1.name }

    /// Nil: this order has no index for those who ask.
    static func plain(
        _ sort: TicketSort, _ source: TicketSource, forCustomers: Bool, isOpen: Bool, isAfter: Bool
    ) -> Statement<TicketRecord>? {
        plainStatements[
            PlainKey(sort: sort, source: source, forCustomers: forCustomers, isOpen: isOpen, isAfter: isAfter)]
    }

    private struct Key: Hashable {
        let sort: TicketSort
        let source: TicketSource
    }

    static let all = TicketSort.allCases.flatMap { sort in TicketSource.allCases.map { statement(sort, $0) } }

    private static let statements: [Key: Statement<TicketRecord>] = {
        var statements: [Key: Statement<TicketRecord>] = [:]
        for sort in TicketSort.allCases {
            for source in TicketSource.allCases {
                statements[Key(sort: sort, source: source)] = ListOrder.of(sort).statement(source)
            }
        }
        return statements
    }()

    static func statement(_ sort: TicketSort, _ source: TicketSource) -> Statement<TicketRecord> {
        guard let statement = statements[Key(sort: sort, source: source)] else {
            preconditionFailure("every order has a statement for every source")
        }
        return statement
    }
}

extension Statement<TicketRecord> {
    /// The same for a filtered list that is walked through, which may end in nil: it goes on behind what was looked at.
    var walk: Statement<TicketRecord?> {
        Statement<TicketRecord?>(name, sql) { (row) throws(RowError) in
            row.nextIsNull ? nil : try row.ticketRecord()
        }
    }
}
