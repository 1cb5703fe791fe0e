import Digests
import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// What is erased, what stays, and what happens when it is stopped.
@Suite struct EraserTests {
    struct Stopped: Error {}

    private static func erased(
        _ tickets: Int, texts: Int, comments: Int, solutions: Int, changes: Int
    ) -> Erased {
        var erased = Erased()
        erased.tickets = tickets
        erased.texts = texts
        erased.comments = comments
        erased.solutions = solutions
        erased.changes = changes
        return erased
    }

    private static func eraser(_ world: World) -> Eraser { Eraser(url: world.database.ownerURL, loop: world.loop) }

    /// One row of one column.
    private static func text(_ sql: String, _ world: World) async throws -> String? {
        try await RightsTests.column(sql, world.database).first
    }

    /// Three tickets of Carol's, each with a comment of hers and one of Ada's, the first one closed.
    private static func tickets(_ world: World) async throws -> [TicketID] {
        var tickets: [TicketID] = []
        for number in 1...3 {
            let ticket = try await world.register("omnivox", subject: "Carol's \(number)", tags: ["hers"])
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
            try await world.take(.comment("Carol says \(number)"), on: ticket.id, by: .carol)
            try await world.take(.commentInternal("Ada thinks \(number)"), on: ticket.id, by: .ada)
            tickets.append(ticket.id)
        }
        try await world.take(
            .solve(Solving(comment: "Ada's solution", type: .individualWork, release: nil)), on: tickets[0], by: .ada)
        try await world.take(.confirm(nil), on: tickets[0], by: .carol)
        return tickets
    }

