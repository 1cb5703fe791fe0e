import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// The counts of the queue against counting.
@Suite struct CountTests {
    /// What counting the tickets one by one gives, in the words of the summary.
    private static let counted = Statement<String>(
        "counted",
        """
        SELECT format('%s %s %s: %s', state, priority, product, count(*)) FROM tickets
         WHERE state <> 'closed' GROUP BY state, priority, product
        UNION ALL
        SELECT format('%s: %s', coalesce(a.assignee, 'nobody'), count(*))
          FROM tickets LEFT JOIN LATERAL unnest(assignees) AS a (assignee) ON true
         WHERE state <> 'closed' GROUP BY a.assignee
        UNION ALL
        SELECT format('overdue: %s', count(*)) FROM tickets WHERE state <> 'closed' AND due_at < $1
         ORDER BY 1
        """
    ) { (row) throws(RowError) in try row.text() }

    private func told(_ world: World) async throws -> [String] {
        let rows = try await world.store.read(.staff, Statements.queueCounts, [.instant(world.clock.now)], slow: true)
        let summary = try await world.store.queueSummary(at: world.clock.now)
        #expect(summary.open == rows.reduce(0) { $0 + $1.count })
        let groups = rows.map { "\($0.state.rawValue) \($0.priority.rawValue) \($0.product): \($0.count)" }
        let shares = summary.byAssignee.map { "\($0.assignee?.text ?? "nobody"): \($0.count)" }
        return groups + shares + ["overdue: \(summary.overdue)"]
    }

    private func compare(_ world: World) async throws {
        let told = try await told(world)
        let counted = try await world.store.read(.staff, Self.counted, [.instant(world.clock.now)], slow: true)
        // With nothing open there is no row to say so.
        #expect(told.sorted() == counted.sorted())
        #expect(try await world.store.read(.staff, Statements.wrongCounts, [], slow: true) == [])
        let states = try await world.store.ticketCounts()
        let all = try await world.store.connections.staff.slow.run(
            Statement<Int>("all", "SELECT count(*)::integer FROM tickets") { (row) throws(RowError) in try row.int() })
        #expect(states.values.reduce(0, +) == all[0])
    }

    private func fold(_ world: World, _ most: Int) async throws {
        _ = try await world.store.connections.sequencer.run(Statements.foldTicketCounts, [.integer(most)])
    }

