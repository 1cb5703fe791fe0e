import Testing

@testable import soak

/// A small trial of the job, and then what a superuser might do to what it left.
@Suite(.serialized) struct JobSabotageTests {
    private static let closed = "(ticket, seq) IN (SELECT ticket, seq FROM events WHERE action = 'auto_close' LIMIT 1)"
    private static let columns = """
        e.organization, internal, at, actor, actor_role, action, clause, from_state, to_state, comment_id, digests, hash, changes,
        salts, text_digest
        """

    /// What is done, and a word of what is found.
    private static let deeds = [
        (
            "INSERT INTO events SELECT ticket, 1000, \(columns) FROM events e WHERE \(closed)",
            "was due and has had 2 endings"
        ),
        ("DELETE FROM events WHERE \(closed)", "was due and has had 0 endings"),
        (
            """
            INSERT INTO events SELECT f.id, 1000, \(columns)
              FROM events e, (SELECT id FROM soak.filled WHERE NOT is_due LIMIT 1) f WHERE \(closed)
            """, "was closed by the job and not due"
        ),
        ("UPDATE soak.filled SET auto_close_at = 'infinity' WHERE is_due", "before it was due"),
        (
            """
            ALTER TABLE tickets DROP CONSTRAINT tickets_closed;
            UPDATE tickets SET state = 'solved_awaiting_confirmation'
             WHERE id = (SELECT ticket FROM events WHERE \(closed))
            """, "is due and not closed"
        ),
        (
            """
            DELETE FROM events WHERE (ticket, seq) IN
                (SELECT ticket, seq FROM events e JOIN soak.filled f ON id = ticket AND seq > event_seq
                  WHERE action IN ('confirm', 'dispute') LIMIT 1)
            """, "was acknowledged and is not there"
        ),
        (
            """
            INSERT INTO events SELECT ticket, 1000, \(columns)
              FROM events e JOIN soak.filled f ON id = ticket AND seq > event_seq
             WHERE action IN ('confirm', 'dispute') LIMIT 1
            """, "done twice"
        ),
        (
            """
            ALTER TABLE tickets DROP CONSTRAINT tickets_closed;
            UPDATE tickets SET state = 'closed' WHERE id IN
                (SELECT ticket FROM events JOIN soak.filled ON id = ticket AND seq > event_seq WHERE action = 'dispute')
            """, "against its history"
        ),
        (
            "UPDATE tickets SET version = version + 1 WHERE id = (SELECT id FROM tickets LIMIT 1)",
            "has not as many events"
        ),
        ("UPDATE job_runs SET closed = closed + 1 WHERE closed > 0", "the runs of the job tell of"),
        ("UPDATE job_runs SET due = 0 WHERE closed > 0", "tells of more than were due"),
        ("UPDATE job_runs SET finished_at = NULL", "is not finished"),
    ]

    @Test(.timeLimit(.minutes(5)))
    func `a killed job closes each due ticket once, and the checks can fail`() async throws {
        let faults = try await Sabotage.play { site, products in
            let trial = try JobTrial(site, tickets: 400, seed: 1, fill: "\(products)/bench-fill")
            try trial.run()
            let checks = try Checks(site.url, isFilled: true)
            return try trial.findings
                + Sabotage.unseen(Self.deeds, checks.database) { try trial.faults(checks) }
        }
        #expect(faults == [], "\(faults)")
    }
}
