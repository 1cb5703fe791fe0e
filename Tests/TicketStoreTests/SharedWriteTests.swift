import Digests
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Changes of tickets that share a transaction.
@Suite struct SharedWriteTests {
    private typealias Writing = (change: Change, access: Access)

    /// Writes all at once and gives how each ended, in the order of the asking; nil is written.
    private func write(_ writings: [Writing], _ world: World) async -> [StoreError?] {
        await withTaskGroup(of: (Int, StoreError?).self) { group in
            for (index, (change, access)) in writings.enumerated() {
                group.addTask(executorPreference: world.loop) {
                    do throws(StoreError) {
                        try await world.store.write(change, answer: World.noAnswer, access)
                        return (index, nil)
                    } catch { return (index, error) }
                }
            }
            return await group.reduce(into: Array(repeating: nil, count: writings.count)) { $0[$1.0] = $1.1 }
        }
    }

    /// What `user` says on a ticket, decided now and not yet written.
    private func comment(
        _ text: String, on id: TicketID, by user: User, key: IdempotencyKey? = nil, _ world: World
    ) async throws -> Writing {
        let ground = try #require(try await world.store.changeGround(id, at: world.clock.now, .staff))
        let change = try Lifecycle.decide(
            .comment(text), on: ground.record.ticket, by: Actor(user), at: world.clock.now,
            rules: Samples.rules(ground.record.ticket.product), contract: ground.contract)
        return (change, World.access(user, key: key))
    }

    private func isFaster(_ error: StoreError?) -> Bool { if case .faster? = error { true } else { false } }

    private func version(_ id: TicketID, _ world: World) async throws -> Int? {
        try await world.store.ticket(id, at: world.clock.now, .staff)?.ticket.version
    }

    @Test func `of many that write at once each is written for itself, in few transactions`() async throws {
        try await World.with { world in
            var writings: [Writing] = []
            for number in 0..<40 {
                let user = number % 2 == 0 ? User.carol : World.gina
                let ticket = try await world.register(by: user)
                writings.append(
                    try await self.comment(
                        "comment \(number)", on: ticket.id, by: user,
                        key: IdempotencyTests.key("comment \(number)", of: user), world))
            }
            let before = world.store.connections.customer.writes.figures.requests
            #expect(await self.write(writings, world).allSatisfy { $0 == nil })
            let transactions = world.store.connections.customer.writes.figures.requests - before
            #expect(transactions >= 3 && transactions <= 12, "40 changes took \(transactions) transactions.")
            for (number, (change, access)) in writings.enumerated() {
                let comments = try await world.store.comments(change.ticket.id, PageRequest(limit: 10), .staff)
                let items = comments?.items ?? []
                #expect(items.map(\.body) == ["comment \(number)"] && items.map(\.author.id) == [access.user])
                // Its key is its caller's own.
                await #expect(throws: StoreError.self) { try await world.store.lookUp(access) }
            }
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `nobody writes by the rights of those in the same transaction`() async throws {
        try await World.with { world in
            var writings: [Writing] = []
            for number in 0..<16 {
                let ticket = try await world.register(by: .carol)
                // Gina is of another organization.
                let user = number % 2 == 0 ? User.carol : World.gina
                writings.append(try await self.comment("comment \(number)", on: ticket.id, by: user, world))
            }
            for (number, outcome) in await self.write(writings, world).enumerated() {
                let written = number % 2 == 0
                #expect(written ? outcome == nil : self.isFaster(outcome))
                #expect(try await self.version(writings[number].change.ticket.id, world) == (written ? 2 : 1))
            }
        }
    }

    @Test func `an error of one leaves the others written, and is its own`() async throws {
        try await World.with { world in
            let taken = try await world.register(by: .carol)
            var writings: [Writing] = []
            for number in 0..<12 {
                let ticket = try await world.register(by: .carol)
                writings.append(try await self.comment("comment \(number)", on: ticket.id, by: .carol, world))
            }
            let rules = Samples.rules("smartivr")
            let draft = Draft(
                product: "smartivr", kind: rules.policy.kinds[0], subject: "Window freezes", description: "It does.",
                organization: "acme", reporter: User.carol.id)
            let access = World.access(.carol)
            let ground = try await world.store.registrationGround(
                draft, prefix: rules.policy.prefix, day: rules.day(of: world.clock.now), access)
            let number = try #require(Int64(taken.id.description.split(separator: "-")[1]))
            let doubled = Registration.decide(
                draft, number: number, contract: try #require(ground.contract), by: Actor(.carol), at: world.clock.now,
                rules: rules)
            writings.insert((doubled, access), at: 5)
            for (index, outcome) in await self.write(writings, world).enumerated() {
                if index == 5 {
                    guard case .violates? = outcome else {
                        Issue.record("\(String(describing: outcome))")
                        continue
                    }
                } else {
                    #expect(outcome == nil)
                    #expect(try await self.version(writings[index].change.ticket.id, world) == 2)
                }
            }
            #expect(try await self.version(taken.id, world) == 1)
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `one key has one effect, also within a transaction`() async throws {
        try await World.with { world in
            let key = IdempotencyTests.key("one")
            var writings: [Writing] = []
            for _ in 0..<10 {
                let ticket = try await world.register(by: .carol)
                writings.append(try await self.comment("once", on: ticket.id, by: .carol, key: key, world))
            }
            let outcomes = await self.write(writings, world)
            #expect(outcomes.count { $0 == nil } == 1)
            let versions = try await writings.asyncMap { try await self.version($0.change.ticket.id, world) }
            #expect(versions.count { $0 == 2 } == 1)
        }
    }

    @Test func `of several changes of one ticket one is written, also within a transaction`() async throws {
        try await World.with { world in
            let ticket = try await world.register(by: .carol)
            let writings = try await (0..<10).asyncMap {
                try await self.comment("comment \($0)", on: ticket.id, by: .carol, world)
            }
            let outcomes = await self.write(writings, world)
            #expect(outcomes.count { $0 == nil } == 1 && outcomes.count { self.isFaster($0) } == 9)
            #expect(try await self.version(ticket.id, world) == 2)
        }
    }

    @Test func `who waits for somebody's lock keeps nobody else waiting`() async throws {
        try await World.with { world in
            let locked = try await world.register(by: .carol)
            var writings: [Writing] = []
            for number in 0..<20 {
                let ticket = try await world.register(by: .carol)
                writings.append(try await self.comment("comment \(number)", on: ticket.id, by: .carol, world))
            }
            let waiting = try await self.comment("late", on: locked.id, by: .carol, world)
            let others = writings
            try await world.store.connections.jobs.withConnection { holder in
                try await holder.begin()
                _ = try await holder.run(
                    Statement<Void>("hold", "SELECT FROM tickets WHERE id = $1 FOR UPDATE"),
                    [.text(locked.id.description)])
                async let late = self.write([others[0], waiting, others[1]], world)
                let start = ContinuousClock.now
                #expect(await self.write(Array(others[2...]), world).allSatisfy { $0 == nil })
                // A statement that waits for a lock is ended after ten seconds.
                #expect(ContinuousClock.now - start < .seconds(8))
                try await holder.commit()
                #expect(await late.allSatisfy { $0 == nil })
            }
            #expect(try await self.version(locked.id, world) == 2)
        }
    }
}
