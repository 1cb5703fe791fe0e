public import EventLoop
import Postgres
import Tickets

/// Everything that is kept of a person, as one JSON document: a row at a time, in a fixed order, all as of one moment.
public struct PersonExport: Sendable {
    private let url: String
    private let loop: EventLoop

    /// `url` is the service's.
    public init(url: String, loop: EventLoop) {
        self.url = url
        self.loop = loop
    }

    /// `words` are an identifier or an address; `write` gets the document line by line.
    public func write(_ words: String, _ write: @Sendable (String) -> Void) async throws {
        try await Lane.withConnection(of: "reglament export", to: url, role: Roles.staff, on: loop) {
            try await document(words, $0, write)
        }
    }

    private func document(_ words: String, _ connection: Connection, _ write: (String) -> Void) async throws {
        guard let person = try await connection.run(Statements.person, [.text(words)]).first else {
            throw Eraser.Failure.unknown(words)
        }
        try await connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _ = try await connection.run(Statements.aboutPerson, [.id(person)])
        write("{")
        for (index, section) in Self.sections.enumerated() {
            write("\"\(section.name)\": [")
            // A cursor, so that neither side holds more than fifty rows.
            try await connection.script("DECLARE section NO SCROLL CURSOR FOR \(section.sql)", name: section.name)
            var line: String?
            while true {
                let rows = try await connection.run(Statements.nextOfSection)
                if rows.isEmpty { break }
                for row in rows {
                    if let line { write("\(line),") }
                    line = row
                }
            }
            if let line { write(line) }
            try await connection.script("CLOSE section", name: section.name)
            write(index == Self.sections.count - 1 ? "]" : "],")
        }
        write("}")
        try await connection.rollback()
    }

    private static func section(_ name: String, _ rows: String) -> (name: String, sql: String) {
        (name, "SELECT to_json(r)::text FROM (\(rows)) r")
    }

    private static let me = "current_setting('reglament.person')"

    /// Each member of the document with the query of its elements; a test looks for every column that refers to a user.
    static let sections: [(name: String, sql: String)] = [
        section(
            "account",
            "SELECT id, email, name, role, organization, active, created_at FROM users WHERE id = \(me)"),
        section(
            "tokens",
            "SELECT id, name, created_at, expires_at, revoked_at FROM tokens WHERE user_id = \(me) ORDER BY id"),
        section(
            "contracts",
            """
            SELECT id, organization, product, valid_from, valid_to FROM contracts
             WHERE \(me) = ANY (responsible_contacts) ORDER BY id
            """),
        section(
            "tickets",
            """
            SELECT id, organization, reporter, registered_by, registered_at, channel, kind, subject, description, details, tags, state,
                   closed_at
              FROM tickets WHERE \(me) IN (reporter, registered_by) ORDER BY id
            """),
        section("assigned", "SELECT id, state FROM tickets WHERE \(me) = ANY (assignees) ORDER BY id"),
        section(
            "solutions",
            """
            SELECT id, solution_comment, solution_type, solution_release, solution_at FROM tickets
             WHERE solution_by = \(me) ORDER BY id
            """),
        section(
            "comments",
            "SELECT ticket, id, at, internal, body FROM comments WHERE author = \(me) ORDER BY ticket, seq"),
        section("events", events("e.actor = \(me)")),
        section(
            "changes_by_others",
            events(
                """
                e.actor IS DISTINCT FROM \(me) AND e.changes ~ E'(^|\\n)(subject|details|tags)\\t'
                   AND EXISTS (SELECT FROM tickets t WHERE t.id = e.ticket AND \(me) IN (t.reporter, t.registered_by))
                """)),
        section(
            "attachments",
            """
            SELECT a.ticket, a.id, e.at, a.filename, a.media_type, a.size
              FROM attachments a JOIN events e ON e.ticket = a.ticket AND e.seq = a.seq
             WHERE e.actor = \(me) ORDER BY a.ticket, a.seq
            """),
        section("uploads", "SELECT id, lease_until FROM uploads WHERE owner = \(me) ORDER BY id"),
        section(
            "releases",
            """
            SELECT product, version, notes, created_by, created_at, published_by, published_at FROM releases
             WHERE \(me) IN (created_by, published_by) ORDER BY product, version
            """),
        section(
            "follow_ups",
            "SELECT id, kind, ticket, comment, at FROM follow_ups WHERE actor = \(me) ORDER BY id"),
        section("job_runs", "SELECT id, started_at FROM job_runs WHERE started_by = \(me) ORDER BY id"),
        section("idempotency_keys", "SELECT count(*) FROM idempotency_keys WHERE caller = \(me)"),
        section(
            "erasures",
            """
            SELECT at, ticket, texts, comments, solutions, changes, attachments FROM erasures
             WHERE person = \(me) ORDER BY at, ticket
            """),
    ]

    private static func events(_ condition: String) -> String {
        """
        SELECT e.ticket, e.seq, e.at, e.action, e.clause, e.from_state, e.to_state, e.comment_id,
               (SELECT json_object_agg(
                           c.parts[1], json_build_object('from', c.parts[2]::json, 'to', c.parts[3]::json) ORDER BY c.parts[1])
                  FROM (SELECT string_to_array(l.line, E'\\t') AS parts
                          FROM string_to_table(e.changes, E'\\n') AS l (line)) c) AS changes
          FROM events e
         WHERE \(condition)
         ORDER BY e.ticket, e.seq
        """
    }
}

extension Statements {
    /// $1 whom the sections are about. For the transaction, with its times in UTC.
    static let aboutPerson = Statement<Void>(
        "about_person", "SELECT set_config('reglament.person', $1, true), set_config('TimeZone', 'UTC', true)")

    static let nextOfSection = Statement<String>("next_of_section", "FETCH 50 FROM section") { (row) throws(RowError) in
        try row.text()
    }
}
