import Digests
import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct JobTests {
    private static func run(
        _ request: JobRequest, _ world: World, _ access: Access = .staff
    ) async throws -> JobOutcome {
        try await world.store.runAutoClose(request, by: nil, at: world.clock.now, access) { _, _ in }
    }

    private static func close(_ world: World) async throws -> JobRun {
        guard case .done(let run) = try await run(.close, world) else {
            throw StoreError.unexpected("the plan changed")
        }
        return run
    }

    @Test func `the job closes what is due at its minute, and nothing a millisecond earlier`() async throws {
        try await World.with { world in
            let ticket = try await world.solved()
            let due = try #require(ticket.autoClose?.at)
            world.clock.set(Instant(milliseconds: due.milliseconds - 1))
            #expect(try await Self.close(world).closed == 0)
            world.clock.set(due)
            let run = try await Self.close(world)
            #expect(run.closed == 1 && run.due == 1 && run.tickets == [ticket.id])
            let closed = try #require(try await world.store.ticket(ticket.id, at: due, .staff)).ticket
            #expect(closed.state == .closed && closed.closeReason == .noResponse && closed.closedAt == due)
            #expect(try await Self.close(world).closed == 0)
            let event = try await world.store.events(ticket.id, PageRequest(limit: 50), .staff)?.items.last?.event
            #expect(event?.actor == .autoClose && event?.clause == "3.5")
        }
    }

    /// More than a batch, so that a pass goes on where one has ended; the ticket that is held is the first of all.
    @Test func `a ticket that somebody is at work on is passed over, and closed in the next pass`() async throws {
        try await World.with { world in
            let held = try await world.solved()
            for _ in 0..<204 { _ = try await world.solved() }
            world.clock.advance(hours: 24 * 30)
            let lane = Lane(loop: world.loop, connectionString: world.database.ownerURL, options: .single("holder"))
            let (closings, closed) = AsyncStream<Int>.makeStream()
            let (holding, isHeld) = AsyncStream<Void>.makeStream()
            async let holder: Void = lane.withConnection { connection in
                try await connection.begin()
                try await connection.script("SELECT FROM tickets WHERE id = '\(held.id)' FOR UPDATE")
                isHeld.finish()
                for await count in closings where count == 204 { break }
                try await connection.rollback()
            }
            for await _ in holding {}
            let outcome = try await world.store.runAutoClose(.close, by: nil, at: world.clock.now, .staff) { count, _ in
                closed.yield(count)
            }
            closed.finish()
            try await holder
            await lane.close()
            guard case .done(let run) = outcome else { throw StoreError.unexpected("the plan changed") }
            #expect(run.due == 205 && run.closed == 205)
            #expect(run.tickets.last == held.id && Set(run.tickets).count == 205)
        }
    }

    /// Other databases of the cluster, which other tests are busy with, do not count.
    @Test func `the job is quick while nobody else asks anything, and makes way for whoever does`() async throws {
        try await World.with { world in
            for _ in 0..<60 { _ = try await world.solved() }
            world.clock.advance(hours: 24 * 30)
            func lane(_ name: String) -> Lane {
                Lane(
                    loop: world.loop, connectionString: world.database.ownerURL,
                    options: LaneOptions(name: name, mode: .exclusive(connections: 1), role: Roles.staff))
            }
            let (jobs, others) = (lane("jobs"), lane("others"))
            func becomes(_ pace: PostgresStore.Pace) async throws -> Bool {
                for _ in 0..<500 {
                    // As every instance does by itself, and when it starts.
                    let instance = PostgresStore(
                        loop: world.loop, connections: ConnectionOptions(url: world.database.ownerURL).background,
                        rulebook: { Samples.rulebook }, now: { world.clock.now })
                    _ = try await instance.policyVersionCount()
                    while !instance.connections.listener.isConnected { try await world.loop.sleep(.milliseconds(1)) }
                    let found = try await jobs.withConnection { connection in
                        let found = try await PostgresStore.pace(connection)
                        #expect(try await connection.run(Self.role).first == Roles.staff)
                        return found
                    }
                    await instance.close()
                    if found == pace { return true }
                    try await world.loop.sleep(.milliseconds(20))
                }
                return false
            }
            let isQuick = try await becomes(.alone)
            #expect(isQuick)
            _ = try await world.store.policyVersionCount()
            let makesWayForRequests = try await jobs.withConnection { try await PostgresStore.pace($0) }
            #expect(makesWayForRequests == .besideOthers)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // For longer than whoever has just asked counts.
                group.addTask(executorPreference: world.loop) { _ = try? await others.run(Self.hour) }
                let makesWay = try await becomes(.besideOthers)
                #expect(makesWay)
                try await world.loop.sleep(.milliseconds(300))
                let stillMakesWay = try await jobs.withConnection { try await PostgresStore.pace($0) }
                #expect(stillMakesWay == .besideOthers)
                // A server that stops cancels the task; a batch goes to its end, without its rests.
                let closing = Task(executorPreference: world.loop) { try await Self.close(world) }
                closing.cancel()
                let run = try await closing.value
                #expect(run.due == 60 && run.closed == 60)
                try await world.asSuperuser(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'others'
                    """)
                try await group.waitForAll()
            }
            for lane in [jobs, others] { await lane.close() }
        }
    }

    private static let role = Statement<String>("role", "SELECT current_user") { (row) throws(RowError) in
        try row.text()
    }
    private static let hour = Statement<Void>("hour", "SELECT pg_sleep(3600)")

    @Test func `a closing date that somebody has broken is left alone, and the run ends`() async throws {
        try await World.with { world in
            var tickets: [TicketID] = []
            for _ in 0..<4 { tickets.append(try await world.solved().id) }
            let broken = try #require(tickets.last)
            try await world.asSuperuser("UPDATE tickets SET auto_close_calendar = NULL WHERE id = '\(broken)'")
            world.clock.advance(hours: 24 * 30)
            let run = try await Self.close(world)
            #expect(run.due == 4 && run.tickets == tickets.dropLast())
        }
    }

    @Test func `a dry run changes nothing, and its plan closes just what it planned`() async throws {
        try await World.with { world in
            let ticket = try await world.solved()
            world.clock.advance(hours: 24 * 30)
            guard case .done(let dry) = try await Self.run(.dryRun(asOf: world.clock.now), world) else { return }
            #expect(dry.due == 1 && dry.closed == 0 && dry.tickets == [ticket.id])
            let plan = dry.plan
            #expect(try await world.store.ticket(ticket.id, at: world.clock.now, .staff)?.ticket.state == .solved)
            try await world.take(.dispute("No"), on: ticket.id, by: .carol)
            #expect(try await Self.run(.plan(plan), world) == .planChanged)
            #expect(try await Self.run(.plan("nonsense"), world) == .planChanged)
            try await world.take(
                .solve(Solving(comment: "Again", type: .individualWork, release: nil)), on: ticket.id, by: .ada)
            #expect(try await Self.run(.plan(plan), world) == .planChanged)
            world.clock.advance(hours: 24 * 30)
            guard case .done(let second) = try await Self.run(.dryRun(asOf: world.clock.now), world) else { return }
            guard case .done(let run) = try await Self.run(.plan(second.plan), world) else {
                Issue.record("the facts have not changed")
                return
            }
            #expect(run.closed == 1)
        }
    }

    @Test func `several runs at once close every ticket once, beside customers who answer`() async throws {
        try await World.with { world in
            var tickets: [TicketID] = []
            for _ in 0..<40 { tickets.append(try await world.solved().id) }
            let all = tickets
            world.clock.advance(hours: 24 * 30)
            let closed = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<3 {
                    group.addTask(executorPreference: world.loop) { try await Self.close(world).closed }
                }
                for (index, ticket) in all.enumerated() where index % 4 == 0 {
                    group.addTask(executorPreference: world.loop) {
                        do { try await world.take(.dispute("Still"), on: ticket, by: .carol) } catch is Refusal {
                        } catch StoreError.faster {}
                        return 0
                    }
                }
                return try await group.reduce(0, +)
            }
            var states: [State: Int] = [:]
            for ticket in all {
                let found = try await world.store.ticket(ticket, at: world.clock.now, .staff)?.ticket
                states[try #require(found).state, default: 0] += 1
            }
            #expect(states[.closed] == closed)
            #expect((states[.closed] ?? 0) + (states[.assigned] ?? 0) == 40)
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `a night is done once and caught up when it was missed`() async throws {
        try await World.with { world in
            _ = try await world.solved()
            world.clock.advance(hours: 24 * 30)
            let nights = ["call-to-visit": Instant(milliseconds: world.clock.now.milliseconds - 3_600_000)]
            let runs = try await withThrowingTaskGroup(of: JobRun?.self) { group in
                for _ in 0..<3 {
                    group.addTask(executorPreference: world.loop) {
                        try await world.store.runNight(nights, at: world.clock.now) { _ in }
                    }
                }
                return try await group.reduce(into: [JobRun]()) { if let run = $1 { $0.append(run) } }
            }
            #expect(runs.count == 1 && runs.first?.closed == 1)
            #expect(try await world.store.runNight(nights, at: world.clock.now) { _ in } == nil)
            let next = ["call-to-visit": world.clock.now]
            #expect(try await world.store.runNight(next, at: world.clock.now) { _ in } != nil)
        }
    }

    @Test func `a night noted by a clock that was far ahead is done, said once and noted anew`() async throws {
        try await World.with { world in
            let now = world.clock.now
            let nights = ["omnivox": now, "call-to-visit": now]
            let ahead = ["omnivox": Instant(rfc3339: "2031-01-02T23:00:00Z") ?? now]
            _ = try await world.store.runNight(ahead, at: ahead["omnivox"] ?? now) { _ in }
            let said = Locked<[String]>([])
            let say: @Sendable (String) -> Void = { sentence in said.withLock { $0.append(sentence) } }
            #expect(try await world.store.undoneNights(nights) == 2)
            #expect(try await world.store.runNight(nights, at: now, say: say) != nil)
            #expect(said.withLock(\.self).count == 1, "\(said.withLock(\.self))")
            #expect(
                said.withLock(\.self).first?.hasPrefix(
                    "nightly job: omnivox was noted as done until 2031-01-02T23:00:00.000Z")
                    == true)
            #expect(try await world.store.undoneNights(nights) == 0)
            #expect(try await world.store.lastNight(product: "omnivox") == now)
            // The clock that is ahead goes on being so: the same night is not done again and again.
            try await world.asSuperuser(
                "UPDATE job_schedule SET done_at = '2031-01-02T23:00:00Z' WHERE product = 'omnivox'")
            #expect(try await world.store.runNight(nights, at: now, say: say) == nil)
            world.clock.advance(hours: 24)
            let next = ["omnivox": world.clock.now, "call-to-visit": now]
            #expect(try await world.store.undoneNights(next) == 1)
            #expect(try await world.store.runNight(next, at: world.clock.now, say: say)?.leftOut == ["call-to-visit"])
            #expect(said.withLock(\.self).count == 2)
        }
    }

    @Test func `a night noted by a clock that is a little ahead is done`() async throws {
        try await World.with { world in
            let now = world.clock.now
            let ahead = Instant(milliseconds: now.milliseconds + 20 * 3_600_000)
            _ = try await world.store.runNight(["omnivox": ahead], at: ahead) { _ in }
            #expect(try await world.store.runNight(["omnivox": now], at: now) { _ in } == nil)
            #expect(try await world.store.undoneNights(["omnivox": now]) == 0)
        }
    }

    @Test func `a product's night closes nothing of one whose night is still to come`() async throws {
        try await World.with { world in
            let before = world.clock.now
            _ = try await world.store.runNight(["call-to-visit": before], at: before) { _ in }
            let early = try await world.solved("omnivox")
            let late = try await world.solved("call-to-visit")
            world.clock.advance(hours: 24 * 30)
            let now = world.clock.now
            let nights = ["omnivox": now, "call-to-visit": before]
            let run = try #require(try await world.store.runNight(nights, at: now) { _ in })
            #expect(run.tickets == [early.id] && run.due == 1 && run.closed == 1 && run.leftOut == ["call-to-visit"])
            #expect(try await world.store.ticket(late.id, at: now, .staff)?.ticket.state == .solved)
            world.clock.advance(hours: 2)
            let next = try await world.store.runNight(
                ["omnivox": now, "call-to-visit": world.clock.now], at: world.clock.now
            ) { _ in }
            #expect(next?.tickets == [late.id] && next?.leftOut == ["omnivox"])
        }
    }

    /// Whether another instance finds it, or somebody starts a run of their own.
    @Test(arguments: [false, true])
    func `a run whose process died is ended by another, and its key answers then`(byRun: Bool) async throws {
        try await World.with { world in
            let ticket = try await world.solved()
            world.clock.advance(hours: 24 * 30)
            let key = IdempotencyTests.key("run", of: .grace)
            let access = World.access(.grace, key: key)
            // The run is begun and nobody goes on with it.
            let plan = String(repeating: "0", count: 64)
            let run = JobRunID.make()
            try await world.store.writeKeyed(
                Statements.insertRun,
                [
                    .text(run.text), .instant(world.clock.now), false, nil, .instant(world.clock.now), 1, .text(plan),
                    .texts([]), .texts([]),
                ], answer: nil, run: run, access)
            try await expectFailure({ try await world.store.lookUp(access) }) { error in
                if case .keyInProgress = error { true } else { false }
            }
            if byRun {
                let outcome = try await world.store.runAutoClose(.close, by: nil, at: world.clock.now, .staff) { _, _ in
                }
                guard case .done(let own) = outcome else { throw StoreError.unexpected("the plan changed") }
                #expect(own.due == 0 && own.id != run)
            } else {
                try await world.store.finishAbandonedRuns()
            }
            try await expectFailure({ try await world.store.lookUp(access) }) { error in
                if case .replayRun(let done) = error { done.closed == 1 && done.tickets == [ticket.id] } else { false }
            }
        }
    }

    @Test func `an interrupted run ends at its next batch and leaves the rest to another`() async throws {
        try await World.with { world in
            _ = try await world.solved()
            world.clock.advance(hours: 24 * 30)
            let store = PostgresStore(
                loop: world.loop, connections: ConnectionOptions(url: world.database.ownerURL),
                rulebook: { Samples.rulebook }, now: { world.clock.now })
            let interrupted = await #expect(throws: StoreError.self) {
                try await store.runAutoClose(.close, by: nil, at: world.clock.now, .staff) { _, _ in
                    store.interruptJobs()
                }
            }
            #expect(interrupted.map { "\($0)".contains("interrupted") } == true)
            // The batch is whole, the run unfinished, and its lock free while that store still has its connections.
            let unfinished = try #require(try await world.store.runs(PageRequest(limit: 9)).items.first)
            #expect(unfinished.closed == 1 && unfinished.finishedAt == nil)
            try await world.store.finishAbandonedRuns()
            let run = try #require(try await world.store.runs(PageRequest(limit: 9)).items.first)
            #expect(run.id == unfinished.id && run.closed == 1 && run.finishedAt != nil)
            await store.close()
        }
    }

    @Test func `a stored deadline moves only when it is asked to`() async throws {
        try await World.with { world in
            let ticket = try await world.solved()
            let stored = try #require(ticket.autoClose?.at)
            try await world.asSuperuser(
                "UPDATE tickets SET auto_close_at = auto_close_at - interval '1 day', auto_close_calendar_version = 'old'"
            )
            let count = try await world.store.recalculateDeadlines(dryRun: true) { moved in
                #expect(moved.ticket == ticket.id && moved.to == stored)
            }
            #expect(count == 1)
            #expect(
                try await world.store.ticket(ticket.id, at: world.clock.now, .staff)?.ticket.autoClose?.at != stored)
            #expect(try await world.store.recalculateDeadlines(dryRun: false) { _ in } == 1)
            let after = try #require(try await world.store.ticket(ticket.id, at: world.clock.now, .staff)).ticket
            #expect(after.autoClose?.at == stored && after.version == ticket.version + 1)
            #expect(try await world.store.recalculateDeadlines(dryRun: false) { _ in } == 0)
        }
    }
}
