import Digests
import Glibc
import Regulations
import Tickets

/// Fills a migrated, empty database with the history of a support desk.
struct Filling: Sendable {
    let url: String
    let total: Int
    let seed: UInt64
    /// Milliseconds since 1970: the end of the ten years.
    let until: Int64
    /// Every ticket awaits its confirmation.
    let allSolved: Bool
    let cast: Cast

    private static let blockSize = 1000
    private static let tenYears: Int64 = 315_576_000_000
    /// What a ticket with all that belongs to it takes on the disk, and what sorting needs beside it while indexes are made.
    static let bytesPerTicket = 6_000

    // MARK: What is small

    /// Refuses a database with tickets in it and a disk without room.
    static func check(_ database: Database, total: Int) throws(Failure) {
        guard try database.rows("SELECT count(*) FROM migrations").first?.first != "0" else {
            throw Failure("The database is not migrated.")
        }
        guard try database.rows("SELECT 1 FROM tickets LIMIT 1").isEmpty else {
            throw Failure("The database has tickets.")
        }
        let folder = try database.rows("SHOW data_directory").first?.first ?? "/"
        var facts = statvfs()
        guard statvfs(folder, &facts) == 0 else { return }
        let free = Int(facts.f_bavail) * Int(facts.f_frsize)
        let wanted = total * bytesPerTicket
        guard free > wanted else {
            throw Failure(
                "\(total) tickets need \(wanted >> 30) GiB while they are made, and \(folder) has \(free >> 30) GiB left."
            )
        }
    }

    func fillPeople(_ installed: Installed, _ database: Database) throws(Failure) {
        let began = Instant(milliseconds: until - Self.tenYears).rfc3339
        for file in installed.files {
            let policy = file.policy
            let done = try database.rows(
                "SELECT install_policy($1, $2::integer, $3, $4, $5::bytea, $6, $7, $8::timestamptz)",
                [
                    policy.code, "\(policy.version)", policy.prefix, Digest(of: file.bytes).hex,
                    "\\x\(Hex.encode(file.bytes))", policy.timeZone, policy.confirmers.rawValue, began,
                ])
            guard done.first?.first == "t" else { throw Failure("\(policy.code) was installed with other contents.") }
        }
        try database.run("BEGIN")
        for customer in cast.customers {
            try insert(
                "organizations", "code, name", [customer.organization.code, customer.organization.name], database)
        }
        for user in cast.engineers + cast.customers.flatMap(\.people) {
            try insert(
                "users", "id, email, name, role, organization, created_at",
                [user.id.text, user.email, user.name, user.role.rawValue, user.organization ?? "", began], database)
        }
        for contract in cast.customers.flatMap({ $0.contracts.values.sorted { $0.id.text < $1.id.text } }) {
            try insert(
                "contracts", "id, organization, product, plan, valid_from, responsible_contacts",
                [
                    contract.id.text, contract.organization, contract.product, contract.plan ?? "",
                    contract.validFrom.iso, "{\(contract.responsibleContacts.map(\.text).joined(separator: ","))}",
                ], database)
        }
        for rules in cast.products {
            for (number, version) in ["4.0", "4.1", "4.2", "5.0"].enumerated() {
                let at = Instant(milliseconds: until - Int64(3 - number) * 31_557_600_000).rfc3339
                let by = cast.engineers[19].id.text
                let published = number == 3 ? ["", ""] : [at, by]
                try insert(
                    "releases", "product, version, created_at, created_by, published_at, published_by",
                    [rules.policy.code, version, at, by] + published, database)
            }
        }
        try database.run("COMMIT")
    }

    /// One row; what is empty is null. The server reads each text as its column's type.
    private func insert(_ table: String, _ columns: String, _ values: [String], _ database: Database) throws(Failure) {
        let places = values.map { $0.isEmpty ? "NULL" : "'\($0)'" }.joined(separator: ", ")
        try database.run("INSERT INTO \(table) (\(columns)) VALUES (\(places))")
    }

    // MARK: Tickets

    /// Generates on all cores and copies into every table at once, each on a connection of its own.
    func fillTickets(progress: (Int) -> Void) async throws {
        let targets = [
            ("tickets", Rows.ticketColumns), ("links", Rows.linkColumns), ("comments", Rows.commentColumns),
            ("events", Rows.eventColumns), ("feed", "feed_seq, ticket, seq"),
        ]
        var copies: [Database] = []
        for (table, columns) in targets {
            let database = try Database(url)
            try database.beginCopy(table, columns)
            copies.append(database)
        }
        var plotting = Plotting(self)
        var feed = Feed(prefixes: cast.products.map(\.policy.prefix))
        let workers = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        var running: [Task<Rows, any Error>] = []
        var made = 0
        func start() {
            let plots = plotting.next(Self.blockSize)
            if !plots.isEmpty { running.append(Task.detached { try rows(of: plots) }) }
        }
        for _ in 0..<workers + 1 { start() }
        while !running.isEmpty {
            let rows = try await running.removeFirst().value
            start()
            made += min(Self.blockSize, total - made)
            let sequenced = feed.take(rows.feed, before: made == total ? Int64.max : registeredAt(made))
            let parts = [rows.tickets, rows.links, rows.comments, rows.events, sequenced]
            for (copy, part) in zip(copies, parts) { try copy.put(part.bytes) }
            progress(made)
        }
        for copy in copies { try copy.endCopy() }
        let database = try Database(url)
        for (rules, last) in zip(cast.products, plotting.numbers) {
            _ = try database.rows(
                "SELECT setval(sequence::regclass, $1::bigint, $2::boolean) FROM products WHERE code = $3",
                ["\(max(last, 1))", last > 0 ? "true" : "false", rules.policy.code])
        }
    }

