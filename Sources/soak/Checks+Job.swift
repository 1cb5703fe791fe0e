/// What must be true of tickets that all awaited their confirmation when the trial began.
extension Checks {
    /// Keeps how far each ticket is, and which are due at a time in the trial. Gives that time in milliseconds since 1970: a
    /// quarter of the tickets is due later.
    static func keepFilled(_ database: Database) throws(Failure) -> Int {
        try database.rows(
            """
            CREATE SCHEMA soak;
            CREATE TABLE soak.filled AS
            SELECT id, organization, event_seq, auto_close_at, auto_close_at <= d.time AS is_due,
                   row_number() OVER (ORDER BY auto_close_at, id) AS place
              FROM tickets, (SELECT percentile_disc(0.75) WITHIN GROUP (ORDER BY auto_close_at) AS time FROM tickets) d;
            ALTER TABLE soak.filled ADD PRIMARY KEY (id);
            ANALYZE soak.filled
            """)
        return try database.count(
            "SELECT extract(epoch FROM max(auto_close_at))::bigint * 1000 FROM soak.filled WHERE is_due")
    }

    func jobFaults(journal: String) throws(Failure) -> [String] {
        let refused = try JournalEntry.read(journal).filter { $0.write.kind == .step && $0.settlement?.isDone == false }
        let waiting = Set(
            try database.rows("SELECT id FROM tickets WHERE state = 'solved_awaiting_confirmation'").map { $0[0] })
        var faults = refused.filter { waiting.contains($0.write.tickets[0]) }.map {
            "\($0.write.key): \($0.write.action) of \($0.write.tickets[0]) was refused, and nobody had been faster"
        }
        faults += try database.rows(
            """
            WITH ending AS (
                SELECT e.ticket, count(*) FILTER (WHERE e.action = 'auto_close') AS closed,
                       count(*) FILTER (WHERE e.action = 'confirm') AS confirmed,
                       count(*) FILTER (WHERE e.action = 'dispute') AS disputed
                  FROM events e
                  JOIN soak.filled f ON f.id = e.ticket AND f.event_seq < e.seq
                 GROUP BY e.ticket
            ), found AS (
                SELECT f.id, f.is_due, t.state, coalesce(closed, 0) AS closed, coalesce(confirmed, 0) AS confirmed,
                       coalesce(disputed, 0) AS disputed
                  FROM soak.filled f
                  JOIN tickets t ON t.id = f.id
                  LEFT JOIN ending e ON e.ticket = f.id
            )
            SELECT id || ' was due and has had ' || closed + confirmed + disputed || ' endings' FROM found
             WHERE is_due AND closed + confirmed + disputed <> 1
            UNION ALL
            SELECT id || ' was closed by the job and not due' FROM found WHERE NOT is_due AND closed > 0
            UNION ALL
            SELECT id || ' was not due and has had ' || confirmed + disputed || ' endings' FROM found
             WHERE NOT is_due AND confirmed + disputed > 1
            UNION ALL
            SELECT id || ' is ' || state || ' against its history' FROM found
             WHERE state <> CASE WHEN closed + confirmed > 0 THEN 'closed' WHEN disputed > 0 THEN 'assigned'
                                 ELSE 'solved_awaiting_confirmation' END
            UNION ALL
            SELECT e.ticket || ' was closed by the job before it was due' FROM events e
              JOIN soak.filled f ON f.id = e.ticket AND f.event_seq < e.seq
             WHERE e.action = 'auto_close' AND e.at < f.auto_close_at
            UNION ALL
            SELECT t.id || ' has not as many events as it counts' FROM tickets t
              LEFT JOIN (SELECT ticket, count(*) AS events, count(*) FILTER (WHERE NOT internal) AS shown
                           FROM events GROUP BY ticket) e ON e.ticket = t.id
             WHERE (t.event_seq, t.version) IS DISTINCT FROM (e.events, e.shown)
            UNION ALL
            SELECT 'the run ' || id || ' tells of more than were due' FROM job_runs WHERE closed > due
            """
        ).map { $0[0] }
        return faults
    }
}
