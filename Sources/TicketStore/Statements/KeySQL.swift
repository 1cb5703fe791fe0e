import Digests
import Postgres
import Regulations
import Tickets

/// The part of a writing statement that keeps its answer under the caller's key.
///
/// A statement that writes runs after `Context.write` in the same transaction; that one has tried to take the key's
/// lock, so no two requests with one key ever get past `isFree` together: of two in one transaction, which both have the
/// lock, the second sees what the first has written.
struct KeySQL {
    private let day, caller, key, request, at, status, type, language, location, etag, body, run: String

    init(_ numbers: inout Numbers) {
        day = numbers.next("date")
        caller = numbers.next("text")
        key = numbers.next("text")
        request = numbers.next("bytea")
        at = numbers.next("timestamptz")
        status = numbers.next("integer")
        type = numbers.next("text")
        language = numbers.next("text")
        location = numbers.next("text")
        etag = numbers.next("text")
        body = numbers.next("bytea")
        run = numbers.next("text")
    }

    /// True without a key, or when this transaction alone may use it and nobody has.
    var isFree: String {
        """
        (\(key) IS NULL OR current_setting('reglament.key_free', true) = 'true' AND NOT EXISTS (
                   SELECT FROM idempotency_keys k
                    WHERE k.caller = \(caller) AND k.key = \(key) AND k.day >= \(day) - 1
                      AND k.at > \(at) - interval '24 hours'))
        """
    }

    /// Reads from a query called `changed`, so that no key is kept without its effect.
    func insertion(followUp: String? = nil) -> String {
        """
        kept AS (
            INSERT INTO idempotency_keys (day, caller, key, request, at, status, content_type, content_language, location, etag,
                                          body, run, follow_up)
            SELECT \(day), \(caller), \(key), \(request), \(at), \(status), \(type), \(language), \(location), \(etag),
                   \(body), \(run), \(followUp ?? "NULL")
              FROM changed WHERE \(key) IS NOT NULL
        )
        """
    }

    /// In the order of the numbers. `answer` is nil when the answer is what becomes of the run or the follow-up.
    static func parameters(
        _ key: IdempotencyKey?, answer: KeptAnswer?, at now: Instant, run: JobRunID? = nil
    ) -> [Parameter] {
        guard let key else { return Array(repeating: .null, count: 12) }
        return [
            .date(day(of: now)), .id(key.caller), .text(key.key), .bytes(key.request.bytes), .instant(now),
            .optional(answer?.status), .optional(answer?.contentType), .optional(answer?.contentLanguage),
            .optional(answer?.location), .optional(answer?.etag), .optional(answer?.body), .id(run),
        ]
    }

    /// The day whose partition an answer lies in, in UTC.
    static func day(of now: Instant) -> String { String(now.rfc3339.prefix(10)) }
}

/// What a transaction is told before its statement: for whom it works, and under which key.
enum Context {
    /// $1 organization, $2 user. For reads of customers.
    static let read = Statement<Void>(
        "context_read", "SELECT set_config('reglament.organization', $1, true), set_config('reglament.user', $2, true)")

    private static let planOnce = """
        set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
               set_config('jit', 'off', true)
        """

    /// As `read`, for a statement whose plan does not depend on its values, on a lane that plans for them otherwise: the
    /// settings of `Connections.byKey`.
    static let readPlannedOnce = Statement<Void>(
        "context_read_planned_once",
        """
        SELECT set_config('reglament.organization', $1, true), set_config('reglament.user', $2, true),
               \(planOnce)
        """)
    /// The same for employees, whose reads need not be told for whom.
    static let plannedOnce = Statement<Void>("context_planned_once", "SELECT \(planOnce)")

    /// $1 organization, $2 user, $3 the key's lock, $4 a lock to wait for, $5 for how long any other lock may be waited for, nil
    /// when as long as the statement may take. Gives whether the key's lock was free.
    static let write = Statement<Bool>(
        "context_write",
        """
        SELECT set_config('reglament.organization', $1, true), set_config('reglament.user', $2, true),
               CASE WHEN $4::text IS NOT NULL THEN pg_advisory_xact_lock(hashtextextended($4, 0)) END,
               CASE WHEN $5::text IS NOT NULL THEN set_config('lock_timeout', $5, true) END,
               set_config('reglament.key_free', coalesce(pg_try_advisory_xact_lock(hashtextextended($3, 0)), false)::text, true)
               = 'true'
        """
    ) { (row) throws(RowError) in
        for _ in 1...4 { try row.skip() }
        return try row.bool()
    }

    /// The same as `read`, and what is kept under a key: $3 caller, $4 key, $5 yesterday, $6 24 hours ago.
    static let readWithKey = keyLookUp("context_key", runs: false)
    /// For employees, who may also start runs and follow-ups.
    static let readWithKeyStaff = keyLookUp("context_key_staff", runs: true)

    private static func keyLookUp(_ name: String, runs: Bool) -> Statement<KeptKey?> {
        let unfinished =
            runs
            ? """
            CASE WHEN k.follow_up IS NOT NULL
                        THEN (SELECT finished_at IS NULL FROM follow_ups WHERE id = k.follow_up)
                        WHEN k.run IS NOT NULL THEN (SELECT finished_at IS NULL FROM job_runs WHERE id = k.run)
                        ELSE false END
            """ : "false"
        // The look-up leans on `context`, so that row-level security already knows the caller when it is made.
        return Statement(
            name,
            """
            WITH context AS MATERIALIZED (
                SELECT set_config('reglament.organization', $1, true) AS organization, set_config('reglament.user', $2, true) AS caller
            )
            SELECT k.request, k.status, k.content_type, k.content_language, k.location, k.etag, k.body, k.follow_up, k.run,
                   k.unfinished
              FROM context
              LEFT JOIN LATERAL (
                  SELECT k.*, \(unfinished) AS unfinished
                    FROM idempotency_keys k
                   WHERE context.organization IS NOT NULL AND context.caller IS NOT NULL
                     AND k.caller = $3 AND k.key = $4 AND k.day >= $5::date AND k.at > $6::timestamptz
                   ORDER BY k.day DESC
                   LIMIT 1) k ON true
            """
        ) { (row) throws(RowError) in
            try row.nullable(10) { (row) throws(RowError) in try KeptKey(&row) }
        }
    }
}

/// What lies under a key.
struct KeptKey: Sendable {
    let request: [UInt8]
    /// Nil: the answer is what became of the run or the follow-up.
    let answer: KeptAnswer?
    let followUp: FollowUpID?
    let run: JobRunID?
    /// The work behind the answer is not done yet.
    let isUnfinished: Bool

    init(_ row: inout ResultRow) throws(RowError) {
        request = try row.bytes()
        let status = try row.optionalInt()
        let contentType = try row.optionalText()
        let language = try row.optionalText()
        let location = try row.optionalText()
        let etag = try row.optionalText()
        let body = try row.optionalBytes()
        answer = status.map {
            KeptAnswer(
                status: $0, contentType: contentType ?? "", contentLanguage: language, location: location, etag: etag,
                body: body ?? [])
        }
        followUp = try row.optionalID()
        run = try row.optionalID()
        isUnfinished = try row.bool()
    }
}
