public import EventLoop
import Postgres
public import Regulations
public import Tickets

/// How much was erased, or would be.
public struct Erased: Sendable, Equatable {
    public var tickets = 0
    /// Subjects, descriptions, details, tags.
    public var texts = 0
    public var comments = 0
    public var solutions = 0
    /// Values of changes that repeated them.
    public var changes = 0
    public var attachments = 0
    /// Answers kept under idempotency keys.
    public var answers = 0

    static func += (sum: inout Erased, more: Erased) {
        sum.tickets += more.tickets
        sum.texts += more.texts
        sum.comments += more.comments
        sum.solutions += more.solutions
        sum.changes += more.changes
        sum.attachments += more.attachments
        sum.answers += more.answers
    }
}

/// Erases texts and people, as the owner of the tables: the service's own roles may not. Each ticket is a transaction,
/// and what is erased is not there to be erased again: whatever stopped it, a second run does the rest.
public struct Eraser: Sendable {
    private let url: String
    private let loop: EventLoop

    /// `url` is that of the owner of the database, or of somebody who may become it.
    public init(url: String, loop: EventLoop) {
        self.url = url
        self.loop = loop
    }

    public enum Failure: Error, CustomStringConvertible {
        case unknown(String)
        case isAtWork(UserID)

        public var description: String {
            switch self {
            case .unknown(let words): "There is nobody with the address or identifier `\(words)`."
            case .isAtWork(let person):
                """
                Something that \(person.text) has begun on several tickets is not finished, and still needs its texts. Try again \
                in some minutes; `reglament verify` names what hangs.
                """
            }
        }
    }

    /// Ends a person's access, then erases what they wrote ticket by ticket, then their name and address; so whatever
    /// stops it, the address finds them again.
    ///
    /// `files`: their attachments, too. `progress` hears what was done so far after each ticket.
    public func erase(
        _ words: String, files: Bool, dryRun: Bool, progress: @Sendable (Erased) throws -> Void = { _ in }
    ) async throws -> (person: UserID, erased: Erased) {
        try await withConnection { connection in
            guard let person = try await connection.run(Statements.person, [.text(words)]).first else {
                throw Failure.unknown(words)
            }
            if !dryRun { _ = try await connection.run(Statements.endAccess, [.id(person)]) }
            guard try await connection.run(Statements.isAtWork, [.id(person)]).first == false else {
                throw Failure.isAtWork(person)
            }
            let work = Work(connection: connection, person: person, files: files, dryRun: dryRun)
            let erased = try await work.run(progress) { after in
                try await connection.run(Statements.ticketsOfPerson, [.id(person), .text(after)])
            }
            if !dryRun { _ = try await connection.run(Statements.eraseAccount, [.id(person)]) }
            return (person, erased)
        }
    }

    /// Erases everybody's texts on the tickets that were closed before an instant.
    public func eraseClosed(
        before instant: Instant, files: Bool, dryRun: Bool, progress: @Sendable (Erased) throws -> Void = { _ in }
    ) async throws -> Erased {
        try await withConnection { connection in
            let work = Work(connection: connection, person: nil, files: files, dryRun: dryRun)
            return try await work.run(progress) { after in
                try await connection.run(
                    Statements.ticketsClosedBefore, [.instant(instant), .text(after), .bool(files)])
            }
        }
    }

    private func withConnection<T: Sendable>(_ body: (Connection) async throws -> T) async throws -> T {
        try await Lane.withConnection(of: "reglament erase", to: url, role: Roles.owner, on: loop, body)
    }
}

/// One erasure on its way from ticket to ticket.
private struct Work {
    let connection: Connection
    /// Nil: everybody's texts.
    let person: UserID?
    let files: Bool
    let dryRun: Bool

    /// `next` gives some tickets after one, in the order of their identifiers.
    func run(
        _ progress: (Erased) throws -> Void, next: (String) async throws -> [String]
    ) async throws -> Erased {
        var erased = Erased()
        // Of which a dry run leaves no note.
        var touched: [String] = []
        var tickets = try await next("")
        while let last = tickets.last {
            for ticket in tickets {
                let parameters: [Parameter] = [.text(ticket), .id(person), .bool(files)]
                if let more = try await run(Statements.eraseTexts, parameters) {
                    erased += more
                    if dryRun { touched.append(ticket) }
                }
                try progress(erased)
            }
            tickets = try await next(last)
        }
        erased.answers = try await run(Statements.eraseAnswers, [.id(person), .texts(touched)]) ?? 0
        return erased
    }

    /// A dry run does the same and takes it back: so it tells just what would be done.
    private func run<Row>(_ statement: Statement<Row>, _ parameters: [Parameter]) async throws -> Row? {
        guard dryRun else { return try await connection.run(statement, parameters).first }
        try await connection.begin()
        let row = try await connection.run(statement, parameters).first
        try await connection.rollback()
        return row
    }
}

extension Statements {
    /// What the owner of the tables sends, and the service never does.
    static let ofOwner: [(name: String, sql: String)] = [
        (endAccess.name, endAccess.sql), (isAtWork.name, isAtWork.sql), (ticketsOfPerson.name, ticketsOfPerson.sql),
        (ticketsClosedBefore.name, ticketsClosedBefore.sql), (eraseTexts.name, eraseTexts.sql),
        (eraseAnswers.name, eraseAnswers.sql), (eraseAccount.name, eraseAccount.sql),
    ]

