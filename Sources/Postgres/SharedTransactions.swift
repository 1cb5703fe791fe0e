public import EventLoop

/// Puts what several callers want of one lane at the same time into one transaction: it costs PostgreSQL less than one for
/// each, and of changes the disk is waited for once.
///
/// Each says on whose behalf it asks right before its statement, and sees what those before it have written. An error of
/// one undoes all of them, and nobody has been told of a success by then: each is then to be done by itself, and has its own
/// verdict.
///
/// Unchecked: every variable belongs to the loop's thread.
public final class SharedTransactions: @unchecked Sendable {
    private struct Wanted {
        let pipeline: Pipeline
        let finish: UnsafeContinuation<Result<Bool, PostgresError>, Never>
    }

    /// After this time what was gathered is sent nevertheless: how long it may wait for PostgreSQL is the lane's to say.
    private static let gatheringMax = Duration.milliseconds(50)

    private let lane: Lane
    private let loop: EventLoop
    private let togetherMax: Int
    private let flightsMax: Int
    private var wanted: [Wanted] = []
    private var inFlight = 0
    private var isScheduled = false
    private var patience: LoopTimer?

    /// - Parameters:
    ///   - together: how many share one transaction at most.
    ///   - flights: while so many transactions are on their way, what else is wanted is gathered.
    public init(_ lane: Lane, loop: EventLoop, together: Int, flights: Int) {
        self.lane = lane
        self.loop = loop
        togetherMax = together
        flightsMax = flights
    }

    /// Runs a pipeline in a transaction that it may share. False: nothing was done, and it has to be run by itself.
    public func run(_ pipeline: Pipeline) async throws(PostgresError) -> Bool {
        let since = EventLoop.clock()
        let outcome = await withUnsafeContinuation { finish in
            wanted.append(Wanted(pipeline: pipeline, finish: finish))
            schedule()
        }
        lane.options.awaited?(EventLoop.clock() &- since)
        return try outcome.get()
    }

    private func schedule() {
        if inFlight < flightsMax {
            guard !isScheduled else { return }
            isScheduled = true
            loop.later {
                self.isScheduled = false
                self.send(flightsMax: self.flightsMax)
            }
        } else if patience == nil {
            patience = loop.after(Self.gatheringMax) {
                self.patience = nil
                self.send(flightsMax: .max)
            }
        }
    }

    private func send(flightsMax: Int) {
        while !wanted.isEmpty, inFlight < flightsMax {
            let together = Array(wanted.prefix(togetherMax))
            wanted.removeFirst(together.count)
            inFlight += 1
            send(together)
        }
    }

    private func send(_ together: [Wanted]) {
        var shared = Pipeline()
        for one in together { shared.append(one.pipeline) }
        lane.run(shared) { failure in
            self.inFlight -= 1
            // Before those who wait go on: PostgreSQL works on while their answers are written.
            self.send(flightsMax: self.flightsMax)
            let outcome: Result<Bool, PostgresError> =
                failure.map { $0.isUndone(of: together.count) ? .success(false) : .failure($0) } ?? .success(true)
            for one in together { one.finish.resume(returning: outcome) }
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
