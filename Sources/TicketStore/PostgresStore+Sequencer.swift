import EventLoop
import Postgres
import Tickets

// The one writer of the feed and of the counts in the whole cluster: whichever instance holds an advisory lock gives committed events
// their places, batch by batch, on the very connection that holds the lock. When it dies, its connection ends, the lock
// is free, and the next one to ask goes on where it stopped.
extension PostgresStore {
    private static let batchMax = 5000
    /// From one look to the next, so that a busy writer costs one notification in that time and not one for each event.
    private static let pause = Duration.milliseconds(100)
    /// However long a look took: it may have waited, and did not work. Less than the five seconds of silence after which PostgreSQL
    /// takes this connection, and the lock with it, for dead.
    private static let pauseMax = Duration.seconds(2)
    /// How long another instance may be dead before this one takes over.
    private static let standby = Duration.seconds(1)

    /// Works, or waits for whoever does to end, until the task is cancelled; `failed` hears once of what keeps it from it.
    public func runSequencer(failed: @escaping @Sendable (String) -> Void = { _ in }) async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await connections.sequencer.withConnection { try await self.sequence(on: $0) }
                isFailing = false
            } catch {
                if !Task.isCancelled && !isFailing { failed("\(error)") }
                isFailing = true
            }
            try? await loop.sleep(Self.standby)
        }
    }

    /// Returns when somebody else holds the lock or the task is cancelled.
    private func sequence(on connection: Connection) async throws {
        guard try await connection.run(Statements.lockFeed, []).first == true else { return }
        // The lock ends with the connection, whichever way this goes.
        defer { connection.discard() }
        var counting = CountingTimes()
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let taken = try await connection.run(Statements.sequenceFeed, [.integer(Self.batchMax)]).first ?? 0
            if taken > 0 { counting.noteEvents() }
            if counting.isDue(at: start) {
                let counted = try await connection.run(Statements.foldTicketCounts, [.integer(counting.portion)]).first
                counting.note(isAll: counted ?? 0 < counting.portion, at: start)
            }
            if taken == Self.batchMax { continue }
            // A transaction that stays open for hours keeps PostgreSQL from clearing the queue away, and every look goes
            // through what is left of it: that takes a fifth of a core, as long as a look takes less than half a second.
            try await loop.sleep(min(max(Self.pause, start.duration(to: .now) * 4), Self.pauseMax))
        }
    }
}

/// When counts are added up: nobody waits for it, but who asks adds the rest, so that the rest must not grow.
///
/// Five hundred at a time: five thousand keep one of two cores for 12 ms, and whoever asks meanwhile waits. More when that
/// has not been enough for a while.
struct CountingTimes {
    static let pause = Duration.seconds(1)
    private static let portionMin = 500
    private static let portionMax = 5000
    private var isAll = false
    private var last: ContinuousClock.Instant?
    private var leftOverInARow = 0

    /// How many changes to add up at most.
    var portion: Int { min(Self.portionMin * (1 + leftOverInARow / 10), Self.portionMax) }

    /// Changes of counts come with events.
    mutating func noteEvents() { isAll = false }

    /// Once in a pause while there are events.
    func isDue(at now: ContinuousClock.Instant) -> Bool { !isAll && last.map { now >= $0 + Self.pause } ?? true }

    /// `isAll`: nothing is left. Else what is left comes next, and not a pause later.
    mutating func note(isAll: Bool, at now: ContinuousClock.Instant) {
        self.isAll = isAll
        last = isAll ? now : nil
        leftOverInARow = isAll ? 0 : leftOverInARow + 1
    }
}

extension PostgresStore {
    /// Puts what waits into the feed, once; does nothing when somebody else has the lock, who does it anyway.
    func sequenceOnce() async throws {
        try await connections.sequencer.withConnection { connection in
            guard try await connection.run(Statements.lockFeed, []).first == true else { return }
            defer { connection.discard() }
            while try await connection.run(Statements.sequenceFeed, [.integer(Self.batchMax)]).first == Self.batchMax {}
        }
    }
}

extension Statements {
    /// $1 how many at most
    static let foldTicketCounts = Statement<Int>("fold_ticket_counts", "SELECT fold_ticket_counts($1)") {
        (row) throws(RowError) in try row.int()
    }

    static let lockFeed = Statement<Bool>(
        "lock_feed", "SELECT pg_try_advisory_lock(hashtextextended('reglament feed', 0))"
    ) { (row) throws(RowError) in try row.bool() }

    /// $1 how many at most
    static let sequenceFeed = Statement<Int>("sequence_feed", "SELECT sequence_feed($1)") {
        (row) throws(RowError) in try row.int()
    }
}
