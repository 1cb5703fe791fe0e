/// What the database says, looked at past the service.
struct Checks {
    let database: Database
    /// Tickets were there before any client came; the table `soak.filled` tells how far each was.
    private let isFilled: Bool

    init(_ url: String, isFilled: Bool = false) throws(Failure) {
        database = try Database(url)
        self.isFilled = isFilled
    }

    /// The journal against the history, and what no journal tells.
    func faults(journal: String, now: Int) throws(Failure) -> [String] {
        let entries = try JournalEntry.read(journal)
        var faults = entries.filter { $0.settlement == nil }.map { "\($0.write.key) was never answered" }
        let found = try events()
        faults += try Ledger.faults(expected: ExpectedEvent.all(entries), found: found + made())
        faults += try strays(now: now)
        let closed = try database.count("SELECT coalesce(sum(closed), 0) FROM job_runs WHERE NOT dry_run")
        let autoClosed = found.count { $0.action == "auto_close" }
        if closed != autoClosed {
            faults.append("the runs of the job tell of \(closed) closed tickets, there are \(autoClosed)")
        }
        return faults
    }

    func events() throws(Failure) -> [FoundEvent] {
        let earlier = "(SELECT event_seq FROM soak.filled f WHERE f.id = e.ticket)"
        let rows = try database.rows(
            """
            SELECT e.ticket, e.seq, CASE WHEN e.internal THEN '' ELSE e.version::text END, e.action, e.actor,
                   CASE e.action WHEN 'register' THEN t.subject
                                 WHEN 'edit' THEN substring(E'\\n' || e.changes FROM E'\\ntags\\t[^\\t]*\\t([^\\n]*)')::jsonb ->> 0
                                 WHEN 'attach' THEN concat_ws(' ', a.filename, a.size, encode(a.sha256, 'hex'))
                                 ELSE c.body END,
                   floor(extract(epoch FROM e.at) * 1000)::bigint,
                   floor(extract(epoch FROM t.auto_close_at) * 1000)::bigint
              FROM (SELECT *, count(*) FILTER (WHERE NOT internal) OVER (PARTITION BY ticket ORDER BY seq) AS version
                      FROM events) e
              JOIN tickets t ON t.id = e.ticket
              LEFT JOIN comments c ON c.ticket = e.ticket AND c.seq = e.seq
              LEFT JOIN attachments a ON a.ticket = e.ticket AND a.seq = e.seq
             WHERE \(isFilled ? "e.seq > \(earlier)" : "true")
             ORDER BY e.ticket, e.seq
            """)
        return rows.map { row in
            FoundEvent(
                ticket: row[0], seq: Int(row[1]) ?? 0, version: Int(row[2]), action: row[3], actor: row[4],
                text: row[5],
                at: Int(row[6]) ?? 0, closesAt: Int(row[7]))
        }
    }

    /// What is no ticket's, told as if it were an event. Nobody notes who made a user: it can only be the one administrator.
    private func made() throws(Failure) -> [FoundEvent] {
        try database.rows(
            """
            SELECT 'users', 'user', (SELECT id FROM users WHERE role = 'admin'), name FROM users
             WHERE email = name || '@\(Write.host)'
            UNION ALL
            SELECT 'releases', 'release', created_by, notes FROM releases WHERE notes IS NOT NULL
            """
        ).map { row in
            FoundEvent(
                ticket: row[0], seq: 0, version: nil, action: row[1], actor: row[2], text: row[3], at: 0, closesAt: nil)
        }
    }

    private func strays(now: Int) throws(Failure) -> [String] {
        try database.rows(
            """
            SELECT id || ' is due and not closed' FROM tickets
             WHERE state = 'solved_awaiting_confirmation' AND auto_close_at <= to_timestamp(\(now) / 1000.0)
            UNION ALL
            SELECT 'the run ' || id || ' is not finished' FROM job_runs WHERE finished_at IS NULL
            UNION ALL
            SELECT 'the list ' || id || ' is not done' FROM follow_ups WHERE finished_at IS NULL
            UNION ALL
            SELECT DISTINCT 'pieces of ' || attachment || ' belong to no attachment' FROM attachment_chunks c
             WHERE NOT EXISTS (SELECT FROM attachments a WHERE a.id = c.attachment)
            UNION ALL
            SELECT id || ' has no bytes' FROM attachments a
             WHERE size <> (SELECT coalesce(sum(length(bytes)), 0) FROM attachment_chunks WHERE attachment = a.id)
            UNION ALL
            SELECT 'event ' || seq || ' of ' || ticket || ' waits for its place in the feed' FROM feed_pending
            """
        ).map { $0[0] }
    }

    /// What others are to go on with.
    func leftOver() throws(Failure) -> Int {
        try database.count(
            """
            SELECT (SELECT count(*) FROM uploads) + (SELECT count(*) FROM feed_pending)
                   + (SELECT count(*) FROM job_runs WHERE finished_at IS NULL)
            """)
    }

    /// The feed, as listeners should have heard it.
    func feed() throws(Failure) -> [String] {
        try database.rows("SELECT ticket || '#' || seq FROM feed ORDER BY feed_seq").map { $0[0] }
    }
}
