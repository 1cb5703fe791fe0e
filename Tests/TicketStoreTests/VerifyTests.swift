import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct VerifyTests {
    @Test func `what is written meanwhile is no break`() async throws {
        try await World.with { world in
            var tickets: [TicketID] = []
            for _ in 0..<8 { tickets.append(try await world.register().id) }
            try await withThrowingTaskGroup { group in
                for ticket in tickets {
                    group.addTask {
                        while !Task.isCancelled { try await world.take(.comment("Meanwhile"), on: ticket, by: .ada) }
                    }
                }
                for _ in 0..<30 {
                    let breaks = try await world.store.verify { _ in }.breaks
                    #expect(breaks == [])
                }
                group.cancelAll()
            }
        }
    }

    /// What a superuser might do, and a word of what is found.
    @Test(arguments: [
        ("UPDATE events SET clause = '9.9' WHERE seq = 2", "hash"),
        ("UPDATE events SET at = at + interval '1 second' WHERE seq = 1", "hash"),
        ("UPDATE events SET actor = 'u_grace00000000000000000' WHERE seq = 2", "hash"),
        ("UPDATE events SET text_digest = NULL WHERE seq = 3", "hash"),
        (
            "UPDATE events SET digests = ARRAY['assignees ' || repeat('0', 64)] WHERE seq = 2",
            "not the one that was written"
        ),
        (
            "UPDATE events SET salts = sha256('x') || salts, changes = E'x\\t1\\t2\\ny\\t1\\t2\\n' || changes WHERE seq = 2",
            "hash"
        ),
        ("UPDATE events SET salts = overlay(salts PLACING '\\x00' FROM 1) WHERE seq = 2", "hash"),
        ("UPDATE events SET changes = NULL, salts = NULL WHERE seq = 2", "hash"),
        ("UPDATE events SET at = at + interval '1 microsecond' WHERE seq = 1", "not as it was written"),
        ("UPDATE events SET internal = true WHERE seq = 2", "not as it was written"),
        ("UPDATE events SET actor_role = 'customer' WHERE seq = 3", "not as its event says"),
        ("UPDATE comments SET author = 'u_grace00000000000000000'", "not as its event says"),
        ("UPDATE comments SET at = at + interval '1 day'", "not as its event says"),
        ("UPDATE comments SET internal = true", "not as its event says"),
        ("DELETE FROM events WHERE seq = 3", "events instead of"),
        (
            """
            UPDATE events SET seq = 99 WHERE seq = 2; UPDATE events SET seq = 2 WHERE seq = 3;
            UPDATE events SET seq = 3 WHERE seq = 99
            """, "hash"
        ),
        (
            """
            INSERT INTO events SELECT ticket, 4, organization, internal, at, actor, actor_role, 'comment', NULL, NULL, NULL, NULL,
            '{}', hash FROM events WHERE seq = 3
            """, "hash"
        ),
        ("UPDATE tickets SET state = 'assigned', solved_at = NULL, auto_close_at = NULL", "another state"),
        ("UPDATE comments SET body = 'Something else'", "not the one that was written"),
        ("UPDATE tickets SET description = 'Something else'", "not the one that was written"),
        (#"UPDATE events SET changes = E'assignees\t[]\t["x"]' WHERE seq = 2"#, "hash"),
        ("UPDATE events SET changes = 'assignees' WHERE seq = 2", "hash"),
        ("DELETE FROM comments", "comments for"),
        ("UPDATE tickets SET version = 17", "version"),
        ("UPDATE tickets SET number = 77", "called by another number"),
        ("DELETE FROM ticket_search", "searched for"),
    ])
    func `whatever a superuser changes is found`(sql: String, word: String) async throws {
        try await World.with { world in
            _ = try await world.solved("smartivr")
            #expect(try await world.store.verify { _ in }.breaks == [])
            try await world.asSuperuser("SET session_replication_role = replica; \(sql)")
            let breaks = try await world.store.verify { _ in }.breaks
            #expect(breaks.contains { $0.contains(word) }, "\(breaks)")
        }
    }

    @Test func `an erased value breaks nothing`() async throws {
        try await World.with { world in
            _ = try await world.solved("smartivr")
            try await world.asSuperuser(
                """
                UPDATE comments SET body = '[erased]', salt = NULL;
                UPDATE tickets SET description = '[erased]', description_salt = NULL;
                UPDATE events e
                   SET changes = NULL, salts = NULL, digests = ARRAY(
                           SELECT change_digest(c.line, substr(e.salts, 16 * c.place::integer - 15, 16))
                             FROM string_to_table(e.changes, E'\\n') WITH ORDINALITY AS c (line, place))
                 WHERE seq = 1
                """)
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }
}
