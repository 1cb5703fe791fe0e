import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Lists that several ask for at the same moment.
@Suite struct ListReadTests {
    private static func query(limit: Int = 50) -> TicketQuery {
        TicketQuery(page: PageRequest(limit: limit), now: Samples.noon)
    }

    // MARK: With PostgreSQL

    @Test func `of many that list at once each gets what it may see, by few statements`() async throws {
        try await World.with { world in
            for number in 0..<20 { _ = try await world.register(by: number % 2 == 0 ? .carol : World.gina) }
            let users = [User.ada, .grace, .carol, World.colin, World.gina]
            var alone: [[TicketRecord]] = []
            for user in users {
                alone.append(try await world.store.tickets(Self.query(), World.access(user)).items)
            }
            #expect(alone.map(\.count) == [20, 20, 10, 10, 10])
            let before = world.store.connections.staff.slow.figures.requests
            try await withThrowingTaskGroup(of: (Int, Page<TicketRecord>).self) { group in
                for number in 0..<100 {
                    let user = users[number % users.count]
                    group.addTask(executorPreference: world.loop) {
                        (number % users.count, try await world.store.tickets(Self.query(), World.access(user)))
                    }
                }
                for try await (user, page) in group { #expect(page.items == alone[user]) }
            }
            let statements = world.store.connections.staff.slow.figures.requests - before
            #expect(statements >= 3 && statements <= 10, "40 lists of employees took \(statements) statements.")
        }
    }

    @Test func `who asks for a text that only looks the same is answered apart`() async throws {
        try await World.with { world in
            let tags = ["\u{e9}t\u{e9}", "e\u{301}te\u{301}"]
            for tag in tags {
                _ = try await world.register(tags: [tag])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask(executorPreference: world.loop) {
                        var query = Self.query()
                        query.tag = tags[number % 2]
                        let found = try await world.store.tickets(query, .staff).items
                        #expect(found.map { Array($0.ticket.tags[0].utf8) } == [Array(tags[number % 2].utf8)])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `what was acknowledged before a list was asked for is in it, however many ask`() async throws {
        try await World.with { world in
            let isOver = Locked(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask(executorPreference: world.loop) {
                        while !isOver.withLock({ $0 }) { _ = try await world.store.tickets(Self.query(), .staff) }
                    }
                }
                group.addTask(executorPreference: world.loop) {
                    defer { isOver.withLock { $0 = true } }
                    for _ in 0..<20 {
                        let ticket = try await world.register()
                        let page = try await world.store.tickets(Self.query(), .staff)
                        #expect(page.items.contains { $0.ticket.id == ticket.id })
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    // MARK: Without

    /// Stands for PostgreSQL: readings end when they are let. For one loop.
    private final class Gate: @unchecked Sendable {
        private(set) var readings = 0
        private var held: [CheckedContinuation<Void, Never>] = []
        private var isOpen = false
        var failure: StoreError?

        func read() async throws(StoreError) -> Page<TicketRecord> {
            readings += 1
            let number = readings
            if !isOpen { await withCheckedContinuation { held.append($0) } }
            if let failure { throw failure }
            return Page(items: [], next: ["\(number)"])
        }

        func open() {
            isOpen = true
            for one in held { one.resume() }
            held = []
        }
    }

    /// What so many get that ask one after the other before any reading has ended: the reading's number, or the error.
    private func outcomes(
        of count: Int, by access: @escaping @Sendable (Int) -> Access = { _ in .staff },
        failure: StoreError? = nil, holding: Duration = .zero
    ) async throws -> (outcomes: [String], readings: Int, begunBeforeAnyEnded: Int) {
        try await onLoop { loop in
            let (reads, gate) = (ListReads(loop: loop), Gate())
            let begun = Locked(0)
            gate.failure = failure
            let outcomes = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<count {
                    group.addTask(executorPreference: loop) {
                        do throws(StoreError) {
                            let page = try await reads.page(Self.query(), access(number)) {
                                () async throws(StoreError) in try await gate.read()
                            }
                            return (number, page.next?.first ?? "")
                        } catch { return (number, "\(error)") }
                    }
                }
                group.addTask(executorPreference: loop) {
                    // All of them stand in line by now.
                    try await loop.sleep(max(holding, .milliseconds(10)))
                    begun.withLock { $0 = gate.readings }
                    gate.open()
                    return (count, "")
                }
                return try await group.reduce(into: Array(repeating: "", count: count + 1)) { $0[$1.0] = $1.1 }
            }
            return (Array(outcomes.dropLast()), gate.readings, begun.withLock { $0 })
        }
    }

    @Test(arguments: [(1, 1), (2, 2), (18, 2), (19, 3), (1 + 256, 1 + 16)])
    func `one reads, and of those who wait one for itself and sixteen others`(
        askers: Int, readings: Int
    ) async throws {
        let seen = try await outcomes(of: askers)
        #expect(seen.readings == readings)
        // None is served by a reading that had begun when it came.
        #expect(seen.outcomes.first == "1")
        #expect(seen.outcomes.dropFirst().allSatisfy { (Int($0) ?? 0) > 1 })
    }

    @Test func `who comes when too many wait is told so at once`() async throws {
        let seen = try await outcomes(of: 1 + 256 + 3)
        #expect(seen.outcomes.suffix(3) == ["overloaded", "overloaded", "overloaded"])
        #expect(!seen.outcomes.dropLast(3).contains("overloaded"))
    }

    @Test func `who waits for long reads without waiting for more`() async throws {
        // Nothing ends for eight times the patience.
        let seen = try await outcomes(of: 1 + 17 + 1, holding: .milliseconds(400))
        #expect(seen.begunBeforeAnyEnded == 3)
        #expect(seen.readings == 3)
    }

    @Test func `an error is told to all whom the reading was for`() async throws {
        let seen = try await outcomes(of: 10, failure: .unavailable("gone"))
        #expect(seen.readings == 2)
        #expect(Set(seen.outcomes) == ["unavailable(\"gone\")"])
    }

    @Test func `customers share with themselves alone`() async throws {
        let users = [User.carol, World.colin, World.gina]
        let seen = try await outcomes(of: 30) { World.access(users[$0 % 3]) }
        // One of each reads at once, and nine of each wait for one.
        #expect(seen.readings == 6)
    }
}
