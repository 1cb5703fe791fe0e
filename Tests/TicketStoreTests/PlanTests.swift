import EventLoop
import Foundation
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// How PostgreSQL means to run what requests and the job send, on a database that has aged: always by way of an index,
/// and without sorting more than a page, or what a filter leaves.
@Suite struct PlanTests {
    @Test func `what a request sends reads no whole table and sorts no more than it must`() async throws {
        try await AgedDatabase.with { database in
            for user in [User.ada, Self.customer] {
                let access = World.access(user)
                let faults = try await database.withPlanner(access, plans: "force_custom_plan") { planner in
                    try await Self.faultsOfLists(planner, access) + Self.faultsOfSearches(planner, access)
                }
                #expect(faults.isEmpty, "\(user.name): \(faults.joined(separator: "\n"))")
                let plain = try await database.withPlanner(access, plans: "force_generic_plan") { planner in
                    try await Self.faultsOfPlainLists(planner, access)
                }
                #expect(plain.isEmpty, "\(user.name): \(plain.joined(separator: "\n"))")
                let byKey = try await database.withPlanner(access, plans: "force_generic_plan") { planner in
                    try await Self.faultsByKey(planner, isStaff: access.scope == .staff)
                }
                #expect(byKey.isEmpty, "\(user.name): \(byKey.joined(separator: "\n"))")
            }
            let staff = World.access(.ada)
            let slow = try await database.withPlanner(staff, plans: "force_custom_plan") { planner in
                try await Self.faultsOfReports(planner)
            }
            #expect(slow.isEmpty, "\(slow.joined(separator: "\n"))")
        }
    }

    /// Statistics that say a table is empty make reading all of it look free; a plan made then is kept while the table fills.
    @Test func `a key is found by its index in a table that was empty when it was analysed`() async throws {
        try await World.with { world in
            let lane = Lane(
                loop: world.loop, connectionString: world.database.ownerURL,
                options: .single("analyse", statementTimeout: nil))
            try await lane.withConnection { try await $0.script("VACUUM (ANALYZE)") }
            await lane.close()
            let faults = try await Planner.with(
                world.database.ownerURL, world.loop, role: Roles.staff, settings: Connections.byKey
            ) { planner in try await Self.faultsByKey(planner, of: Plan.tables + ["idempotency_keys_[0-9]+"]) }
            #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
        }
    }

    /// PostgreSQL takes what a function gives for a thousand rows, and would rather read all of a table that is not much larger.
    @Test(arguments: [User.ada, .carol])
    func `what a search has found is looked up ticket by ticket`(user: User) async throws {
        try await World.with { world in
            for _ in 0..<20 { _ = try await world.register() }
            try await world.asSuperuser("ANALYZE tickets")
            let access = World.access(user)
            var query = TicketQuery(page: PageRequest(limit: 50), now: Samples.noon)
            query.text = "rare"
            let parameters = try #require(ListParameters(query, access))
            let isStaff = access.scope == .staff
            let plan = try await Planner.with(
                world.database.ownerURL, world.loop, role: isStaff ? Roles.staff : Roles.customer,
                settings: ["plan_cache_mode": "force_custom_plan", "reglament.organization": "acme"]
            ) { planner in
                try await planner.plan(
                    TicketLists.statement(.newestFirst, isStaff ? .found : .foundByCustomer),
                    parameters.filters + [.text("rare")] + parameters.position)
            }
            #expect(plan.text.contains("Function Scan"))
            #expect(!plan.text.contains("Hash Join") && !plan.text.contains("Merge Join"), "\(plan.text)")
        }
    }

    static let customer = User(
        id: UserID(stored: "u_0000000000000000000061"), email: "person61@example.com", name: "Person 61",
        role: .customer, organization: "org-1")

    // MARK: Lists

    /// What a customer's list may sort: what its organization has.
    private static let ownMax = 5000

