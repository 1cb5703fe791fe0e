/// What a lane is for and how much of it there is.
public struct LaneOptions: Sendable {
    /// How requests share connections.
    public enum Mode: Sendable, Equatable {
        /// Several requests are on their way on each of so many connections: for short reads, because a slow one holds
        /// up all behind it.
        case pipelined(connections: Int)
        /// One request at a time on each of up to so many connections, opened when they are needed and kept.
        case exclusive(connections: Int)
    }

    /// Shown in `pg_stat_activity` as the application's name.
    public var name: String
    public var mode: Mode
    /// The role that PostgreSQL takes the session's statements for; nil leaves the login role.
    public var role: String?
    /// PostgreSQL rolls a statement back after this time; nil sets no limit.
    public var statementTimeout: Duration?
    /// How many requests may wait for a connection; the next one is refused as `overloaded`.
    public var queueMax: Int
    /// How long a request may wait for a connection before it fails as `overloaded`; at once when it would be longer.
    public var waitMax: Duration
    /// For what is expensive and can be asked for again: while more comes than goes, nothing waits for much longer than
    /// being served takes, and the rest fails at once as `overloaded`.
    public var shedsEarly: Bool
    /// Pipelined lanes: how many requests may be on their way on one connection before others wait.
    public var depthMax: Int
    /// Further settings of the session, by name.
    public var settings: [String: String]
    /// Hears how long each request was awaited, in nanoseconds, in the task that awaited it.
    public var awaited: (@Sendable (UInt64) -> Void)?

    public init(
        name: String, mode: Mode, role: String? = nil, statementTimeout: Duration? = .seconds(5), queueMax: Int = 1000,
        waitMax: Duration = .seconds(1), shedsEarly: Bool = false, depthMax: Int = 32, settings: [String: String] = [:],
        awaited: (@Sendable (UInt64) -> Void)? = nil
    ) {
        self.name = name
        self.mode = mode
        self.role = role
        self.statementTimeout = statementTimeout
        self.queueMax = queueMax
        self.waitMax = waitMax
        self.shedsEarly = shedsEarly
        self.depthMax = depthMax
        self.settings = settings
        self.awaited = awaited
    }

    var connectionsMax: Int {
        switch mode {
        case .pipelined(let connections), .exclusive(let connections): max(1, connections)
        }
    }

    var inFlightMax: Int {
        if case .pipelined = mode { max(1, depthMax) } else { 1 }
    }
}
