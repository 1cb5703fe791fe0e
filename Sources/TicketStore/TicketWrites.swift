import EventLoop
import Postgres
import Tickets

/// Writes changes of tickets. Those that come while others are being written go together, several in one transaction: of
/// eight, each takes PostgreSQL half of the time, and they wait for the disk once.
///
/// Each is told on whose behalf it is written right before it, and sees what those before it have written. An error of one
/// undoes all of them, and nobody has been told of a success by then: each is then written by itself and has its own
/// verdict. So is each of a transaction that comes upon somebody's lock: one that has to wait keeps nobody else waiting.
///
/// Unchecked: every variable belongs to the loop's thread.
final class TicketWrites: @unchecked Sendable {
    /// What became of a statement that writes.
    struct Outcome {
        /// Whether nobody else was using the caller's key at that moment.
        let isKeyFree: Bool
        let isWritten: Bool
    }

    /// A statement, and on whose behalf.
    struct Writing {
        let whom: [Parameter]
        /// Under which the key is locked; nil without a key.
        let key: String?
        let statement: Statement<Int>
        let parameters: [Parameter]
    }

    private struct Wanted {
        let writing: Writing
        let finish: UnsafeContinuation<Result<Outcome?, PostgresError>, Never>
    }

    /// What is to be written by one role.
    private final class Line {
        let lane: Lane
        var wanted: [Wanted] = []
        var inFlight = 0
        var isScheduled = false
        var patience: LoopTimer?

        init(_ lane: Lane) { self.lane = lane }
    }

    private static let togetherMax = 16
    /// While so many transactions of a line are on their way, what else it wants is gathered.
    private static let flightsMax = 2
    /// After this time what was gathered is sent nevertheless: those on their way wait for the disk.
    private static let gatheringMax = Duration.milliseconds(50)
    /// Who has to wait for a lock for longer than this goes alone. Far less than what PostgreSQL waits before it looks for a
    /// deadlock: transactions that want each other's tickets part before that.
    private static let lockWaitMax = Parameter.text("100ms")

    private let loop: EventLoop
    private let staff: Line
    private let customer: Line

    init(_ connections: Connections, loop: EventLoop) {
        self.loop = loop
        staff = Line(connections.staff.writes)
        customer = Line(connections.customer.writes)
    }

    /// Nil: it is not written, and has to be by itself.
    func write(_ writing: Writing, _ scope: Access.Scope) async throws(PostgresError) -> Outcome? {
        let since = EventLoop.clock()
        let outcome = await withUnsafeContinuation { finish in
            let line = scope == .staff ? staff : customer
            line.wanted.append(Wanted(writing: writing, finish: finish))
            schedule(line)
        }
        RequestTime.current?.database &+= EventLoop.clock() &- since
        return try outcome.get()
    }

    private func schedule(_ line: Line) {
        if line.inFlight < Self.flightsMax {
            guard !line.isScheduled else { return }
            line.isScheduled = true
            loop.later {
                line.isScheduled = false
                self.send(line, flightsMax: Self.flightsMax)
            }
        } else if line.patience == nil {
            line.patience = loop.after(Self.gatheringMax) {
                line.patience = nil
                self.send(line, flightsMax: .max)
            }
        }
    }

    private func send(_ line: Line, flightsMax: Int) {
        while !line.wanted.isEmpty, line.inFlight < flightsMax {
            let together = Array(line.wanted.prefix(Self.togetherMax))
            line.wanted.removeFirst(together.count)
            line.inFlight += 1
            send(together, of: line)
        }
    }

    private func send(_ together: [Wanted], of line: Line) {
        var pipeline = Pipeline()
        let rows = together.map { wanted in
            let writing = wanted.writing
            let context = writing.whom + [.optional(writing.key), nil, Self.lockWaitMax]
            return (pipeline.append(Context.write, context), pipeline.append(writing.statement, writing.parameters))
        }
        line.lane.run(pipeline) { failure in
            line.inFlight -= 1
            self.send(line, flightsMax: Self.flightsMax)
            for (wanted, (free, written)) in zip(together, rows) {
                let outcome = Outcome(isKeyFree: free.rows.first ?? false, isWritten: written.rows.first == 1)
                wanted.finish.resume(
                    returning: failure.map { Self.verdict($0, of: together.count) } ?? .success(outcome))
            }
        }
    }

    private static func verdict(_ failure: PostgresError, of count: Int) -> Result<Outcome?, PostgresError> {
        switch failure {
        // 55P03: lock_not_available (PostgreSQL manual, appendix A).
        case .server where count > 1 || failure.sqlstate == "55P03": .success(nil)
        // Nothing was written, and it may be another's fault.
        case .timedOut where count > 1: .success(nil)
        case .parameter where count > 1: .success(nil)
        default: .failure(failure)
        }
    }
}
