import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Reads of single tickets that meet in one turn of the loop.
@Suite struct TicketReadTests {
    private static let missing = TicketID("SMARTIVR-999999")

    /// Reads all at once and gives what each has found, in the order of the asking.
    private func read(
        _ wanted: [(id: TicketID, access: Access)], _ world: World
    ) async throws -> [TicketRecord?] {
        try await withThrowingTaskGroup(of: (Int, TicketRecord?).self) { group in
            for (index, (id, access)) in wanted.enumerated() {
                group.addTask(executorPreference: world.loop) {
                    (index, try await world.store.ticket(id, at: world.clock.now, access))
                }
            }
            return try await group.reduce(into: Array(repeating: nil, count: wanted.count)) { $0[$1.0] = $1.1 }
        }
    }

    @Test func `a ticket that cannot be read takes no other with it`() async throws {
        try await World.with { world in
            var tickets: [Ticket] = []
            for number in 0..<6 { tickets.append(try await world.register(by: number < 3 ? .carol : World.gina)) }
            try await world.asSuperuser(
                """
                ALTER TABLE tickets DROP CONSTRAINT tickets_priority;
                UPDATE tickets SET priority = 'odd' WHERE id = '\(tickets[1].id)'
                """)
            for user in [User.ada, .carol] {
                let found = await withTaskGroup(of: (Int, Bool).self) { group in
                    for (index, ticket) in tickets.prefix(3).enumerated() {
                        group.addTask(executorPreference: world.loop) {
                            let record = try? await world.store.ticket(
                                ticket.id, at: world.clock.now, World.access(user))
                            return (index, record?.ticket == ticket)
                        }
                    }
                    return await group.reduce(into: [Bool](repeating: false, count: 3)) { $0[$1.0] = $1.1 }
                }
                #expect(found == [true, false, true])
            }
        }
    }

    @Test func `of many that read at once each gets what it may see, by few statements`() async throws {
        let missing = try #require(Self.missing)
        try await World.with { world in
            var tickets: [Ticket] = []
            for number in 0..<20 {
                tickets.append(try await world.register(by: number % 2 == 0 ? .carol : World.gina))
            }
            var wanted: [(id: TicketID, access: Access)] = []
            for user in [User.ada, .grace, .carol, World.colin, World.gina] {
                for id in tickets.map(\.id) + [missing, tickets[3].id] {
                    wanted.append((id, World.access(user)))
                }
            }
            let before = world.store.connections.staff.reads.figures.requests
            let found = try await self.read(wanted, world)
            for ((id, access), record) in zip(wanted, found) {
                let ticket = tickets.first { $0.id == id }
                let isVisible =
                    switch access.scope {
                    case .staff: true
                    case .customer(let organization): ticket?.organization == organization
                    }
                #expect(record?.ticket == (isVisible ? ticket : nil))
                // Smartivr's contract names those who may confirm, and Carol is one.
                if let record, access.user == User.carol.id {
                    let alone = try await world.store.ticket(id, at: world.clock.now, access)
                    #expect(record == alone)
                }
            }
            let statements = world.store.connections.staff.reads.figures.requests - before
            #expect(statements >= 2 && statements <= 10, "44 reads of employees took \(statements) statements.")
        }
    }

    @Test func `customers who read at once share transactions, and each sees its own`() async throws {
        try await World.with { world in
            let ours = try await world.register(by: .carol)
            let theirs = try await world.register(by: World.gina)
            let wanted = (0..<40).map { number in
                let organization = number % 2 == 0 ? "acme" : "globex"
                let id = UserID(stored: "u_\(String(repeating: "0", count: 20))\(number + 10)")
                let user = User(
                    id: id, email: "\(number)@example.com", name: "\(number)", role: .customer,
                    organization: organization)
                return (id: number % 4 < 2 ? ours.id : theirs.id, access: World.access(user))
            }
            let before = world.store.connections.customer.reads.figures.requests
            for (number, record) in try await self.read(wanted, world).enumerated() {
                let isOwn = (number % 2 == 0) == (number % 4 < 2)
                #expect(record?.ticket == (isOwn ? (number % 2 == 0 ? ours : theirs) : nil))
            }
            let transactions = world.store.connections.customer.reads.figures.requests - before
            #expect(transactions <= 20, "40 reads of 40 customers took \(transactions) transactions.")
        }
    }

    @Test func `what was acknowledged before a read began is in what it finds, whatever else is read`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask(executorPreference: world.loop) {
                        for _ in 0..<40 { _ = try await world.store.ticket(ticket.id, at: world.clock.now, .staff) }
                    }
                }
                group.addTask(executorPreference: world.loop) {
                    for number in 0..<20 {
                        let written = try await world.take(.comment("comment \(number)"), on: ticket.id, by: .ada)
                        let read = try await world.store.ticket(ticket.id, at: world.clock.now, .staff)
                        #expect(read?.ticket.version == written.version)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `all who read are told when PostgreSQL cuts them off, and are served again`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            _ = try await world.store.ticket(ticket.id, at: world.clock.now, .staff)
            let failures = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<30 {
                    group.addTask(executorPreference: world.loop) {
                        var failures = 0
                        for _ in 0..<50 {
                            do throws(StoreError) {
                                let found = try await world.store.ticket(ticket.id, at: world.clock.now, .staff)
                                #expect(found?.ticket.id == ticket.id)
                            } catch .unavailable { failures += 1 }
                        }
                        return failures
                    }
                }
                try await world.asSuperuser(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name LIKE '%staff reads%'
                    """)
                return try await group.reduce(0, +)
            }
            #expect(failures < 1500)
            // All may have read before the connection was cut off: then the next one finds out.
            var again: TicketRecord?
            for _ in 0..<100 where again == nil {
                again = try? await world.store.ticket(ticket.id, at: world.clock.now, .staff)
                if again == nil { try await world.loop.sleep(.milliseconds(20)) }
            }
            #expect(again?.ticket.id == ticket.id)
        }
    }
}
