import Postgres
public import Regulations
public import Tickets

/// A policy file as it is stored with the tickets that it bound.
public struct StoredPolicy: Sendable, Equatable {
    public let product: String
    public let version: Int
    public let sha256: String
    public let document: [UInt8]
    /// Since it was installed, by the database's clock; not to be relied on when it is negative or large.
    public let age: Duration

    public init(product: String, version: Int, sha256: String, document: [UInt8], age: Duration) {
        self.product = product
        self.version = version
        self.sha256 = sha256
        self.document = document
        self.age = age
    }
}

extension PostgresStore {
    /// Every version that was ever installed; `known` are the SHA-256 of documents that need not be sent, and are empty then.
    public func storedPolicies(exceptDocuments known: [String] = []) async throws(StoreError) -> [StoredPolicy] {
        try await read(.staff, Statements.policyVersions, [.texts(known)])
    }

    /// How many versions there are: one more than before is one that is not known here.
    public func policyVersionCount() async throws(StoreError) -> Int {
        try await read(.staff, Statements.policyVersionCount, []).first ?? 0
    }

    /// By the database's clock. False: this version was installed with other bytes before, or its prefix belongs to another product.
    public func install(
        _ policy: Policy, document: [UInt8], sha256: String
    ) async throws(StoreError) -> Bool {
        do {
            return try await connections.staff.writes.run(
                Statements.installPolicy,
                [
                    .text(policy.code), .integer(policy.version), .text(policy.prefix), .text(sha256), .bytes(document),
                    .text(policy.timeZone), .text(policy.confirmers.rawValue),
                ]
            ).first ?? false
        } catch {
            if error.constraint == "products_prefix_key" { return false }
            throw StoreError(error)
        }
    }

    // MARK: The schedule of the job

    /// When the nightly job was last done for a product, as the clock of whoever did it had it; nil: never.
    func lastNight(product: String) async throws(StoreError) -> Instant? {
        try await read(.staff, Statements.lastNight, [.text(product)]).first
    }

    /// Notes that the night of `at` is done, in place of what was noted before.
    func noteNight(product: String, at: Instant) async throws(StoreError) {
        do {
            _ = try await connections.staff.writes.run(Statements.noteNight, [.text(product), .instant(at)])
        } catch { throw StoreError(error) }
    }

    /// How many open tickets each state of a product has, for what a changed policy would touch.
    public func openTickets(product: String) async throws(StoreError) -> [(state: State, version: Int, count: Int)] {
        try await read(.staff, Statements.openTicketsByVersion, [.text(product)], slow: true)
            .map { ($0.state, $0.version, $0.count) }
    }
}

struct OpenTickets: Sendable {
    let state: State
    let version: Int
    let count: Int
}

extension Statements {
    static let policyVersions = Statement<StoredPolicy>(
        "policy_versions",
        """
        SELECT product, version, sha256, CASE WHEN sha256 = ANY ($1) THEN '' ELSE document END,
               (extract(epoch FROM clock_timestamp() - installed_at) * 1000)::bigint
          FROM policy_versions
         ORDER BY product, version
        """
    ) { (row) throws(RowError) in
        StoredPolicy(
            product: try row.text(), version: try row.int(), sha256: try row.text(), document: try row.bytes(),
            age: .milliseconds(try row.int()))
    }

    /// Versions are never removed, nor changed.
    static let policyVersionCount = Statement<Int>(
        "policy_version_count", "SELECT count(*)::integer FROM policy_versions"
    ) { (row) throws(RowError) in try row.int() }

    static let installPolicy = Statement<Bool>(
        "install_policy", "SELECT install_policy($1, $2, $3, $4, $5, $6, $7, clock_timestamp())"
    ) { (row) throws(RowError) in try row.bool() }

    static let lastNight = Statement<Instant>("last_night", "SELECT done_at FROM job_schedule WHERE product = $1") {
        (row) throws(RowError) in try row.instant()
    }

    static let noteNight = Statement<Void>(
        "note_night",
        """
        INSERT INTO job_schedule (product, done_at) VALUES ($1, $2)
        ON CONFLICT (product) DO UPDATE SET done_at = excluded.done_at
        """)

    static let openTicketsByVersion = Statement<OpenTickets>(
        "open_tickets_by_version",
        """
        SELECT state, policy_version, count(*)::integer
          FROM tickets
         WHERE product = $1 AND state <> 'closed'
         GROUP BY state, policy_version
         ORDER BY policy_version, state
        """
    ) { (row) throws(RowError) in
        OpenTickets(state: try row.parsed { State(rawValue: $0) }, version: try row.int(), count: try row.int())
    }
}