    /// What people narrow lists down by, and how many rows each may leave to be sorted: the largest page there is,
    /// or what lies in a window of time, waits for confirmation, or is open on one engineer.
    private static let filters: [(name: String, sorted: Int, set: @Sendable (inout TicketQuery) -> Void)] = [
        ("all", 201, { _ in }),
        ("open", 201, { $0.states = Set(State.allCases.filter(\.isOpen)) }),
        ("assigned", 201, { $0.states = [.assigned] }),
        ("solved", 1000, { $0.states = [.solved] }),
        ("closed", 201, { $0.states = [.closed] }),
        ("critical", 201, { $0.priority = .critical }),
        ("incident", 201, { $0.kind = "incident" }),
        ("product", 201, { $0.product = "maics" }),
        ("organization", 201, { $0.organization = "org-1" }),
        ("assignee", 1000, { $0.assignee = .user(UserID(stored: "u_0000000000000000000003")) }),
        ("assignee of few", 201, { $0.assignee = .user(UserID(stored: "u_0000000000000000000060")) }),
        ("nobody", 201, { $0.assignee = .nobody }),
        ("tag", 1000, { $0.tag = "tag3" }),
        ("tag of few", 1000, { $0.tag = "tag-of-few" }),
        ("overdue", 201, { $0.overdue = true }),
        ("lately", 1000, { $0.registeredFrom = Samples.noon.adding(seconds: -700_000) }),
        (
            "long ago", 1000,
            {
                $0.registeredFrom = Samples.noon.adding(seconds: -100_000_000)
                $0.registeredTo = Samples.noon.adding(seconds: -98_000_000)
            }
        ),
        ("updated", 1000, { $0.updatedFrom = Samples.noon.adding(seconds: -700_000) }),
    ]

    /// A position that half of the tickets come before, or of the open ones.
    private static func middle(of sort: TicketSort) -> [String] {
        let ago = Samples.noon.adding(seconds: -150_000_000).rfc3339
        let lately = Samples.noon.adding(seconds: -7_000_000).rfc3339
        return switch sort {
        case .newestFirst, .oldestFirst, .updatedFirst, .autoClose: [ago, "MAICS-50000"]
        case .triage: ["6", "infinity", lately, "97500", "MAICS-97500"]
        }
    }

    private static func faultsOfLists(_ planner: Planner, _ access: Access) async throws -> [String] {
        var faults: [String] = []
        for sort in TicketSort.allCases {
            for (name, sorted, set) in filters {
                // The queue's index has open tickets alone: closed ones in its order are sorted.
                if sort == .triage && name == "closed" { continue }
                // A customer's own queue has an index, as everybody's has: a page of it is all that is sorted.
                let isOwnQueue = sort == .triage && ["all", "open"].contains(name)
                let sortedMax = access.scope == .staff ? sorted : isOwnQueue ? 51 : ownMax
                for after in [nil, middle(of: sort)] {
                    var query = TicketQuery(page: PageRequest(limit: 50, after: after), now: Samples.noon)
                    set(&query)
                    query.sort = sort
                    let parameters = try #require(ListParameters(query, access))
                    let plan = try await planner.plan(
                        TicketLists.statement(sort, .of(query, access)), parameters.filters + parameters.position)
                    let what = "\(sort.rawValue), \(name), after \(after ?? [])"
                    faults += plan.faults(what, sortedMax: sortedMax)
                    // Whoever has few of many tickets: going through an order's index would read nearly all of it.
                    if name == "assignee of few", access.scope == .staff, sort != .triage,
                        !plan.text.contains("tickets_closed_assignees_idx")
                    {
                        faults.append("\(what): closed ones are not found by their assignee: \(plan.text)")
                    }
                    // Going along the order, or through all, would look at nearly every ticket.
                    if name == "tag of few", access.scope == .staff, !plan.text.contains("tickets_tags_idx") {
                        faults.append("\(what): few are not found by their tag: \(plan.text)")
                    }
                    // In the order of all tickets nobody knows how far it is to the next one.
                    if name == "nobody", access.scope == .staff, plan.text.contains("tickets_registered_idx") {
                        faults.append("\(what): all tickets are gone through: \(plan.text)")
                    }
                }
            }
        }
        return faults
    }

