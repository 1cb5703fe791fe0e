import Foundation
import TestKit
import Testing
import Tickets

/// The history as somebody else checks it: a script in another language that shares the recipe's page with us and nothing more.
@Suite(.serialized) struct VerifyChainsTests {
    private static func verify(_ words: [String]) async throws -> BuiltProgram.Result {
        let script = Repository.root.appending(path: "Scripts/verify-chains").path
        return try await BuiltProgram.run([script] + words, [:], executable: "/usr/bin/python3")
    }

    /// A ticket with a comment and three events, and one with a single event.
    private static func with(_ body: @escaping @Sendable (World) async throws -> Void) async throws {
        try await World.with { world in
            let ticket = try await world.solved("smartivr")
            _ = try await world.take(.comment("Спасибо, \"it\" works\\ again \u{1F600}\n"), on: ticket.id, by: .carol)
            _ = try await world.register("omnivox")
            try await body(world)
        }
    }

    @Test func `what the program has written holds`() async throws {
        try await Self.with { world in
            let result = try await Self.verify([world.database.ownerURL])
            #expect(result.output == "2 tickets, 5 events, 0 breaks\n", "\(result.errors)")
            #expect(result.status == 0)
        }
    }

    @Test func `the demonstration and an import hold`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let binary = Runner(
                settings: ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DATA": folder.path])
            #expect(try await binary.run("demo").status == 0)
            let words = [
                "import", "servicenow-log", "Config/samples/incident_event_log.csv.gz", "--product", "omnivox",
            ]
            #expect(try await BuiltProgram.run(words, binary.settings).status == 0)
            let ours = try await binary.run("verify").output
            let counts = try #require(ours.wholeMatch(of: /(\d+ tickets, \d+ events), \d+ attachments, 0 breaks\n/))
            let result = try await Self.verify([database.ownerURL])
            #expect(result.output == "\(counts.output.1), 0 breaks\n", "\(result.errors)")
        }
    }

    /// What a superuser might do, and a word of what is found.
    @Test(arguments: [
        ("UPDATE events SET clause = '9.9' WHERE seq = 2", "event 2 does not have the hash"),
        ("UPDATE events SET at = at + interval '1 microsecond' WHERE seq = 1", "event 1 does not have the hash"),
        ("UPDATE events SET digests = '{x}' WHERE seq = 3", "event 3 does not have the hash"),
        ("DELETE FROM events WHERE ticket LIKE 'SMART%' AND seq = 2", "event 3 stands where 2 is due"),
        ("DELETE FROM events WHERE ticket LIKE 'SMART%' AND seq = 4", "the last of 3 events is not the one"),
        ("DELETE FROM events WHERE ticket LIKE 'OMNI%'", "OMNIVOX-1: the last of 0 events is not the one"),
        ("DELETE FROM tickets WHERE id LIKE 'OMNI%'", "OMNIVOX-1: has events and is not there"),
        (
            """
            UPDATE events SET seq = 99 WHERE ticket LIKE 'SMART%' AND seq = 2; UPDATE events SET seq = 2 WHERE seq = 3;
            UPDATE events SET seq = 3 WHERE seq = 99
            """, "event 2 does not have the hash"
        ),
        (
            """
            INSERT INTO events SELECT ticket, 5, organization, internal, at, actor, actor_role, 'comment', NULL, NULL, NULL, NULL,
            '{}', hash FROM events WHERE seq = 4
            """, "event 5 does not have the hash"
        ),
        ("UPDATE comments SET body = 'Something else'", "the value of comment is not the one"),
        ("UPDATE comments SET salt = 'no salt'", "the value of comment is not the one"),
        ("UPDATE tickets SET description = 'Something else'", "the value of description is not the one"),
        (#"UPDATE events SET changes = E'assignees\t[]\t["x"]' WHERE seq = 2"#, "event 2 does not have the hash"),
        ("UPDATE events SET changes = 'assignees' WHERE seq = 2", "event 2 does not have the hash"),
        ("UPDATE events SET text_digest = NULL WHERE seq = 3", "event 3 does not have the hash"),
        (
            "UPDATE events SET digests = ARRAY['assignees ' || repeat('0', 64)] WHERE seq = 2",
            "event 2: the value of assignees is not the one"
        ),
        ("DELETE FROM comments", "the comment of event 3 is gone"),
    ])
    func `whatever a superuser changes is found`(sql: String, words: String) async throws {
        try await Self.with { world in
            try await world.asSuperuser("SET session_replication_role = replica; \(sql)")
            let result = try await Self.verify([world.database.ownerURL])
            #expect(result.status == 1)
            #expect(result.output.contains(words), "\(result.output)\(result.errors)")
        }
    }

    @Test func `an erased value breaks nothing`() async throws {
        try await Self.with { world in
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
            #expect(try await Self.verify([world.database.ownerURL]).status == 0)
        }
    }

    @Test func `a database that cannot be read is no break`() async throws {
        let result = try await Self.verify(["host=/nowhere/at/all"])
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
    }
}
