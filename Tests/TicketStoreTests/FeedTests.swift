import EventLoop
import Postgres
import Regulations
import Synchronization
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// The installation's one order of events, against those who write at the same time and those who kill the sequencer.
@Suite(.serialized) struct FeedTests {
    /// What a reader got who always went on from the last place.
    private struct Reading: Sendable {
        var places: [Int] = []
        var events: [TicketID: [Int]] = [:]

        mutating func add(_ page: [FeedRecord]) {
            for item in page {
                places.append(item.feedSeq)
                events[item.record.event.ticket, default: []].append(item.record.event.seq)
            }
        }
    }

    private func superuser(_ world: World, connections: Int = 1) -> Lane {
        Lane(
            loop: world.loop, connectionString: world.database.ownerURL,
            options: LaneOptions(
                name: "superuser", mode: .exclusive(connections: connections), statementTimeout: .seconds(60),
                waitMax: .seconds(60)))
    }

    /// One more event of a ticket, with the guard that every write of ours has.
    private func event(_ id: TicketID) -> String {
        """
        WITH t AS (UPDATE tickets SET event_seq = event_seq + 1 WHERE id = '\(id)' RETURNING id, event_seq, organization)
        INSERT INTO events (ticket, seq, organization, internal, at, actor_role, action, digests, hash)
        SELECT id, event_seq, organization, false, now(), 'service', 'comment', '{}', sha256('x') FROM t;
        """
    }

    private func sequence(_ world: World) async throws -> Int {
        try await world.store.connections.sequencer.run(Statements.sequenceFeed, [5000]).first ?? -1
    }

