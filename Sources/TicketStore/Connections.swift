import EventLoop
import Postgres
import Tickets

/// How many connections one loop may open, and where to.
public struct ConnectionOptions: Sendable {
    /// Any libpq connection string.
    public var url: String
    /// Reads by key, pipelined; per role.
    public var readers: Int
    /// Writes, one at a time on each; for employees.
    public var writers: Int
    /// The same for customers.
    public var customerWriters: Int
    /// Lists and reports; per role. The job has three of its own.
    public var slow: Int
    /// Bytes of attachments, piece by piece; per role.
    public var bulk: Int
    /// How long a request may wait for a connection before it is told that too much is going on.
    public var waitMax: Duration
    /// For what the service does beside requests: the nightly job does not make way for it.
    var isBackground = false
    /// What employees' lanes work as. A test makes it a customer's role: then row-level security is all that is left.
    var staffRole = Roles.staff
    var staffSettings: [String: String] = [:]

    public init(
        url: String, readers: Int = 1, writers: Int = 16, customerWriters: Int = 16, slow: Int = 4,
        bulk: Int = 4, waitMax: Duration = .seconds(1)
    ) {
        self.url = url
        self.readers = readers
        self.writers = writers
        self.customerWriters = customerWriters
        self.slow = slow
        self.bulk = bulk
        self.waitMax = waitMax
    }

    /// For what is no request: nobody repeats it, as a client does, and the nightly job does not make way for it.
    public var background: ConnectionOptions {
        var options = self
        options.waitMax = LaneOptions.commandWaitMax
        options.isBackground = true
        return options
    }
}

/// The lanes of one loop: a slow query never stands in the way of a quick one, and PostgreSQL always knows for whom it
/// works.
struct Connections: Sendable {
    /// What one role uses.
    struct Lanes: Sendable {
        let reads: Lane
        let writes: Lane
        /// Of `writes`, for changes of tickets that need not be alone.
        let sharedWrites: SharedTransactions
        let slow: Lane
        let bulk: Lane
    }

    /// Any libpq connection string.
    let url: String
    /// What employees' lanes work as.
    let staffRole: String
    let staff: Lanes
    let customer: Lanes
    /// The nightly job's own: one connection holds the run's lock, one works off batches, one asks for the lock.
    let jobs: Lane
    /// Reads of the feed: those who listen do not wait behind lists, nor lists behind them.
    let feed: Lane
    /// The one connection on which the feed is written; PostgreSQL ends it, and with it the lock, when this process, its
    /// machine or its network has been silent for a while.
    let sequencer: Lane
    let listener: Listener

    /// What is found by its key is found in one way: planning it anew for each value costs more than running it. Such a
    /// plan lives as long as its connection, and one that was made while statistics called a table empty would read all
    /// of it ever after: each day's keys begin in an empty one. A plan without an index costs so much then that PostgreSQL
    /// would compile it.
    static let byKey = ["plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"]
    /// How the names of lanes begin that no request uses.
    private static let background = "background "
    /// A staged piece need not outlive a crash, and the change that attaches the file flushes all that came before it.
    private static let pieces = byKey.merging(["synchronous_commit": "off"]) { $1 }

    /// Whatever request runs in this task is told where its time went.
    private static let awaited: @Sendable (UInt64) -> Void = { RequestTime.current?.database &+= $0 }

    /// `notified` hears each channel that something was said on, and nil when any may have been missed; on the loop.
    init(_ options: ConnectionOptions, loop: EventLoop, notified: @escaping (_ channel: String?) -> Void) {
        func lanes(_ role: String, writers: Int, own: [String: String] = [:]) -> Lanes {
            func lane(
                _ name: String, _ mode: LaneOptions.Mode, _ timeout: Duration, _ settings: [String: String] = [:],
                shedsEarly: Bool = false
            ) -> Lane {
                Lane(
                    loop: loop, connectionString: options.url,
                    options: LaneOptions(
                        name: (options.isBackground ? Self.background : "") + "\(role) \(name)", mode: mode, role: role,
                        statementTimeout: timeout,
                        waitMax: options.waitMax, shedsEarly: shedsEarly, settings: settings.merging(own) { $1 },
                        awaited: Self.awaited))
            }
            let writes = lane("writes", .exclusive(connections: writers), .seconds(10), Self.byKey)
            return Lanes(
                reads: lane("reads", .pipelined(connections: options.readers), .seconds(5), Self.byKey),
                writes: writes,
                // By turns, with eight clients and sixty-four: one flight 1,900 and 1,930 registrations a second, two 1,690
                // and 2,510, three 1,620 and 2,470; up to eight together instead of sixteen 2,090 at sixty-four. A second one for
                // eight who wait, and not for fewer: 0.85 of what pgbench does for eight clients, where it was 0.78.
                sharedWrites: SharedTransactions(writes, loop: loop, together: 16, flights: 2, crowd: 8),
                // A list has many optional filters: a plan made for the ones that were given beats one for all.
                slow: lane(
                    "slow", .exclusive(connections: options.slow), .seconds(30),
                    ["plan_cache_mode": "force_custom_plan"], shedsEarly: true),
                bulk: lane("bulk", .exclusive(connections: options.bulk), .seconds(30), Self.pieces))
        }
        url = options.url
        staffRole = options.staffRole
        jobs = Lane(
            loop: loop, connectionString: options.url,
            options: LaneOptions(
                name: "jobs", mode: .exclusive(connections: 3), role: options.staffRole, statementTimeout: .seconds(60),
                waitMax: LaneOptions.commandWaitMax, settings: Self.byKey.merging(options.staffSettings) { $1 },
                awaited: Self.awaited))
        staff = lanes(options.staffRole, writers: options.writers, own: options.staffSettings)
        customer = lanes(Roles.customer, writers: options.customerWriters)
        feed = Lane(
            loop: loop, connectionString: options.url,
            options: LaneOptions(
                name: "feed", mode: .exclusive(connections: 2), role: options.staffRole, statementTimeout: .seconds(30),
                waitMax: options.waitMax, settings: Self.byKey.merging(options.staffSettings) { $1 }))
        sequencer = Lane(
            loop: loop, connectionString: options.url,
            options: LaneOptions(
                name: "sequencer", mode: .exclusive(connections: 1), role: options.staffRole,
                statementTimeout: .seconds(60),
                waitMax: .seconds(5), settings: ["idle_session_timeout": "5s"]))
        listener = Listener(
            loop: loop, connectionString: options.url,
            channels: [PostgresStore.peopleChannel, PostgresStore.feedChannel], onChange: { _ in notified(nil) },
            onNotification: { channel, _ in notified(channel) })
        Lane.group(all)
        let listener = listener
        loop.execute { listener.start() }
    }

    private var all: [Lane] {
        [jobs, feed, sequencer] + [staff, customer].flatMap { [$0.reads, $0.writes, $0.slow, $0.bulk] }
    }

    /// What runs is given `grace` in all.
    func close(grace: Duration) async {
        let end = ContinuousClock.now + grace
        listener.close()
        for lane in all { await lane.close(grace: max(.zero, end - ContinuousClock.now)) }
    }
}

/// The database roles of the first migration.
enum Roles {
    static let staff = "reglament_staff"
    static let customer = "reglament_customer"
    /// Of every table; for what the service itself may not.
    static let owner = "reglament_owner"
}
