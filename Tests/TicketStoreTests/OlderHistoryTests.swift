import Digests
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Histories as they were kept before changes lay in the events' own rows.
@Suite struct OlderHistoryTests {
    /// Every kind of value, quotes and line feeds in texts, a record with a member that is called as a change's, and what was erased.
    private static func histories(_ world: World) async throws -> [TicketID] {
        let first = try await world.register(
            "call-to-visit", subject: "It's \"\\t\",\"to\":\n…", details: ["technical_details": "}\",\"to\":\"x"],
            tags: ["a", "b"])
        try await world.take(.assign([User.ada.id], priority: .high), on: first.id, by: .ada)
        try await world.take(.edit(TicketEdit(subject: "Звонок\t\u{1}", tags: [])), on: first.id, by: .ada)
        try await world.take(.commentInternal("Among us"), on: first.id, by: .grace)
        let second = try await world.solved("smartivr")
        try await world.take(.confirm(nil), on: second.id, by: .carol)
        let third = try await world.register("omnivox", by: World.colin, subject: "Colin's", tags: ["his"])
        try await world.take(.comment("Colin's"), on: third.id, by: World.colin)
        try await world.take(.assign([User.ada.id], priority: nil), on: third.id, by: .ada)
        let erased = try await Eraser(url: world.database.ownerURL, loop: world.loop)
            .erase(World.colin.id.text, files: true, dryRun: false)
        #expect(erased.1.changes == 3)
        return [first.id, second.id, third.id]
    }

    private static func records(_ tickets: [TicketID], _ world: World) async throws -> [EventRecord] {
        var records: [EventRecord] = []
        for ticket in tickets {
            records += try await world.store.events(ticket, PageRequest(limit: 50), .staff)?.items ?? []
        }
        return records
    }

    /// One statement an event, as an older version writes it.
    private static func older(_ records: [EventRecord], of organization: String = "acme") -> String {
        func text(_ value: String?) -> String { value.map { "'\($0.replacing("'", with: "''"))'" } ?? "NULL" }
        func array(_ values: [String]) -> String { "ARRAY[\(values.map(text).joined(separator: ", "))]::text[]" }
        return records.map { record in
            let event = record.event
            let key = "\(text(event.ticket.description)), \(event.seq), '\(organization)'"
            let row = [
                event.isInternal ? "true" : "false", text(event.at.rfc3339), text(event.actor.id?.text),
                text(event.actor.role.rawValue), text(event.action.rawValue), text(event.clause),
                text(event.from?.rawValue), text(event.to?.rawValue), text(event.comment?.text),
                array(event.digests.map { "\($0.name) \($0.digest.hex)" }), "decode('\(event.hash.hex)', 'hex')",
            ].joined(separator: ", ")
            let values = [
                array(event.changes.map(\.field)),
                array(event.changes.map { "{\"from\":\($0.from),\"to\":\($0.to)}" }),
                array(event.changes.map(\.salt.hex)),
            ].joined(separator: ", ")
            return """
                WITH event AS (
                    INSERT INTO events (ticket, seq, organization, internal, at, actor, actor_role, action, clause, from_state,
                                        to_state, comment_id, digests, hash)
                    VALUES (\(key), \(row))
                )
                INSERT INTO event_values (ticket, seq, organization, fields, changes, salts)
                SELECT \(key), \(values)\(event.changes.isEmpty ? " WHERE false" : "");
                """
        }.joined(separator: "\n")
    }

    @Test func `a migrated history says what it said, and holds`() async throws {
        try await World.with { world in
            let tickets = try await Self.histories(world)
            let before = try await Self.records(tickets, world)
            try await world.asSuperuser(
                """
                DELETE FROM events;
                ALTER TABLE events DROP COLUMN changes, DROP COLUMN salts, DROP COLUMN text_digest;
                DROP TRIGGER event_values_taken ON event_values;
                DROP FUNCTION change_digest, changes_of, take_event_values;
                ALTER TABLE feed ADD CONSTRAINT feed_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events;
                DELETE FROM migrations WHERE number = 19;
                \(Self.older(before))
                UPDATE event_values SET salts[1] = 'none' WHERE ticket = '\(tickets[1])' AND seq = 2
                """)
            let migrator = Migrator(
                url: world.database.ownerURL, migrations: try Repository.migrations(), loop: world.loop)
            #expect(try await migrator.up { _ in } == 1)
            let after = try await Self.records(tickets, world)
            for (one, other) in zip(before, after) where one.event.ticket != tickets[1] || one.event.seq != 2 {
                #expect(one == other)
            }
            #expect(before.map(\.event.digests) == after.map(\.event.digests))
            // What had been tampered with before is found after.
            let breaks = try await world.store.verify { _ in }.breaks.filter { !$0.contains("in the feed") }
            #expect(breaks == ["\(tickets[1]): event 2: the value of assignees is not the one that was written"])
        }
    }

    @Test func `an older version's steps are kept as ours`() async throws {
        try await World.with { world in
            let tickets = try await Self.histories(world)
            let before = try await Self.records(tickets, world)
            try await world.asSuperuser(
                """
                DELETE FROM events;
                SET ROLE reglament_staff;
                \(Self.older(before))
                """)
            #expect(try await Self.records(tickets, world) == before)
            #expect(try await world.store.verify { _ in }.breaks == [])
            #expect(try await world.database.count("SELECT count(*)::integer FROM event_values") == 0)
        }
    }
}