    @Test func `a person's texts go, another person's stay, and the history is whole`() async throws {
        try await World.with { world in
            let tickets = try await Self.tickets(world)
            let history = """
                SELECT md5(string_agg((to_jsonb(e) - '{changes,salts,digests}'::text[])::text, ',' ORDER BY ticket, seq)) FROM events e
                """
            let events = try await Self.text(history, world)
            let (id, erased) = try await Self.eraser(world).erase("CAROL@example.com", files: true, dryRun: false)
            #expect(id == User.carol.id)
            // Subject, description, details and tags of each; her comments; what the first events repeat of them.
            #expect(erased == Self.erased(3, texts: 12, comments: 3, solutions: 0, changes: 9))
            #expect(try await world.store.verify { _ in }.breaks == [])
            #expect(try await Self.text(history, world) == events)
            let ticket = try #require(try await world.store.ticket(tickets[0], at: world.clock.now, .staff)).ticket
            #expect(ticket.subject == "[erased]" && ticket.description == "[erased]")
            #expect(ticket.details == [:] && ticket.tags == [])
            #expect(ticket.solution?.comment == "Ada's solution")
            let said = try await RightsTests.column("SELECT body FROM comments ORDER BY ticket, seq", world.database)
            #expect(
                said == [
                    "[erased]", "Ada thinks 1", "Ada's solution", "[erased]", "Ada thinks 2", "[erased]",
                    "Ada thinks 3",
                ])
            #expect(try await world.search("Carol", .staff) == [])
            #expect(try await world.search("Ada thinks", .staff) == tickets)
            let user = try #require(try await world.store.user(User.carol.id, .staff))
            #expect(user.name == "erased person" && user.email == "erased-\(id)@invalid" && !user.active)
        }
    }

    @Test func `an employee's words on others' tickets go, with the changes that repeat them`() async throws {
        try await World.with { world in
            let ticket = try await world.register(subject: "Carol's")
            func edit(_ subject: String, by user: User) async throws {
                try await world.take(.edit(TicketEdit(subject: subject)), on: ticket.id, by: user)
            }
            try await edit("Grace's", by: .grace)
            try await edit("Ada's", by: .ada)
            try await edit("Grace's again", by: .grace)
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .grace)
            try await world.take(
                .solve(Solving(comment: "Ada's solution", type: .individualWork, release: nil)), on: ticket.id, by: .ada
            )
            let (_, erased) = try await Self.eraser(world).erase(User.ada.id.text, files: false, dryRun: false)
            // Of four subjects what Ada wrote, and the change from it to the next one; the solution and its comment.
            #expect(erased == Self.erased(1, texts: 0, comments: 1, solutions: 1, changes: 2))
            let left = try await RightsTests.column(
                """
                SELECT c.line FROM events e, string_to_table(e.changes, E'\\n') AS c (line)
                 WHERE c.line LIKE 'subject%' ORDER BY e.seq
                """, world.database)
            #expect(left == ["subject\tnull\t\"Carol's\"", "subject\t\"Carol's\"\t\"Grace's\""])
            #expect(try await Self.text("SELECT subject FROM tickets", world) == "Grace's again")
            // Whoever erases Grace now must find her first subject, although the change that followed it is gone.
            _ = try await Self.eraser(world).erase(User.grace.id.text, files: false, dryRun: false)
            #expect(try await Self.text("SELECT subject FROM tickets", world) == "[erased]")
            #expect(
                try await world.database.count(
                    "SELECT count(*)::integer FROM events WHERE changes LIKE '%Grace%'") == 0)
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `what an employee registered for a customer is the customer's`() async throws {
        try await World.with { world in
            let ticket = try await world.register("omnivox", by: .ada, subject: "Carol's", tags: ["hers"])
            try await world.take(.edit(TicketEdit(subject: "Ada's")), on: ticket.id, by: .ada)
            let eraser = Self.eraser(world)
            func left() async throws -> [String] {
                let now = try #require(try await world.store.ticket(ticket.id, at: world.clock.now, .staff)).ticket
                return [now.subject, now.description, now.tags.joined()]
            }
            // What she made of it later is hers; what it was before stood in the change that says so.
            let hers = try await eraser.erase(User.ada.id.text, files: false, dryRun: false).erased
            #expect(hers == Self.erased(1, texts: 1, comments: 0, solutions: 0, changes: 1))
            #expect(try await left() == ["[erased]", ticket.description, "hers"])
            let carols = try await eraser.erase(User.carol.id.text, files: false, dryRun: false).erased
            #expect(carols == Self.erased(1, texts: 3, comments: 0, solutions: 0, changes: 3))
            #expect(try await left() == ["[erased]", "[erased]", ""])
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `a planned solution goes where the release has said it to a part`() async throws {
        try await World.with { world in
            let whole = try await world.register("omnivox", blocking: true)
            try await world.asSuperuser(
                """
                INSERT INTO releases (product, version, created_at, created_by)
                VALUES ('omnivox', '4.2.2', now(), '\(User.grace.id)')
                """)
            let release = try #require(try await world.store.release("omnivox", "4.2.2", .staff))
            try await world.take(.assign([User.ada.id], priority: nil), on: whole.id, by: .ada)
            try await world.take(
                .planSolution(Solving(comment: "Ada's plan", type: .massUpdate, release: "4.2.2")), on: whole.id,
                by: .ada)
            let part = try await world.register("omnivox", partOf: whole.id)
            try await world.take(.comment("Ada's plan"), on: part.id, by: .carol)
            let published = try await world.store.publish(
                release, by: .grace, at: world.clock.now, World.access(.grace))
            #expect(published?.solved == [whole.id, part.id])
            let plans = "SELECT count(*)::integer FROM comments WHERE body = 'Ada''s plan'"
            #expect(try await world.database.count(plans) == 3)
            let (_, erased) = try await Self.eraser(world).erase(User.ada.id.text, files: false, dryRun: false)
            #expect(erased == Self.erased(1, texts: 0, comments: 2, solutions: 2, changes: 0))
            // Carol's stays, though she chose the same words, and is found.
            #expect(try await world.database.count(plans) == 1)
            #expect(try await world.search("\"Ada's plan\"", .staff) == [part.id])
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `a dry run tells what would be done and changes nothing`() async throws {
        try await World.with { world in
            let key = IdempotencyKey(caller: User.carol.id, key: "k", request: Digest(of: "r"))
            let tickets = try await Self.tickets(world)
            try await world.take(.comment("Carol says more"), on: tickets[1], by: .carol, key: key)
            // Of somebody else, about a ticket of hers.
            let other = IdempotencyKey(caller: User.ada.id, key: "o", request: Digest(of: "o"))
            try await world.take(.commentInternal("Ada thinks"), on: tickets[2], by: .ada, key: other)
            try await world.asSuperuser(
                "UPDATE idempotency_keys SET body = convert_to('{\"id\":\"' || CASE key WHEN 'o' THEN '\(tickets[2])' ELSE 'X' END || '\"}', 'UTF8')"
            )
            let state = """
                SELECT md5(concat((SELECT string_agg(t::text, ',' ORDER BY id) FROM tickets t), (SELECT string_agg(c::text, ',' ORDER BY id) FROM comments c),
                    (SELECT string_agg(e::text, ',' ORDER BY ticket, seq) FROM events e), (SELECT string_agg(u::text, ',' ORDER BY id) FROM users u),
                    (SELECT string_agg(s::text, ',' ORDER BY ticket) FROM ticket_search s), (SELECT count(*) FROM erasures),
                    (SELECT string_agg(k.body::text, ',' ORDER BY key) FROM idempotency_keys k)))
                """
            let before = try await Self.text(state, world)
            let eraser = Self.eraser(world)
            let told = try await eraser.erase(User.carol.id.text, files: true, dryRun: true).erased
            let late = world.clock.now.adding(milliseconds: 1)
            let closed = try await eraser.eraseClosed(before: late, files: true, dryRun: true)
            #expect(closed.tickets == 1 && told.answers == 2)
            #expect(try await Self.text(state, world) == before)
            #expect(try await eraser.erase(User.carol.id.text, files: true, dryRun: false).erased == told)
            #expect(try await Self.text(state, world) != before)
        }
    }

    @Test func `an erasure that was stopped is finished by the next one, and a third finds nothing`() async throws {
        try await World.with { world in
            _ = try await Self.tickets(world)
            let eraser = Self.eraser(world)
            await #expect(throws: Stopped.self) {
                try await eraser.erase("carol@example.com", files: true, dryRun: false) { _ in throw Stopped() }
            }
            #expect(try await world.database.count("SELECT count(*)::integer FROM erasures") == 1)
            #expect(
                try await world.database.count("SELECT count(*)::integer FROM tickets WHERE subject = '[erased]'") == 1)
            #expect(try await world.store.verify { _ in }.breaks == [])
            // Access ends first, and the address goes last: so the same words find the rest.
            #expect(try await world.store.user(User.carol.id, .staff)?.active == false)
            #expect(try await eraser.erase("carol@example.com", files: true, dryRun: false).erased.tickets == 2)
            #expect(try await world.database.count("SELECT count(*)::integer FROM erasures") == 4)
            #expect(try await eraser.erase(User.carol.id.text, files: true, dryRun: false).erased == Erased())
            #expect(try await world.database.count("SELECT count(*)::integer FROM erasures") == 4)
        }
    }

    @Test func `whoever read a text before it was erased cannot write it back`() async throws {
        try await World.with { world in
            let ticket = try await world.register(subject: "Carol's")
            let access = World.access(.ada)
            let ground = try #require(try await world.store.changeGround(ticket.id, at: world.clock.now, access))
            let change = try Lifecycle.decide(
                .assign([User.ada.id], priority: nil), on: ground.record.ticket, by: Actor(.ada), at: world.clock.now,
                rules: Samples.rules(ticket.product), contract: ground.contract)
            _ = try await Self.eraser(world).erase(User.carol.id.text, files: false, dryRun: false)
            try await expectFailure({
                try await world.store.write(change, answer: World.noAnswer, access)
            }) { if case .faster = $0 { true } else { false } }
            #expect(try await Self.text("SELECT subject FROM tickets", world) == "[erased]")
            // Read anew it goes, and so does a new subject.
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
            let edited = try await world.take(
                .edit(TicketEdit(subject: "Anew", tags: ["new"])), on: ticket.id, by: .ada)
            #expect(edited.subject == "Anew")
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `attachments go when that is asked for, and are not found any more`() async throws {
        try await World.with { world in
            let attachment = try await AttachmentStoreTests.attach(world)
            let eraser = Self.eraser(world)
            #expect(try await eraser.erase(User.carol.id.text, files: false, dryRun: false).erased.attachments == 0)
            #expect(try await world.store.attachment(attachment.id, .staff) == attachment)
            #expect(try await eraser.erase(User.carol.id.text, files: true, dryRun: false).erased.attachments == 1)
            #expect(try await world.store.attachment(attachment.id, .staff) == nil)
            #expect(try await world.database.count("SELECT count(*)::integer FROM attachment_chunks") == 0)
            let listed = try await world.store.attachments(attachment.ticket, PageRequest(limit: 5), .staff)
            #expect(listed?.items.map(\.filename) == ["[erased]"] && listed?.items.map(\.size) == [0])
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `what somebody has begun on several tickets is finished before it is erased`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
            try await world.asSuperuser(
                """
                INSERT INTO follow_ups (id, kind, ticket, comment, type, actor, at)
                VALUES ('f_0000000000000000000001', 'solve_parts', '\(ticket.id)', 'Ada says', 'individual_work', '\(User.ada.id)', now())
                """)
            let eraser = Self.eraser(world)
            await #expect(throws: Eraser.Failure.self) {
                try await eraser.erase(User.ada.id.text, files: false, dryRun: false)
            }
            try await world.store.finishAbandonedFollowUps(olderThan: 0)
            #expect(try await eraser.erase(User.ada.id.text, files: false, dryRun: false).erased.solutions == 1)
            #expect(try await Self.text("SELECT comment FROM follow_ups", world) == "[erased]")
        }
    }

    @Test func `texts are kept for their days, and not a millisecond longer`() async throws {
        try await World.with { world in
            _ = try await Self.tickets(world)
            let closed = world.clock.now
            let eraser = Self.eraser(world)
            #expect(try await eraser.eraseClosed(before: closed, files: true, dryRun: false) == Erased())
            let later = closed.adding(milliseconds: 1)
            let erased = try await eraser.eraseClosed(before: later, files: true, dryRun: false)
            #expect(erased == Self.erased(1, texts: 4, comments: 3, solutions: 1, changes: 3))
            #expect(try await world.store.verify { _ in }.breaks == [])
            #expect(
                try await RightsTests.column("SELECT subject FROM tickets ORDER BY id", world.database)
                    == ["[erased]", "Carol's 2", "Carol's 3"])
            #expect(try await eraser.eraseClosed(before: later, files: true, dryRun: false) == Erased())
            #expect(
                try await RightsTests.column("SELECT reason || ' ' || ticket FROM erasures", world.database)
                    == ["retention OMNIVOX-1"])
        }
    }

    @Test(arguments: ["UPDATE erasures SET login = 'x'", "DELETE FROM erasures", "TRUNCATE erasures"])
    func `what was erased is only added to`(sql: String) async throws {
        try await World.with { world in
            _ = try await Self.eraser(world).erase(User.carol.id.text, files: false, dryRun: false)
            await #expect(throws: PostgresError.self) {
                try await world.asSuperuser("SET ROLE reglament_owner; \(sql)")
            }
            await #expect(throws: PostgresError.self) {
                try await world.asSuperuser(
                    "SET ROLE reglament_staff; INSERT INTO erasures (reason, person) VALUES ('person', '\(User.ada.id)')"
                )
            }
            #expect(try await world.database.count("SELECT count(*)::integer FROM erasures") == 1)
        }
    }

    @Test func `the service's roles cannot erase`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            for role in [Roles.staff, Roles.customer] {
                await #expect(throws: PostgresError.self) {
                    try await world.asSuperuser("SET ROLE \(role); SELECT erase_texts('\(ticket.id)', NULL, false)")
                }
            }
        }
    }

    @Test func `an export has every column that refers to a user`() async throws {
        try await TestDatabase.with(.migrated) { database in
            let keys = try await RightsTests.column(
                """
                SELECT DISTINCT c.conrelid::regclass || ' ' || a.attname
                  FROM pg_constraint c
                  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
                 WHERE c.contype = 'f' AND c.confrelid = 'users'::regclass
                 ORDER BY 1
                """, database)
            #expect(keys.count >= 11)
            let others = [
                "contracts responsible_contacts", "erasures person", "idempotency_keys caller", "tickets assignees",
            ]
            for column in keys + others {
                let words = column.split(separator: " ")
                let isTold = PersonExport.sections.contains { section in
                    section.sql.contains("FROM \(words[0])") && section.sql.contains(words[1])
                }
                #expect(isTold, "\(column)")
            }
        }
    }
}
