public import Digests
import Postgres
import Regulations
public import Tickets

extension PostgresStore {
    static let feedChannel = "reglament_feed"

    public func feed(after: Int, limit: Int) async throws(StoreError) -> [FeedRecord] {
        try await readFeed(Statements.feed, [.integer(after), .integer(limit)])
    }

    public func feedEnd() async throws(StoreError) -> Int {
        try await readFeed(Statements.feedEnd, []).first ?? 0
    }

    public func feedLag() async throws(StoreError) -> FeedLag {
        try await readFeed(Statements.feedLag, []).first ?? FeedLag(pending: 0, oldest: nil)
    }

    public func callers(tokens: [Digest]) async throws(StoreError) -> [Digest: Caller] {
        let rows = try await readFeed(Statements.callersByTokens, [.texts(tokens.map(\.hex))])
        let byHex = Dictionary(rows.map { ($0.token, $0.caller) }, uniquingKeysWith: { first, _ in first })
        return Dictionary(
            tokens.compactMap { token in byHex[token.hex].map { (token, $0) } }, uniquingKeysWith: { first, _ in first }
        )
    }

    public var hearsOfPeople: Bool { connections.listener.isConnected }

    public func startPulses(_ hear: @escaping @Sendable (Pulse) async -> Void) { pulses.start(hear) }

    private func readFeed<Row: Sendable>(
        _ statement: Statement<Row>, _ parameters: [Parameter]
    ) async throws(StoreError) -> [Row] {
        do { return try await connections.feed.run(statement, parameters) } catch { throw StoreError(error) }
    }
}

struct TokenCaller: Sendable {
    /// The hash in hexadecimal.
    let token: String
    let caller: Caller
}

extension Statements {
    /// $1 after, $2 limit, at most a thousand. The places come first, so that a page costs the same wherever it begins; and
    /// PostgreSQL, which plans once for all limits, takes one that it is not told for a tenth of all there is.
    static let feed = Statement<FeedRecord>(
        "feed",
        """
        SELECT \(eventValues), f.feed_seq, e.organization
          FROM (SELECT * FROM (SELECT feed_seq, ticket, seq FROM feed WHERE feed_seq > $1 ORDER BY feed_seq LIMIT 1000) f
                 LIMIT $2) f
          JOIN events e ON e.ticket = f.ticket AND e.seq = f.seq
          \(eventJoins)
         ORDER BY f.feed_seq
        """
    ) { (row) throws(RowError) in
        let record = try row.eventRecord()
        return FeedRecord(feedSeq: try row.int(), record: record, organization: try row.text())
    }

    static let feedEnd = Statement<Int>("feed_end", "SELECT coalesce(max(feed_seq), 0) FROM feed") {
        (row) throws(RowError) in try row.int()
    }

    static let feedLag = Statement<FeedLag>(
        "feed_lag",
        """
        SELECT (SELECT count(*) FROM (SELECT FROM feed_pending LIMIT 10000) p)::integer,
               (SELECT e.at FROM (SELECT ticket, seq FROM feed_pending ORDER BY id LIMIT 1) p
                  JOIN events e ON e.ticket = p.ticket AND e.seq = p.seq)
        """
    ) { (row) throws(RowError) in FeedLag(pending: try row.int(), oldest: try row.optionalInstant()) }

    /// $1 hashes in hexadecimal
    static let callersByTokens = Statement<TokenCaller>(
        "callers_by_tokens",
        """
        SELECT h.hash, c.token_id, c.expires_at, c.user_id, c.email, c.name, c.role, c.organization
          FROM unnest($1::text[]) AS h (hash), LATERAL caller_by_token(decode(h.hash, 'hex')) AS c
        """
    ) { (row) throws(RowError) in TokenCaller(token: try row.text(), caller: try row.caller()) }
}