    /// What the lifecycle refuses changes nothing.
    private func attempt(_ step: Step, on ticket: TicketID, by user: User, _ world: World) async throws {
        do { try await world.take(step, on: ticket, by: user) } catch is Refusal {}
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `after any history, added up or not, the summary is what counting gives`(seed: UInt64) async throws {
        try await World.with { world in
            var random = Seeded(seed)
            try await self.compare(world)
            var tickets: [TicketID] = []
            for turn in 0..<60 {
                if tickets.isEmpty || random.below(3) == 0 {
                    tickets.append(try await world.register(random.pick(Samples.products)).id)
                }
                let ticket = random.pick(tickets)
                switch random.below(9) {
                case 0: try await self.attempt(.assign([User.ada.id], priority: .high), on: ticket, by: .ada, world)
                case 1:
                    try await self.attempt(
                        .assign([User.ada.id, User.grace.id], priority: nil), on: ticket, by: .ada, world)
                case 2: try await self.attempt(.requestInformation("Which version?"), on: ticket, by: .ada, world)
                case 3:
                    let solving = Solving(comment: "Restart", type: .individualWork, release: nil)
                    try await self.attempt(.solve(solving), on: ticket, by: .ada, world)
                case 4: try await self.attempt(.confirm(nil), on: ticket, by: .carol, world)
                case 5: try await self.attempt(.dispute("It still does."), on: ticket, by: .carol, world)
                case 6: try await self.attempt(.withdraw(nil), on: ticket, by: .carol, world)
                case 7: world.clock.advance(hours: Double(random.below(40)))
                default:
                    // The contracts of this world promise nothing.
                    let hours = random.below(200) - 100
                    try await world.asSuperuser(
                        """
                        UPDATE tickets SET due_at = timestamptz '\(world.clock.now.rfc3339)' + interval '\(hours) hours'
                         WHERE id = '\(ticket)'
                        """)
                }
                if random.below(4) == 0 { try await self.fold(world, 1 + random.below(20)) }
                if turn % 6 == 5 { try await self.compare(world) }
            }
            try await self.fold(world, 5000)
            try await self.compare(world)
        }
    }

    @Test func `counts are added up once a second, and again at once while there are more`() {
        let start = ContinuousClock.now
        var times = CountingTimes()
        // After a start nobody knows what is there.
        #expect(times.isDue(at: start))
        times.note(isAll: false, at: start)
        #expect(times.isDue(at: start))
        times.note(isAll: true, at: start)
        #expect(!times.isDue(at: start + CountingTimes.pause))
        times.noteEvents()
        #expect(!times.isDue(at: start + CountingTimes.pause - .nanoseconds(1)))
        #expect(times.isDue(at: start + CountingTimes.pause))
        times.note(isAll: false, at: start + CountingTimes.pause)
        #expect(times.isDue(at: start + CountingTimes.pause))
    }

    @Test func `whoever falls behind adds up more at a time`() {
        let now = ContinuousClock.now
        var times = CountingTimes()
        var portions: [Int] = []
        for _ in 0..<100 {
            portions.append(times.portion)
            times.note(isAll: false, at: now)
        }
        #expect(portions[..<10].allSatisfy { $0 == 500 } && portions[10] == 1000 && portions[20] == 1500)
        #expect(portions[90...].allSatisfy { $0 == 5000 })
        times.note(isAll: true, at: now)
        #expect(times.portion == 500)
    }

    @Test func `the sequencer adds up what was noted`() async throws {
        try await World.with { world in
            for _ in 0..<5 { _ = try await world.register() }
            let sequencer = Task(executorPreference: world.loop) { await world.store.runSequencer() }
            let left = Statement<Int>("left", "SELECT count(*)::integer FROM ticket_count_changes") {
                (row) throws(RowError) in try row.int()
            }
            // Nobody of the service may look at what is only noted.
            let superuser = Lane(
                loop: world.loop, connectionString: world.database.ownerURL,
                options: .single("superuser"))
            for _ in 0..<600 where try await superuser.run(left)[0] > 0 {
                try await world.loop.sleep(.milliseconds(20))
            }
            sequencer.cancel()
            await sequencer.value
            #expect(try await superuser.run(left) == [0])
            await superuser.close()
            try await self.compare(world)
        }
    }

    @Test(arguments: [
        "UPDATE ticket_counts SET tickets = tickets + 1", "DELETE FROM assignee_counts", "DELETE FROM due_counts",
        "INSERT INTO ticket_count_changes (change, product, state, priority, assignees) VALUES (1, 'x', 'closed', 'low', '{}')",
    ])
    func `verify finds a count that is wrong, and counting anew mends it`(sql: String) async throws {
        try await World.with { world in
            let ticket = try await world.register()
            try await world.asSuperuser("UPDATE tickets SET due_at = now() WHERE id = '\(ticket.id)'")
            try await self.fold(world, 5000)
            try await self.compare(world)
            try await world.asSuperuser(sql)
            #expect(try await world.store.read(.staff, Statements.wrongCounts, [], slow: true).count == 1)
            let breaks = try await world.store.verify { _ in }.breaks
            #expect(breaks.count == 1 && breaks[0].hasPrefix("counts: "))
            try await world.asSuperuser("SELECT recount_tickets()")
            try await self.compare(world)
        }
    }
}

/// The same numbers each time (SplitMix64).
private struct Seeded {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func below(_ limit: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(limit))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
