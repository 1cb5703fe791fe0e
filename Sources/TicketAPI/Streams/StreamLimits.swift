import Synchronization
import Tickets

/// How many streams of events may be open at once, and how many are. One for all loops of a process.
public final class StreamLimits: Sendable {
    private struct Open {
        var all = 0
        var byToken: [TokenID: Int] = [:]
    }

    /// In the process.
    public let all: Int
    /// By one token.
    public let perToken: Int
    /// A stream that has nothing to say says so after so many seconds.
    public let heartbeatSeconds: Int
    private let open = Mutex(Open())

    public init(all: Int = 10_000, perToken: Int = 20, heartbeatSeconds: Int = 15) {
        self.all = all
        self.perToken = perToken
        self.heartbeatSeconds = heartbeatSeconds
    }

    /// Streams that are open in the process at this moment.
    public var count: Int { open.withLock { $0.all } }

    func take(_ token: TokenID) throws(Problem) {
        let refusal: ProblemType? = open.withLock { open in
            let own = open.byToken[token] ?? 0
            if own >= perToken { return .tooManyStreams }
            if open.all >= all { return .overloaded }
            open.all += 1
            open.byToken[token] = own + 1
            return nil
        }
        if let refusal { throw Problem(refusal) }
    }

    func giveBack(_ token: TokenID) {
        open.withLock { open in
            open.all -= 1
            let own = (open.byToken[token] ?? 1) - 1
            open.byToken[token] = own > 0 ? own : nil
        }
    }
}