    @Test func `however commits overtake each other and sequencers die, a reader sees every event once, in order`()
        async throws
    {
        try await World.with { world in
            var tickets: [TicketID] = []
            for _ in 0..<6 { tickets.append(try await world.register().id) }
            let ids = tickets
            let rival = PostgresStore(
                loop: world.loop, connections: ConnectionOptions(url: world.database.ownerURL),
                rulebook: { Samples.rulebook }, now: { world.clock.now })
            let sequencers = [world.store, rival].map { store in
                Task(executorPreference: world.loop) { await store.runSequencer() }
            }
            let lane = self.superuser(world, connections: 7)
            let isWriting = Atomic<Bool>(true)
            async let reading: Reading = {
                var reading = Reading()
                while true {
                    let isLast = !isWriting.load(ordering: .sequentiallyConsistent)
                    let lag = try await world.store.feedLag().pending
                    let page = try await world.store.feed(
                        after: reading.places.last ?? 0, limit: Int.random(in: 1...40))
                    reading.add(page)
                    if isLast && lag == 0 && page.isEmpty { return reading }
                    try await world.loop.sleep(.milliseconds(Int.random(in: 0...20)))
                }
            }()
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask(executorPreference: world.loop) {
                        for _ in 0..<20 {
                            let id = ids[Int.random(in: 0..<ids.count)]
                            let events = String(repeating: self.event(id), count: Int.random(in: 1...3))
                            // Some stay open for as long as several batches take, some never happened.
                            let pause = Double.random(in: 0...1) < 0.1 ? 0.4 : Double.random(in: 0...0.03)
                            let end = Int.random(in: 0..<8) == 0 ? "ROLLBACK" : "COMMIT"
                            try await lane.withConnection { connection in
                                try await connection.script("BEGIN; \(events) SELECT pg_sleep(\(pause)); \(end)")
                            }
                        }
                    }
                }
                group.addTask(executorPreference: world.loop) {
                    for _ in 0..<4 {
                        try await world.loop.sleep(.milliseconds(300))
                        try await lane.withConnection {
                            try await $0.script(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                                    + "AND application_name = 'sequencer'")
                        }
                    }
                }
                try await group.waitForAll()
            }
            isWriting.store(false, ordering: .sequentiallyConsistent)
            let seen = try await reading
            for task in sequencers { task.cancel() }
            for task in sequencers { await task.value }
            #expect(seen.places == Array(1...max(1, seen.places.count)))
            for (id, seqs) in seen.events { #expect(seqs == Array(1...seqs.count), "\(id)") }
            let count = Statement<Int>("count", "SELECT count(*)::integer FROM events") {
                (row) throws(RowError) in try row.int()
            }
            #expect(try await lane.run(count).first == seen.places.count)
            #expect(try await world.store.connections.staff.slow.run(Statements.strayFeed, []).isEmpty)
            await lane.close()
            await rival.close()
        }
    }

    @Test func `a look that was kept waiting does not put the next one off`() async throws {
        try await World.with { world in
            let sequencer = Task(executorPreference: world.loop) { await world.store.runSequencer() }
            func allIsSequenced() async throws {
                while try await world.store.feedLag().pending > 0 { try await world.loop.sleep(.milliseconds(10)) }
            }
            _ = try await world.register()
            try await allIsSequenced()
            // From when a look begins to wait.
            try await world.asSuperuser(
                """
                DO $$ BEGIN
                    LOCK TABLE feed_pending IN ACCESS EXCLUSIVE MODE;
                    WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'feed_pending'::regclass) LOOP
                        PERFORM pg_sleep(0.01);
                    END LOOP;
                    PERFORM pg_sleep(2);
                END $$
                """)
            let start = ContinuousClock.now
            _ = try await world.register()
            try await allIsSequenced()
            #expect(start.duration(to: .now) < .seconds(5))
            sequencer.cancel()
            await sequencer.value
        }
    }

    @Test func `a transaction that stays open keeps nobody waiting, and comes when it ends`() async throws {
        try await World.with { world in
            let (slow, quick) = (try await world.register(), try await world.register())
            #expect(try await self.sequence(world) == 2)
            let lane = self.superuser(world)
            try await lane.withConnection { connection in
                try await connection.script("BEGIN; \(self.event(slow.id))")
                try await world.take(.comment("Hello"), on: quick.id, by: .ada)
                #expect(try await self.sequence(world) == 1)
                #expect(try await world.store.feed(after: 2, limit: 5).map(\.record.event.ticket) == [quick.id])
                try await connection.script("COMMIT")
            }
            #expect(try await self.sequence(world) == 1)
            #expect(try await world.store.feed(after: 3, limit: 5).map(\.record.event.ticket) == [slow.id])
            #expect(try await world.store.feedEnd() == 4)
            await lane.close()
        }
    }

    @Test func `what a restore queued twice, or has in the feed already, gets no second place`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            #expect(try await self.sequence(world) == 1)
            try await world.take(.comment("Hello"), on: ticket.id, by: .ada)
            try await world.asSuperuser("INSERT INTO feed_pending (ticket, seq) SELECT ticket, seq FROM events")
            #expect(try await self.sequence(world) == 3)
            #expect(try await world.store.feed(after: 0, limit: 9).map(\.record.event.seq) == [1, 2])
            #expect(try await world.store.feedLag() == FeedLag(pending: 0, oldest: nil))
        }
    }

    /// A plan lasts as long as the connection: made for an empty queue, it read all that was in it later from end to end.
    @Test func `the sequencer goes by the indexes, whatever there was when it was planned`() async throws {
        try await World.with { world in
            let lane = self.superuser(world)
            let scans = Statement<Int>(
                "scans",
                """
                SELECT sum(seq_scan)::integer FROM pg_stat_xact_user_tables
                 WHERE relname IN ('feed', 'feed_pending', 'ticket_count_changes')
                """
            ) { (row) throws(RowError) in try row.int() }
            for _ in 0..<12 {
                for _ in 0..<3 { _ = try await world.register() }
                var look = Pipeline()
                look.append(Statements.sequenceFeed, [5000])
                look.append(Statements.foldTicketCounts, [5000])
                let scanned = look.append(scans, [])
                try await lane.run(look)
                #expect(scanned.rows == [0])
            }
            await lane.close()
        }
    }

    @Test func `history that is older than the feed is in it by time, each ticket in its own order`() async throws {
        try await World.with { world in
            let (one, other) = (try await world.register(), try await world.register())
            world.clock.advance(hours: 1)
            try await world.take(.comment("Later"), on: one.id, by: .ada)
            let later = world.clock.now
            try await world.take(.comment("Earlier"), on: one.id, by: .ada)
            // As an instance wrote it whose clock was behind.
            try await world.asSuperuser(
                "UPDATE events SET at = at - interval '2 hours' WHERE ticket = '\(one.id)' AND seq = 3")
            world.clock.advance(hours: -0.5)
            try await world.take(.comment("Between"), on: other.id, by: .ada)
            try await world.asSuperuser(
                """
                DROP TABLE feed, feed_pending; DROP TRIGGER events_await_feed ON events;
                DROP FUNCTION await_feed, sequence_feed; DELETE FROM migrations WHERE number = 9
                """)
            let migrator = Migrator(
                url: world.database.ownerURL, migrations: try Repository.migrations(), loop: world.loop)
            #expect(try await migrator.up { _ in } == 1)
            let feed = try await world.store.feed(after: 0, limit: 9)
            #expect(feed.map(\.feedSeq) == [1, 2, 3, 4, 5])
            #expect(feed.map(\.record.event.ticket) == [one.id, other.id, other.id, one.id, one.id])
            #expect(try await self.sequence(world) == 0)
            try await world.take(.comment("After"), on: one.id, by: .ada)
            #expect(try await world.store.feedLag() == FeedLag(pending: 1, oldest: later))
            #expect(try await self.sequence(world) == 1)
            #expect(try await world.store.connections.staff.slow.run(Statements.strayFeed, []).isEmpty)
        }
    }

    /// What a superuser does to the feed, and what is said of it.
    @Test(arguments: [
        ("DELETE FROM feed WHERE feed_seq = 1", ["1 places up to 2", "neither in the feed"]),
        ("UPDATE feed SET feed_seq = 3 WHERE feed_seq = 1", ["2 places up to 3", "before an earlier one"]),
        ("INSERT INTO feed VALUES (3, 'OMNIVOX-77', 1)", ["OMNIVOX-77: place 3 of the feed is of no event"]),
        ("INSERT INTO feed_pending (ticket, seq) SELECT ticket, seq FROM feed", []),
    ])
    func `verify finds what is wrong with the feed`(sql: String, faults: [String]) async throws {
        try await World.with { world in
            let ticket = try await world.register()
            try await world.take(.comment("Hello"), on: ticket.id, by: .ada)
            #expect(try await self.sequence(world) == 2)
            #expect(try await world.store.verify { _ in }.breaks == [])
            try await world.asSuperuser(sql)
            let breaks = try await world.store.verify { _ in }.breaks
            #expect(breaks.count == faults.count, "\(breaks)")
            for fault in faults { #expect(breaks.contains { $0.contains(fault) }, "\(breaks)") }
        }
    }
}
