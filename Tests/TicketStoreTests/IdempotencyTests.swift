import Digests
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct IdempotencyTests {
    /// As a backup does.
    @Test func `days are made beside whoever has read the keys and does not end, and dropped when it has`() async throws
    {
        try await World.with { world in
            func days() async throws -> Int {
                try await world.database.count(
                    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'idempotency_keys'::regclass")
            }
            try await world.store.keepIdempotencyDays()
            let before = try await days()
            try await Lane.withConnection(of: "reader", to: world.database.ownerURL, role: Roles.staff, on: world.loop)
            {
                try await $0.script("BEGIN ISOLATION LEVEL REPEATABLE READ")
                try await $0.script("SELECT count(*) FROM idempotency_keys")
                world.clock.advance(hours: 24 * 5)
                try await world.store.keepIdempotencyDays()
                let beside = try await days()
                #expect(beside == before + 5)
                try await $0.script("COMMIT")
            }
            try await world.store.keepIdempotencyDays()
            #expect(try await days() == before + 1)
        }
    }

    static func key(_ name: String, request: String = "one", of user: User = .carol) -> IdempotencyKey {
        IdempotencyKey(caller: user.id, key: name, request: Digest(of: request))
    }

    static func answer(_ text: String) -> KeptAnswer {
        KeptAnswer(
            status: 201, contentType: "application/json", contentLanguage: "ru", location: "/v1/tickets/X-1",
            etag: "\"1-a\"",
            body: Array(text.utf8))
    }

    @Test func `fifty requests with one key have one effect and one answer`() async throws {
        try await World.with { world in
            let key = Self.key("fifty")
            let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<50 {
                    group.addTask(executorPreference: world.loop) {
                        do {
                            _ = try await world.register(answer: Self.answer("\(number)"), key: key)
                            return "written \(number)"
                        } catch StoreError.keyInProgress { return "in progress" } catch StoreError.replay(let answer) {
                            return "replay \(String(decoding: answer.body, as: UTF8.self))"
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let written = outcomes.filter { $0.hasPrefix("written") }
            #expect(written.count == 1)
            let winner = written.first?.split(separator: " ").last.map(String.init) ?? ""
            for outcome in outcomes where outcome.hasPrefix("replay") { #expect(outcome == "replay \(winner)") }
            let page = try await world.store.tickets(
                TicketQuery(page: PageRequest(limit: 10), now: world.clock.now), World.access(.carol))
            #expect(page.items.count == 1)
        }
    }

    @Test(arguments: [User.carol, User.ada])
    func `a retry gives the first answer whole, another request is told so`(user: User) async throws {
        try await World.with { world in
            let key = Self.key("retry", of: user)
            try await world.store.keep(Self.answer("first"), World.access(user, key: key))
            try await expectFailure({ try await world.store.lookUp(World.access(user, key: key)) }) { error in
                if case .replay(let answer) = error { answer == Self.answer("first") } else { false }
            }
            let other = Self.key("retry", request: "two", of: user)
            try await expectFailure({ try await world.store.lookUp(World.access(user, key: other)) }) { error in
                if case .keyReused = error { true } else { false }
            }
        }
    }

    @Test func `keys are their caller's own`() async throws {
        try await World.with { world in
            try await world.store.keep(Self.answer("carol's"), World.access(.carol, key: Self.key("k")))
            try await world.store.lookUp(World.access(World.colin, key: Self.key("k", of: World.colin)))
            try await world.store.lookUp(World.access(.ada, key: Self.key("k", of: .ada)))
        }
    }

    @Test func `a key written just before midnight is found just after, and is free after 24 hours`() async throws {
        let start = try #require(Instant(rfc3339: "2026-04-28T23:59:59.900Z"))
        try await World.with(at: start) { world in
            let access = World.access(.carol, key: Self.key("midnight"))
            try await world.store.keep(Self.answer("before"), access)
            world.clock.set(try #require(Instant(rfc3339: "2026-04-29T00:00:00.100Z")))
            await #expect(throws: StoreError.self) { try await world.store.lookUp(access) }
            // Even a writer who has not looked is stopped.
            await #expect(throws: StoreError.self) { try await world.store.keep(Self.answer("after"), access) }
            world.clock.set(try #require(Instant(rfc3339: "2026-04-29T23:59:59.901Z")))
            try await world.store.lookUp(access)
            try await world.store.keep(Self.answer("a day later"), access)
        }
    }

    @Test func `a day without a partition makes one`() async throws {
        try await World.with { world in
            world.clock.advance(hours: 24 * 400)
            let access = World.access(.carol, key: Self.key("far"))
            try await world.store.keep(Self.answer("x"), access)
            await #expect(throws: StoreError.self) { try await world.store.lookUp(access) }
        }
    }

    @Test func `a step that lost its race keeps no key`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            let access = World.access(.carol, key: Self.key("lost"))
            let ground = try #require(try await world.store.changeGround(ticket.id, at: world.clock.now, access))
            let change = try Lifecycle.decide(
                .comment("late"), on: ground.record.ticket, by: Actor(User.carol), at: world.clock.now,
                rules: Samples.rules("smartivr"), contract: nil)
            try await world.take(.comment("early"), on: ticket.id, by: .carol)
            try await expectFailure({ try await world.store.write(change, answer: World.noAnswer, access) }) { error in
                if case .faster = error { true } else { false }
            }
            try await world.store.lookUp(access)
        }
    }
}
