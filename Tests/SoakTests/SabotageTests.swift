import Testing

@testable import soak

/// A round without any fault, and then what a superuser might do to what it left.
@Suite(.serialized) struct SabotageTests {
    /// What is done, and a word of what is found.
    private static let deeds = [
        (
            "DELETE FROM events WHERE (ticket, seq) IN (SELECT ticket, seq FROM events WHERE action = 'comment' LIMIT 1)",
            "is not there"
        ),
        (
            "DELETE FROM events WHERE (ticket, seq) IN (SELECT ticket, seq FROM events WHERE action = 'assign' LIMIT 1)",
            "assign"
        ),
        (
            """
            INSERT INTO events SELECT ticket, 1000, organization, internal, at, actor, actor_role, action, clause, from_state,
            to_state, comment_id, digests, hash FROM events WHERE action = 'comment' LIMIT 1
            """, "asked for by nobody, or done twice"
        ),
        (
            """
            UPDATE events SET changes = regexp_replace(changes, E'\\\\t[^\\\\t\\\\n]*\\\\t[^\\\\n]*', E'\\tnull\\tnull', 'g')
             WHERE (ticket, seq) IN (SELECT ticket, seq FROM events WHERE action = 'edit' LIMIT 1)
            """, "is not what was sent"
        ),
        ("DELETE FROM users WHERE email LIKE '%@made.example.com'", "user of users was acknowledged and is not there"),
        (
            """
            INSERT INTO releases SELECT product, '99.99', notes, created_at, created_by FROM releases
             WHERE notes IS NOT NULL LIMIT 1
            """, "asked for by nobody, or done twice"
        ),
        ("UPDATE comments SET body = body || '!' WHERE id = (SELECT id FROM comments LIMIT 1)", "asked for by nobody"),
        ("UPDATE tickets SET subject = 'x' WHERE id = (SELECT id FROM tickets LIMIT 1)", "is not what was sent"),
        (
            "UPDATE attachments SET sha256 = sha256(sha256) WHERE id = (SELECT id FROM attachments LIMIT 1)",
            "is not there"
        ),
        ("DELETE FROM attachments WHERE id = (SELECT id FROM attachments LIMIT 1)", "belong to no attachment"),
        (
            "DELETE FROM attachment_chunks WHERE attachment = (SELECT attachment FROM attachment_chunks LIMIT 1)",
            "has no bytes"
        ),
        ("UPDATE tickets SET auto_close_at = '2020-01-01' WHERE state = 'solved_awaiting_confirmation'", "is due"),
        ("UPDATE job_runs SET closed = closed + 1", "the runs of the job tell of"),
        ("UPDATE job_runs SET finished_at = NULL", "is not finished"),
        ("INSERT INTO feed_pending (ticket, seq) SELECT ticket, seq FROM events LIMIT 1", "waits for its place"),
    ]

    @Test(.timeLimit(.minutes(5))) func `whatever is lost, doubled or changed is found`() async throws {
        let faults = try await Sabotage.play { site, _ in
            let stage = try Stage(site, 1, generator: SeededGenerator(seed: 1))
            defer { stage.close() }
            var round = Round(1, faults: [], instances: 1, seconds: 5, seed: 1, on: stage)
            try round.run()
            let checks = try Checks(site.url)
            let unseen = try Sabotage.unseen(Self.deeds, checks.database) {
                try checks.faults(journal: stage.journal.path, now: site.now.now)
            }
            return try round.findings + unseen + Self.unseenDoubles(site, stage)
        }
        #expect(faults == [], "\(faults)")
    }

    /// A service that forgets its keys does everything twice.
    private static func unseenDoubles(_ site: Site, _ stage: Stage) throws -> [String] {
        try Database(site.url).rows("TRUNCATE idempotency_keys")
        var round = Round(1, faults: [], instances: 1, seconds: 2, seed: 1, on: stage)
        try site.start(round.serving[0])
        _ = try site.heal(round.serving)
        round.askAgain()
        let faults = try Checks(site.url).faults(journal: stage.journal.path, now: 0)
        let isSeen = round.findings.contains { $0.contains("as if it were new") }
        return (isSeen ? [] : ["a second time was not seen"])
            + (faults.contains { $0.contains("done twice") } ? [] : ["what was done twice was not seen: \(faults)"])
    }
}
