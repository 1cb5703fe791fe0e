/// Where a lane stands, and what it has done since it was made.
public struct LaneFigures: Sendable, Equatable {
    /// Why requests brought no rows.
    public enum Failure: String, CaseIterable, Sendable {
        case unavailable, overloaded
        case timedOut = "timed_out"
        /// The server refused the statement; a violated constraint is one, and often no fault of anybody's.
        case refused
        /// Misuse: a row that does not look as its reader says, a parameter that no text can be.
        case misused
    }

    /// Connections that it may open.
    public var size = 0
    /// Connections that are open.
    public var connections = 0
    /// Of these, those that somebody uses.
    public var busy = 0
    /// Requests on their way.
    public var inFlight = 0
    /// Requests that wait for a connection.
    public var waiting = 0
    /// Requests that have ended, well or not.
    public var requests = 0
    /// How long they were awaited, together.
    public var nanoseconds: UInt64 = 0
    public var failures: [Failure: Int] = [:]

    public init() {}

    /// Of the same lane on another loop.
    public mutating func add(_ other: LaneFigures) {
        size += other.size
        connections += other.connections
        busy += other.busy
        inFlight += other.inFlight
        waiting += other.waiting
        requests += other.requests
        nanoseconds &+= other.nanoseconds
        failures.merge(other.failures, uniquingKeysWith: +)
    }
}

/// Loop thread only.
final class LaneTally {
    private(set) var figures = LaneFigures()

    func note(_ nanoseconds: UInt64, _ failure: PostgresError?) {
        figures.requests += 1
        figures.nanoseconds &+= nanoseconds
        if let failure { figures.failures[LaneFigures.Failure(failure), default: 0] += 1 }
    }
}

extension LaneFigures.Failure {
    init(_ error: PostgresError) {
        self =
            switch error {
            case .unavailable: .unavailable
            case .overloaded: .overloaded
            case .timedOut: .timedOut
            case .server: .refused
            case .decoding, .parameter: .misused
            }
    }
}