    /// Three times as many a day at the end of the ten years as at their beginning.
    func registeredAt(_ place: Int) -> Int64 {
        let share = (Double(place) + 0.5) / Double(total)
        let time = ((1 + 8 * share).squareRoot() - 1) / 2
        return until - Self.tenYears + Int64(Double(Self.tenYears) * time)
    }

    @Sendable private func rows(of plots: [Plot]) throws -> Rows {
        var rows = Rows()
        var lastOf: [Int: TicketID] = [:]
        var twins: [Int: TicketID] = [:]
        let stream = (plots.first?.place ?? 0) / Self.blockSize
        var story = Story(
            cast: cast, until: until, total: total, allSolved: allSolved,
            generator: SeededGenerator(seed: seed, stream: stream))
        for plot in plots {
            let twin = plot.customer * cast.products.count + plot.product
            try story.tell(plot, earlier: lastOf[plot.customer], twin: twins[twin])
            rows.add(story.changes, product: plot.product)
            guard let ticket = story.changes.last?.ticket.id else { continue }
            lastOf[plot.customer] = ticket
            twins[twin] = ticket
        }
        return rows
    }

    // MARK: What follows from the tickets

    /// The words of the tickets, as the triggers would have kept them, by the migrations' own functions.
    func fillSearch() async throws {
        let database = try Database(url)
        let blocks = Int(try database.rows("SELECT relpages FROM pg_class WHERE oid = 'tickets'::regclass")[0][0]) ?? 0
        let workers = total < 10_000 ? 1 : 2
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                let from = blocks * worker / workers
                let to = worker == workers - 1 ? "4294967295" : "\(blocks * (worker + 1) / workers)"
                group.addTask { try Database(url).run(Self.search(from: "\(from)", to: to)) }
            }
            try await group.waitForAll()
        }
    }

    /// Both vectors grow comment by comment: what is said internally begins `everything`, which from then on has it all.
    private static func search(from: String, to: String) -> String {
        """
        CREATE AGGREGATE pg_temp.together(tsvector) (SFUNC = tsvector_concat, STYPE = tsvector);
        INSERT INTO ticket_search (ticket, organization, shared, everything, characters)
        SELECT t.id, t.organization, w.words || coalesce(c.shared, ''),
               CASE WHEN c.is_internal THEN w.words || c.everything END, ticket_characters(t) + coalesce(c.characters, 0)
          FROM tickets t
         CROSS JOIN LATERAL (SELECT ticket_words(t) AS words OFFSET 0) w
         CROSS JOIN LATERAL (
               SELECT pg_temp.together(said ORDER BY seq) FILTER (WHERE NOT internal) AS shared,
                      pg_temp.together(said ORDER BY seq) AS everything, bool_or(internal) AS is_internal,
                      sum(char_length(body))::integer AS characters
                 FROM (SELECT seq, internal, body, search_words('и ' || body) AS said
                         FROM comments WHERE comments.ticket = t.id OFFSET 0) s) c
         WHERE t.ctid >= '(\(from),0)' AND t.ctid < '(\(to),0)'
        """
    }

    /// Indexes table by table on two connections, then the references.
    func finish(_ schema: Schema) async throws {
        let database = try Database(url)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for tables in [["ticket_search", "comments", "links"], ["tickets", "events", "feed"]] {
                group.addTask {
                    let database = try Database(url)
                    for table in tables where table != "comments" { try schema.createIndexes(of: table, database) }
                }
            }
            try await group.waitForAll()
        }
        try schema.createForeignKeys(database)
        _ = try database.rows("SELECT recount_tickets()")
    }
}

/// Deals out tickets: whose, of which product, under which number.
private struct Plotting {
    private let filling: Filling
    private var generator: SeededGenerator
    private var place = 0
    /// The last number of each product.
    private(set) var numbers: [Int64]

    init(_ filling: Filling) {
        self.filling = filling
        generator = SeededGenerator(seed: filling.seed, stream: -2)
        numbers = filling.cast.products.map { _ in 0 }
    }

    /// Up to `count` more; none at the end.
    mutating func next(_ count: Int) -> [Plot] {
        var plots: [Plot] = []
        while plots.count < count && place < filling.total {
            let customer = filling.cast.customer(&generator)
            let who = filling.cast.customers[customer]
            let product = who.products[who.productSkew.draw(&generator)]
            numbers[product] += 1
            plots.append(
                Plot(
                    place: place, customer: customer, product: product, number: numbers[product],
                    registeredAt: filling.registeredAt(place)))
            place += 1
        }
        return plots
    }
}

/// Events in the order of time, as the sequencer met them.
private struct Feed {
    let prefixes: [String]
    private var waiting: [FeedEntry] = []
    private var last: Int64 = 0

    init(prefixes: [String]) { self.prefixes = prefixes }

    /// Adds `entries`; gives the rows of all that happened before `time`, after which no earlier one may come.
    mutating func take(_ entries: [FeedEntry], before time: Int64) -> CopyRows {
        waiting += entries
        var rows = CopyRows()
        // Looking through those that wait is worth it for many at once.
        guard waiting.count > 400_000 || time == .max else { return rows }
        let middle = waiting.partition { $0.at < time }
        let ready = waiting[middle...].sorted { left, right in
            (left.at, left.product, left.number, left.seq) < (right.at, right.product, right.number, right.seq)
        }
        waiting.removeSubrange(middle...)
        for entry in ready {
            last += 1
            rows.begin(columns: 3)
            rows.bigint(last)
            rows.text("\(prefixes[Int(entry.product)])-\(entry.number)")
            rows.integer(Int(entry.seq))
        }
        return rows
    }
}