    /// Planned without their values, as they are run.
    private static func faultsOfPlainLists(_ planner: Planner, _ access: Access) async throws -> [String] {
        var faults: [String] = []
        var names: Set<String> = []
        for sort in TicketSort.allCases {
            for after in [nil, middle(of: sort)] {
                for states in [[], Set(State.allCases.filter(\.isOpen))] {
                    var query = TicketQuery(page: PageRequest(limit: 50, after: after), now: Samples.noon)
                    query.sort = sort
                    query.states = states
                    for source in TicketSource.of(customers: access.scope != .staff) {
                        let own: [Parameter] = ["common", .integer(SearchBounds().firstWalk)]
                        let plain = PlainList(query, source, Array(own.prefix(source.parameterCount)), access)
                        guard let plain else { continue }
                        names.insert(plain.statement.name)
                        // Whatever the words are, that is how many the index is taken to give.
                        let sorted = source == .found || source == .foundByCustomer ? 1000 : 201
                        let plan = try await planner.plan(plain.statement, plain.parameters)
                        faults += plan.faults(plain.statement.name, sortedMax: sorted)
                        // A comparison that is no index condition is made with everything that comes before the page.
                        if sorted == 201, plan.text.contains(/Filter: .*ROW\(/) {
                            faults.append("\(plain.statement.name) walks to its position:\n\(plan.text)")
                        }
                    }
                }
            }
        }
        #expect(names.count == 3 * (access.scope == .staff ? 16 : 12), "\(names)")
        return faults
    }

    // MARK: Searches

    private static func faultsOfSearches(_ planner: Planner, _ access: Access) async throws -> [String] {
        let isStaff = access.scope == .staff
        var faults: [String] = []
        for sort in TicketSort.allCases {
            var query = TicketQuery(page: PageRequest(limit: 50), now: Samples.noon)
            query.sort = sort
            let parameters = try #require(ListParameters(query, access))
            let sources: [(TicketSource, [Parameter])] =
                isStaff
                ? [(.walked, [.text("common"), .integer(SearchBounds().firstWalk)]), (.found, [.text("word17")])]
                : [
                    (.walkedByCustomer, [.text("common"), .integer(SearchBounds().firstWalk)]),
                    (.foundByCustomer, [.text("word17")]),
                ]
            for (source, own) in sources {
                let statement = TicketLists.statement(sort, source)
                let plan = try await planner.plan(statement, parameters.filters + own + parameters.position)
                faults += plan.faults(statement.name, sortedMax: isStaff ? SearchBounds().few : ownMax)
            }
        }
        let size = isStaff ? Statements.searchSize : Statements.searchSizeCustomer
        let few: [Parameter] = [.text("word17"), .integer(SearchBounds().few)] + (isStaff ? [nil] : [])
        faults += try await planner.plan(size, few).faults(size.name, sortedMax: 0)
        // What the functions of the owner look up, by the index that they allow themselves.
        if isStaff {
            try await planner.run("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
            let inside = try await planner.genericPlan(
                "search_all_tickets",
                """
                SELECT s.ticket FROM ticket_search s
                 WHERE (s.everything @@ $1::tsquery OR s.everything IS NULL AND s.shared @@ $1::tsquery)
                   AND ($2::text IS NULL OR s.organization = $2)
                 LIMIT $3
                """)
            faults += inside.faults("search_all_tickets", sortedMax: 0)
            let usesWords = inside.text.contains("BitmapOr")
            if !usesWords { faults.append("search_all_tickets looks no word up:\n\(inside.text)") }
        }
        return faults
    }

    // MARK: Queue, history, job, feed

    private static func faultsOfReports(_ planner: Planner) async throws -> [String] {
        let now = Parameter.instant(Samples.noon)
        var faults: [String] = []
        // By counts; of tickets no more than those that are due today.
        for plan in [
            try await planner.genericPlan(Statements.queueCounts.name, Statements.queueCounts.sql),
            try await planner.plan(Statements.queueShares, []),
        ] { faults += plan.faults("queue", sortedMax: 10_000) }
        faults += try await planner.plan(
            Statements.dueTickets, [now, 10_000, .timestamp(microseconds: .min), "", .texts([])]
        ).faults("due tickets", sortedMax: 51)
        return faults
    }

    private static let foundByKey: Set = [
        "ticket", "tickets", "change_ground", "other_ticket", "organization_of_ticket", "registration_ground",
        "explanation_ground", "events", "comments", "attachments", "attachment_usage", "register_customer",
        "change_customer", "attach_customer", "context_key",
    ]
    private static let foundByEmployees: Set = [
        "lock_due_tickets", "feed", "feed_end", "register_staff", "change_staff", "attach_staff",
        "context_key_staff", "caller_by_token", "callers_by_tokens",
    ]

    /// Planned once for all values, as these statements are.
    private static func faultsByKey(
        _ planner: Planner, isStaff: Bool = true, of tables: [String] = Plan.tables
    ) async throws -> [String] {
        let names = isStaff ? foundByKey.union(foundByEmployees) : foundByKey
        #expect(names.isSubset(of: Statements.all.map(\.name)))
        var faults: [String] = []
        for (name, sql) in Statements.all where names.contains(name) {
            let plan = try await planner.genericPlan(name, sql)
            // A hundred of the feed are 102 by some samples' estimate.
            faults += plan.faults(name, sortedMax: 110, of: tables)
            if plan.text.contains("contracts_overlap") { faults.append("\(name) looks for overlaps:\n\(plan.text)") }
        }
        return faults
    }
}

/// What EXPLAIN says.
struct Plan {
    let text: String

    static let tables = [
        "tickets", "events", "comments", "feed", "links", "ticket_search", "attachments", "attachment_totals",
    ]

    /// One sentence each, with the plan; `sortedMax`: how many rows may be expected under a sort; `tables`: patterns.
    func faults(_ name: String, sortedMax: Int, of tables: [String] = Plan.tables) -> [String] {
        var faults = tables.filter { text.range(of: "Seq Scan on \($0) ", options: .regularExpression) != nil }
            .map { "reads all of \($0)" }
        for match in text.matches(of: /(?:Incremental )?Sort\s+\(cost=\S+ rows=(\d+)/) {
            if let rows = Int(match.output.1), rows > sortedMax { faults.append("sorts \(rows) rows") }
        }
        return faults.map { "\(name) \($0)\n\(text)" }
    }
}

/// Asks for plans on one connection, as one role.
struct Planner {
    let connection: Connection

    func run(_ sql: String) async throws { try await connection.script(sql) }

    func plan<Row>(_ statement: Statement<Row>, _ parameters: [Parameter]) async throws -> Plan {
        try await explain("explain \(statement.name)", "EXPLAIN \(statement.sql)", parameters)
    }

    /// The plan that serves all values.
    func genericPlan(_ name: String, _ sql: String) async throws -> Plan {
        try await connection.script("PREPARE \"\(name)\" AS \(sql)")
        let count = Statement<Int>(
            "count", "SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = $1"
        ) { (row) throws(RowError) in try row.int() }
        let parameters = try await connection.run(count, [.text(name)]).first ?? 0
        let nulls = Array(repeating: "NULL", count: parameters).joined(separator: ", ")
        let execution = parameters == 0 ? "" : "(\(nulls))"
        return try await explain("generic \(name)", "EXPLAIN EXECUTE \"\(name)\"\(execution)", [])
    }

    private func explain(_ name: String, _ sql: String, _ parameters: [Parameter]) async throws -> Plan {
        let statement = Statement<String>(name, sql) { (row) throws(RowError) in try row.text() }
        return Plan(text: try await connection.run(statement, parameters).joined(separator: "\n"))
    }
}

extension AgedDatabase {
    /// A planner for somebody whose organization, if any, is org-1; `plans` is the lane's `plan_cache_mode`.
    func withPlanner<T: Sendable>(
        _ access: Access, plans: String, _ body: @escaping (Planner) async throws -> T
    ) async throws -> T {
        try await Planner.with(
            url, loop, role: access.scope == .staff ? Roles.staff : Roles.customer,
            settings: ["plan_cache_mode": plans, "reglament.organization": "org-1"], body)
    }
}

extension Planner {
    static func with<T: Sendable>(
        _ url: String, _ loop: EventLoop, role: String, settings: [String: String],
        _ body: @escaping (Planner) async throws -> T
    ) async throws -> T {
        let lane = Lane(
            loop: loop, connectionString: url,
            options: .single("plan", role: role, settings: settings))
        let result: Result<T, any Error>
        do {
            result = .success(
                try await lane.withConnection { (connection) async throws in
                    try await body(Planner(connection: connection))
                })
        } catch { result = .failure(error) }
        await lane.close()
        return try result.get()
    }
}
