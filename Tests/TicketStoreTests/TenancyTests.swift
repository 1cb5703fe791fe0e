import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Row-level security by itself: the statements here have no predicate of ours.
@Suite struct TenancyTests {
    /// Counts rows as a role with nothing but the session's settings.
    private func count(_ what: String, as role: String, organization: String, _ world: World) async throws -> Int {
        let lane = Lane(
            loop: world.loop, connectionString: world.database.ownerURL,
            options: .single("tenancy", role: role))
        defer { Task(executorPreference: world.loop) { await lane.close() } }
        let statement = Statement<Int>("count_\(what)", "SELECT count(*)::integer FROM \(what)") {
            (row) throws(RowError) in try row.int()
        }
        let context: [Parameter] = [.text(organization), .text(User.carol.id.text)]
        return try await lane.run(Context.read, context, then: statement, []).1.first ?? -1
    }

    @Test(arguments: [
        "tickets", "comments", "events", "links", "users", "contracts", "organizations",
        "(SELECT ticket FROM ticket_search) s",
    ])
    func `a customer's role sees its own organization's rows and no others`(table: String) async throws {
        try await World.with { world in
            let ours = try await world.register(by: .carol)
            let follower = try await world.register(by: .carol)
            try await world.take(.link(Link(type: .follows, ticket: ours.id)), on: follower.id, by: .ada)
            #expect(try await world.store.otherTicket(ours.id, .staff)?.links == 1)
            try await world.take(.comment("Hello"), on: ours.id, by: .carol)
            let all = try await self.count(table, as: Roles.staff, organization: "", world)
            let acme = try await self.count(table, as: Roles.customer, organization: "acme", world)
            let globex = try await self.count(table, as: Roles.customer, organization: "globex", world)
            let nobody = try await self.count(table, as: Roles.customer, organization: "", world)
            #expect(acme > 0 && nobody == 0 && acme + globex <= all)
            if ["tickets", "comments", "events", "links"].contains(table) {
                #expect(globex == 0 && acme == all)
            }
        }
    }

    @Test func `what employees say among themselves is hidden from the customer's role`() async throws {
        try await World.with { world in
            let ticket = try await world.register(by: .carol)
            try await world.take(.commentInternal("Among us"), on: ticket.id, by: .ada)
            #expect(try await self.count("comments", as: Roles.customer, organization: "acme", world) == 0)
            #expect(try await self.count("events", as: Roles.customer, organization: "acme", world) == 1)
            let comments = try await world.store.comments(ticket.id, PageRequest(limit: 10), World.access(.carol))
            #expect(comments?.items.isEmpty == true)
        }
    }

    /// Table, what neither role of the service may do to it.
    @Test(arguments: [
        ("UPDATE events SET clause = NULL", Roles.staff), ("DELETE FROM events", Roles.staff),
        ("UPDATE events SET clause = NULL", Roles.customer), ("DELETE FROM events", Roles.customer),
        ("DELETE FROM tickets", Roles.staff), ("DELETE FROM comments", Roles.staff),
        ("UPDATE comments SET body = 'x'", Roles.staff), ("UPDATE tickets SET registered_at = now()", Roles.staff),
        ("UPDATE tickets SET priority = 'low'", Roles.customer), ("SELECT hash FROM tokens", Roles.customer),
        ("UPDATE tickets SET organization = 'globex'", Roles.staff), ("TRUNCATE events", Roles.staff),
        ("CREATE TABLE mine (id int)", Roles.staff), ("SELECT caller_by_token('x')", Roles.customer),
        ("SELECT * FROM job_runs", Roles.customer), ("INSERT INTO users SELECT * FROM users", Roles.customer),
        ("ALTER TABLE events DISABLE ROW LEVEL SECURITY", Roles.staff),
        ("INSERT INTO feed VALUES (1, 'X-1', 1)", Roles.staff), ("DELETE FROM feed", Roles.staff),
        ("UPDATE feed SET feed_seq = 0", Roles.staff), ("DELETE FROM feed_pending", Roles.staff),
        ("INSERT INTO feed_pending (ticket, seq) VALUES ('X-1', 1)", Roles.staff),
        ("SELECT * FROM feed", Roles.customer),
        ("SELECT * FROM feed_pending", Roles.customer), ("SELECT sequence_feed(1)", Roles.customer),
        ("UPDATE ticket_counts SET tickets = 0", Roles.staff), ("DELETE FROM ticket_count_changes", Roles.staff),
        ("SELECT recount_tickets()", Roles.staff), ("SELECT note_ticket_count()", Roles.staff),
        ("SELECT * FROM ticket_counts", Roles.customer), ("SELECT * FROM assignee_counts", Roles.customer),
        ("SELECT * FROM current_ticket_counts", Roles.customer),
        ("SELECT * FROM current_assignee_counts", Roles.customer),
        ("SELECT * FROM current_due_counts", Roles.customer),
        ("SELECT * FROM due_counts", Roles.customer), ("SELECT * FROM ticket_count_changes", Roles.customer),
        ("SELECT fold_ticket_counts(1)", Roles.customer),
    ])
    func `neither role may do what it has no need of`(sql: String, role: String) async throws {
        try await World.with { world in
            _ = await #expect(throws: (any Error).self) {
                try await world.asSuperuser("SET ROLE \(role); \(sql)")
            }
        }
    }

    @Test func `another organization's ticket does not exist for a customer`() async throws {
        try await World.with { world in
            let ticket = try await world.register(by: .carol)
            let access = World.access(World.gina)
            #expect(try await world.store.ticket(ticket.id, at: world.clock.now, access) == nil)
            #expect(try await world.store.changeGround(ticket.id, at: world.clock.now, access) == nil)
            #expect(try await world.store.otherTicket(ticket.id, access) == nil)
            #expect(try await world.store.explanationGround(ticket.id, at: world.clock.now, access) == nil)
            #expect(try await world.store.events(ticket.id, PageRequest(limit: 5), access) == nil)
            #expect(try await world.store.comments(ticket.id, PageRequest(limit: 5), access) == nil)
            #expect(try await world.store.attachments(ticket.id, PageRequest(limit: 5), access) == nil)
            #expect(try await world.store.user(User.carol.id, access) == nil)
        }
    }
}