    /// $1 an identifier or an address
    static let person = Statement<UserID>(
        "person", "SELECT id FROM users WHERE id = $1 OR lower(email) = lower($1)"
    ) { (row) throws(RowError) in try row.id() }

    /// $1 person. Every instance forgets who they were.
    static let endAccess = Statement<Void>(
        "end_access",
        """
        WITH account AS (
            UPDATE users SET active = false WHERE id = $1 AND active
        ), revoked AS (
            UPDATE tokens SET revoked_at = clock_timestamp() WHERE user_id = $1 AND revoked_at IS NULL
        )
        SELECT pg_notify('\(PostgresStore.peopleChannel)', '')
        """)

    /// $1 person
    static let isAtWork = Statement<Bool>(
        "is_at_work", "SELECT EXISTS (SELECT FROM follow_ups WHERE actor = $1 AND finished_at IS NULL)"
    ) { (row) throws(RowError) in try row.bool() }

    /// $1 person, $2 after. Whatever they wrote, an event tells of; what an import has set, the ticket itself.
    static let ticketsOfPerson = Statement<String>(
        "tickets_of_person",
        """
        SELECT t.id
          FROM tickets t
         WHERE t.id > $2
           AND ($1 IN (t.reporter, t.solution_by)
                OR EXISTS (SELECT FROM events e WHERE e.ticket = t.id AND e.actor = $1))
         ORDER BY t.id
         LIMIT 200
        """
    ) { (row) throws(RowError) in try row.text() }

    /// $1 instant, $2 after, $3 whether attachments count
    static let ticketsClosedBefore = Statement<String>(
        "tickets_closed_before",
        """
        SELECT t.id
          FROM tickets t
         WHERE t.id > $2 AND t.state = 'closed' AND t.closed_at < $1
           AND (t.subject <> '[erased]' OR t.description <> '[erased]' OR t.solution_comment <> '[erased]'
                OR t.details <> '{}' OR t.tags <> '{}'
                OR EXISTS (SELECT FROM comments c WHERE c.ticket = t.id AND c.body <> '[erased]')
                OR $3 AND EXISTS (SELECT FROM attachments a WHERE a.ticket = t.id AND a.size > 0))
         ORDER BY t.id
         LIMIT 200
        """
    ) { (row) throws(RowError) in try row.text() }

    /// $1 ticket, $2 person or null for everybody, $3 whether attachments go, too. No row: there was nothing.
    static let eraseTexts = Statement<Erased>(
        "erase_texts",
        """
        INSERT INTO erasures (reason, person, ticket, texts, comments, solutions, changes, attachments)
        SELECT CASE WHEN $2::text IS NULL THEN 'retention' ELSE 'person' END, $2, $1::text,
               e.texts, e.comments, e.solutions, e.changes, e.attachments
          FROM erase_texts($1, $2, $3) e
         WHERE e.texts + e.comments + e.solutions + e.changes + e.attachments > 0
        RETURNING texts, comments, solutions, changes, attachments
        """
    ) { (row) throws(RowError) in
        Erased(
            tickets: 1, texts: try row.int(), comments: try row.int(), solutions: try row.int(),
            changes: try row.int(), attachments: try row.int())
    }

    /// $1 person, or null after a retention; $2 tickets that are not noted as erased and count as that. Answers kept under
    /// keys that name them, or a ticket whose texts they were, say nothing any more; a retry still does nothing twice.
    static let eraseAnswers = Statement<Int>(
        "erase_answers",
        """
        WITH gone AS MATERIALIZED (
            SELECT ticket FROM erasures WHERE person IS NOT DISTINCT FROM $1::text AND ticket IS NOT NULL
             UNION SELECT unnest($2::text[])
        ), emptied AS (
            UPDATE idempotency_keys k SET body = '{}'
             WHERE k.body <> '{}'
               AND (k.caller = $1 OR position(convert_to($1, 'UTF8') IN k.body) > 0
                    OR EXISTS (SELECT FROM regexp_matches(encode(k.body, 'escape'), '[A-Z]{2,12}-[0-9]+', 'g') AS m (id)
                                 JOIN gone g ON g.ticket = m.id[1]))
            RETURNING 1
        )
        SELECT count(*) FROM emptied
        """
    ) { (row) throws(RowError) in try row.int() }

    /// $1 person. The second time nothing is left to do, and nothing is noted.
    static let eraseAccount = Statement<Void>(
        "erase_account",
        """
        WITH account AS (
            UPDATE users SET name = 'erased person', email = 'erased-' || id || '@invalid'
             WHERE id = $1 AND email <> 'erased-' || id || '@invalid'
            RETURNING id
        ), named AS (
            UPDATE tokens SET name = 'erased' WHERE user_id = $1
        ), left_behind AS (
            DELETE FROM uploads WHERE owner = $1 RETURNING id
        ), pieces AS (
            DELETE FROM attachment_chunks c USING left_behind l
             WHERE c.attachment = l.id AND NOT EXISTS (SELECT FROM attachments a WHERE a.id = l.id)
        ), noted AS (
            INSERT INTO erasures (reason, person) SELECT 'person', id FROM account
        )
        SELECT pg_notify('\(PostgresStore.peopleChannel)', '')
        """)
}
