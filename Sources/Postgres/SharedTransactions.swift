public import EventLoop

/// Puts what several callers want of one lane at the same time into one transaction: it costs PostgreSQL less than one for
/// each, and of changes the disk is waited for once.
///
/// Each says on whose behalf it asks right before its statement, and sees what those before it have written. An error of
/// one undoes all of them, and nobody has been told of a success by then: each is then to be done by itself, and has its own
/// verdict.
///
/// No more wait to be sent than the lane lets wait for a connection; the next one is refused as `overloaded`.
///
/// Unchecked: every variable belongs to the loop's thread.
public final class SharedTransactions: @unchecked Sendable {
    private struct Wanted {
        let since: UInt64
        let pipeline: Pipeline
        let finish: (Result<Bool, PostgresError>) -> Void
    }

    /// Whoever has waited for so long is sent nevertheless: where a commit waits for a slow disk, or for a standby, one more
    /// transaction that waits costs nothing.
    private static let gatheringMax = Duration.milliseconds(5)
    /// Of parameters in one transaction, but for one that has more by itself: libpq keeps as much memory as it once needed.
    private static let bytesMax = 1 << 18

    private let lane: Lane
    private let loop: EventLoop
    private let togetherMax: Int
    private let flightsMax: Int
    private let crowdMin: Int
    private var wanted: [Wanted] = []
    private var inFlight = 0
    private var isScheduled = false
    private var patience: LoopTimer?

    /// - Parameters:
    ///   - together: how many share one transaction at most.
    ///   - flights: while so many transactions are on their way, what else is wanted is gathered.
    ///   - crowd: while one is on its way, another begins only for so many; what fewer want is gathered.
    public init(_ lane: Lane, loop: EventLoop, together: Int, flights: Int, crowd: Int = 1) {
        self.lane = lane
        self.loop = loop
        togetherMax = together
        flightsMax = flights
        crowdMin = crowd
    }

    /// Runs a pipeline in a transaction that it may share. False: nothing was done, and it has to be run by itself.
    public func run(_ pipeline: Pipeline) async throws(PostgresError) -> Bool {
        let since = EventLoop.clock()
        let outcome = await withUnsafeContinuation { continuation in
            run(pipeline) { continuation.resume(returning: $0) }
        }
        lane.options.awaited?(EventLoop.clock() &- since)
        return try outcome.get()
    }

    /// The same for whoever answers many callers at once: `finish` hears on the loop, before any task goes on.
    public func run(_ pipeline: Pipeline, finish: @escaping (Result<Bool, PostgresError>) -> Void) {
        guard wanted.count < lane.options.queueMax else { return finish(.failure(.overloaded)) }
        wanted.append(Wanted(since: loop.now, pipeline: pipeline, finish: finish))
        schedule()
    }

    private func schedule() {
        guard inFlight < flightsMax else { return watchOldest() }
        guard !isScheduled else { return }
        isScheduled = true
        loop.later {
            self.isScheduled = false
            self.sendWhileFew()
        }
    }

    /// Shared out over those that may be on their way, so that PostgreSQL works on several while there are few.
    private func sendWhileFew() {
        while !wanted.isEmpty, inFlight < flightsMax {
            let isCrowd = wanted.count >= crowdMin
            guard isCrowd || inFlight == 0 else { break }
            let free = isCrowd ? flightsMax - inFlight : 1
            sendNext(atMost: (wanted.count + free - 1) / free)
        }
        watchOldest()
    }

    private func watchOldest() {
        guard patience == nil, let oldest = wanted.first else { return }
        let waited = Duration.nanoseconds(Int64(clamping: loop.now &- oldest.since))
        patience = loop.after(max(.zero, Self.gatheringMax - waited)) {
            self.patience = nil
            if let oldest = self.wanted.first, self.loop.now &- oldest.since >= Self.gatheringMax.nanoseconds {
                self.sendNext(atMost: self.togetherMax)
            }
            self.watchOldest()
        }
    }

    private func sendNext(atMost share: Int) {
        var count = 0
        var bytes = 0
        for one in wanted.prefix(min(share, togetherMax)) {
            bytes += one.pipeline.byteCount
            if count > 0, bytes > Self.bytesMax { break }
            count += 1
        }
        let together = Array(wanted.prefix(count))
        wanted.removeFirst(count)
        inFlight += 1
        send(together)
    }

    private func send(_ together: [Wanted]) {
        var shared = Pipeline()
        for one in together { shared.append(one.pipeline) }
        lane.run(shared) { failure in
            self.inFlight -= 1
            // Before those who wait go on: PostgreSQL works on while their answers are written.
            self.sendWhileFew()
            let outcome: Result<Bool, PostgresError> =
                failure.map { $0.isUndone(of: together.count) ? .success(false) : .failure($0) } ?? .success(true)
            for one in together { one.finish(outcome) }
        }
    }
}

extension PostgresError {
    /// Whether a transaction of so many callers was rolled back for what may be the fault of one, or of somebody's lock
    /// (55P03, lock_not_available; PostgreSQL manual, appendix A).
    fileprivate func isUndone(of count: Int) -> Bool {
        switch self {
        case .server: count > 1 || sqlstate == "55P03"
        case .timedOut, .parameter: count > 1
        case .unavailable, .overloaded, .decoding: false
        }
    }
}
