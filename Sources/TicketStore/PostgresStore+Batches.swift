import Postgres
import Regulations
public import Tickets

// The tickets of a batch are known beforehand, and each ends in one row of `follow_up_items`: written with its effect, or
// by itself when there is none. Its primary key lets nobody do or refuse what another has done or refused.
extension PostgresStore {
    public func accept(_ batch: Batch, _ access: Access) async throws(StoreError) {
        let parameters: [Parameter] = [
            .id(batch.id), .id(batch.actor.id), .instant(batch.at), .text(batch.action.rawValue),
            .bytes(batch.body), .text(batch.language.rawValue), .text(batch.instance), .texts(batch.tickets),
        ]
        try await writeKeyed(Statements.acceptBatch, parameters, answer: nil, access)
    }

    public func unfinishedBatch(_ id: FollowUpID) async throws(StoreError) -> Batch? {
        try await read(.staff, Statements.unfinishedBatch, [.id(id)]).first
    }

    public func results(of batch: FollowUpID) async throws(StoreError) -> [BatchResult] {
        try await read(.staff, Statements.batchResults, [.id(batch)], slow: true)
    }

    public func keep(_ result: BatchResult, of batch: FollowUpID) async throws(StoreError) {
        let parameters: [Parameter] = [
            .id(batch), .text(result.ticket), .integer(result.status), .optional(result.problem),
        ]
        do { _ = try await connections.staff.writes.run(Statements.keepBatchResult, parameters) } catch {
            throw StoreError(error)
        }
    }

    public func finish(_ batch: FollowUpID) async throws(StoreError) {
        // Parts of its tickets, when the process that solved them was killed.
        for id in try await read(.staff, Statements.followUpsOfBatch, [.id(batch)]) {
            try await finishFollowUp(id)
        }
        do {
            _ = try await connections.staff.writes.run(
                Statements.finishBatch, [.id(batch), .instant(now())])
        } catch { throw StoreError(error) }
    }

    public func abandonedBatches(olderThan seconds: Int) async throws(StoreError) -> [FollowUpID] {
        try await read(.staff, Statements.abandonedBatches, [.integer(seconds)])
    }
}

extension Statements {
    /// $1 the list, $2 who, $3 now, $4 action, $5 body, $6 language, $7 instance, $8 tickets
    static let acceptBatch: Statement<Int> = {
        var numbers = Numbers()
        for _ in 0..<8 { _ = numbers.next("") }
        let key = KeySQL(&numbers)
        return Statement<Int>(
            "accept_batch",
            """
            WITH changed AS (
                INSERT INTO follow_ups (id, kind, actor, at)
                SELECT $1::text, 'batch', $2::text, $3::timestamptz WHERE \(key.isFree)
                RETURNING id
            ), batch AS (
                INSERT INTO batches (follow_up, action, body, language, instance, tickets)
                SELECT id, $4, $5::bytea, $6, $7, $8::text[] FROM changed
            ), \(key.insertion(followUp: "$1::text"))
            SELECT count(*)::integer FROM changed
            """
        ) { (row) throws(RowError) in try row.int() }
    }()

    static let unfinishedBatch = Statement<Batch>(
        "unfinished_batch",
        """
        SELECT f.id, u.id, u.email, u.name, u.role, u.organization, u.active, b.action, b.body, b.language, b.instance,
               f.at, b.tickets
          FROM batches b
          JOIN follow_ups f ON f.id = b.follow_up
          JOIN users u ON u.id = f.actor
         WHERE f.id = $1 AND f.finished_at IS NULL
        """
    ) { (row) throws(RowError) in
        Batch(
            id: try row.id(), actor: try row.user(),
            action: try row.parsed { BatchAction(rawValue: $0) }, body: try row.bytes(),
            language: try row.parsed { Language(rawValue: $0) }, instance: try row.text(), at: try row.instant(),
            tickets: try row.texts())
    }

    static let batchResults = Statement<BatchResult>(
        "batch_results",
        """
        SELECT t.ticket, coalesce(i.status, 200), i.problem
          FROM batches b
         CROSS JOIN LATERAL unnest(b.tickets) WITH ORDINALITY AS t (ticket, position)
          JOIN follow_up_items i ON i.follow_up = b.follow_up AND i.ticket = t.ticket
         WHERE b.follow_up = $1
         ORDER BY t.position
        """
    ) { (row) throws(RowError) in
        BatchResult(ticket: try row.text(), status: try row.int(), problem: try row.optionalBytes())
    }

    static let batchLanguage = Statement<Language>(
        "batch_language", "SELECT language FROM batches WHERE follow_up = $1"
    ) { (row) throws(RowError) in try row.parsed { Language(rawValue: $0) } }

    static let keepBatchResult = Statement<Void>(
        "keep_batch_result",
        """
        INSERT INTO follow_up_items (follow_up, ticket, status, problem) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """)

    static let followUpsOfBatch = Statement<FollowUpID>(
        "follow_ups_of_batch",
        """
        SELECT f.id
          FROM follow_up_items i
          JOIN follow_ups f ON f.ticket = i.ticket
         WHERE i.follow_up = $1 AND f.finished_at IS NULL
         ORDER BY f.started_at
        """
    ) { (row) throws(RowError) in try row.id() }

    static let finishBatch = Statement<Void>(
        "finish_batch",
        """
        WITH finished AS (
            UPDATE follow_ups SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL RETURNING id
        )
        UPDATE batches SET body = NULL WHERE follow_up = (SELECT id FROM finished)
        """)

    /// By the database's clock, which every instance shares.
    static let abandonedBatches = Statement<FollowUpID>(
        "abandoned_batches",
        """
        SELECT id FROM follow_ups
         WHERE kind = 'batch' AND finished_at IS NULL
           AND started_at < clock_timestamp() - make_interval(secs => $1::integer)
         ORDER BY started_at
        """
    ) { (row) throws(RowError) in try row.id() }
}
