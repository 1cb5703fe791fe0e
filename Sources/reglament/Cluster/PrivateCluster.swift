import EventLoop
import Glibc
import Postgres

/// The PostgreSQL that belongs to one data folder and to nobody else: started by whoever needs it first, shared by all
/// commands on that folder, stopped by the one who leaves last. It listens on one socket and to no network.
///
/// A service that was killed leaves it running: the next command finds it and uses it as it is.
final class PrivateCluster {
    /// For migrations and administration: PostgreSQL's superuser.
    let ownerURL: String
    /// For the service: the role `reglament`, which owns nothing.
    let serviceURL: String

    private let place: ClusterPlace
    private let tools: ClusterTools
    private let locks: ClusterLocks
    private var isOpen = true

    /// Starts or joins the cluster of `dataDirectory`, making it on first use; blocks until it answers, or throws after
    /// a minute. `say` gets one line for each thing worth knowing. `close()` must follow.
    static func open(dataDirectory: String, say: (String) -> Void) throws(ClusterError) -> PrivateCluster {
        let place = try ClusterPlace(dataDirectory: dataDirectory, user: ClusterUser.current(), say: say)
        let locks = try ClusterLocks(folder: place.folder)
        try locks.lockChange(say)
        defer { locks.unlockChange() }
        let tools = try ClusterTools(madeBy: place.madeBy, user: place.user)
        try locks.joinUsers()
        if place.madeBy == nil { try create(place, tools, say) }
        // One that is just stopping ends instead of answering.
        let running = try ClusterProcess(of: place)?.awaitReadiness(say)
        let sockets = if let running { running } else { try start(place, tools, say) }
        try prepareDatabase(maintenance: url(sockets, user: "postgres", database: "postgres"))
        return PrivateCluster(place: place, tools: tools, locks: locks, sockets: sockets)
    }

    private init(place: ClusterPlace, tools: ClusterTools, locks: ClusterLocks, sockets: String) {
        self.place = place
        self.tools = tools
        self.locks = locks
        ownerURL = Self.url(sockets, user: "postgres", database: "reglament")
        serviceURL = Self.url(sockets, user: "reglament", database: "reglament")
    }

    /// Leaves the cluster; the last user stops it and waits for that. Doing it twice is harmless.
    func close() {
        guard isOpen else { return }
        isOpen = false
        // Without the lock nobody can tell who is last; then it is left running, and the next one takes it over.
        guard (try? locks.lockChange { _ in }) != nil else { return }
        defer { locks.unlockChange() }
        guard locks.leaveUsers(), let process = ClusterProcess(of: place) else { return }
        let isStopped = try? tools.run(
            "pg_ctl", ["stop", "--pgdata=\(place.data)", "--mode=fast", "--wait", "--timeout=60"], log: -1)
        if isStopped == true { process.awaitEnd() }
        rmdir(place.sockets)
    }

    deinit { close() }

    private static func url(_ sockets: String, user: String, database: String) -> String {
        "host=\(sockets) port=5432 user=\(user) dbname=\(database)"
    }
}

// MARK: Keeping

extension PrivateCluster {
    /// Starts the cluster of `dataDirectory` again whenever it has died, until the task is cancelled: nobody else would.
    static func keep(
        dataDirectory: String, on loop: EventLoop, say: @escaping @Sendable (String) -> Void
    ) async {
        let pool = WorkerPool(name: "postgres", threadsMax: 1)
        var said = ""
        while (try? await loop.sleep(.seconds(1))) != nil {
            do { try await pool.run { try revive(dataDirectory, say) } } catch {
                if "\(error)" != said { say("\(error)") }
                said = "\(error)"
            }
        }
    }

    private static func revive(_ dataDirectory: String, _ say: (String) -> Void) throws(ClusterError) {
        let place = try ClusterPlace(dataDirectory: dataDirectory, user: ClusterUser.current()) { _ in }
        guard ClusterProcess(of: place) == nil else { return }
        let locks = try ClusterLocks(folder: place.folder)
        try locks.lockChange(say)
        defer { locks.unlockChange() }
        // Another process that uses it may have been quicker.
        guard ClusterProcess(of: place) == nil else { return }
        say("PostgreSQL has ended; starting it again …")
        _ = try start(place, ClusterTools(madeBy: place.madeBy, user: place.user), say)
    }
}

// MARK: Making and starting

extension PrivateCluster {
    /// Settings of the service's own PostgreSQL. Terse logs: details of errors quote values.
    private static let settings = """

        # Reglament's private cluster: one socket, no network.
        listen_addresses = ''
        max_connections = 300
        timezone = 'UTC'
        log_timezone = 'UTC'
        jit = off
        log_checkpoints = off
        log_error_verbosity = terse
        log_min_error_statement = panic

        """

    /// Made beside its place and then renamed: a cluster that is there is whole.
    private static func create(
        _ place: ClusterPlace, _ tools: ClusterTools, _ say: (String) -> Void
    ) throws(ClusterError) {
        say("Making a PostgreSQL cluster in \(place.data) …")
        guard access(place.data, F_OK) != 0 || rmdir(place.data) == 0 else {
            throw ClusterError("\(place.data) holds something that is no cluster of PostgreSQL: move it away.")
        }
        let made = "\(place.data).\(getpid())"
        guard mkdir(made, 0o700) == 0 else { throw ClusterError("\(made) cannot be made: \(systemError()).") }
        if place.user.isOther { chown(made, place.user.id, place.user.group) }
        let logPath = place.folder + "/postgres-initdb.log"
        let log = try openLog(logPath, for: place.user)
        defer { Glibc.close(log) }
        let isMade = try tools.run(
            "initdb",
            [
                "--pgdata=\(made)", "--username=postgres", "--auth-local=trust", "--auth-host=reject",
                "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
            ], log: log)
        guard isMade else { throw ClusterError("initdb failed; what it said is in \(logPath).") }
        guard let file = fopen(made + "/postgresql.conf", "ae") else {
            throw ClusterError("\(made)/postgresql.conf cannot be written: \(systemError()).")
        }
        fputs(settings, file)
        guard fclose(file) == 0, rename(made, place.data) == 0 else {
            throw ClusterError("\(place.data) cannot be made: \(systemError()).")
        }
        unlink(logPath)
    }

    /// Starts PostgreSQL in a session of its own (pg_ctl does that), so that Ctrl-C at the terminal reaches only us.
    private static func start(
        _ place: ClusterPlace, _ tools: ClusterTools, _ say: (String) -> Void
    ) throws(ClusterError) -> String {
        try place.makeSocketFolder()
        // Nobody runs on this data: its process number may belong to any program by now, and PostgreSQL would refuse.
        unlink(place.data + "/postmaster.pid")
        let log = try openLog(place.log, for: place.user)
        defer { Glibc.close(log) }
        // pg_ctl hands its words to a shell, between double quotes only: so no path of the user's is among them.
        let arguments = [
            "start", "--pgdata=.", "--wait", "--timeout=60",
            "--options=-c unix_socket_directories=\(place.sockets) -c unix_socket_permissions=0700",
        ]
        // A postmaster that was killed may leave processes behind, which hold its memory for some seconds more.
        for attempt in 1...5 {
            let isStarted = try tools.run("pg_ctl", arguments, in: place.data, log: log) {
                say("PostgreSQL is still starting …")
            }
            if isStarted { return place.sockets }
            if ClusterProcess(of: place) != nil {
                throw ClusterError("PostgreSQL needs more than a minute to start, see \(place.log): try again later.")
            }
            if attempt < 5 { sleep(1) }
        }
        throw ClusterError("PostgreSQL does not start; what it said is in \(place.log).")
    }

    /// Both streams of PostgreSQL go here. A log that has grown over 10 MB makes room for a new one.
    private static func openLog(_ path: String, for user: ClusterUser) throws(ClusterError) -> Int32 {
        var entry = stat()
        if lstat(path, &entry) == 0, entry.st_size > 10_000_000 { rename(path, path + ".1") }
        let log = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw ClusterError("\(path) cannot be written: \(systemError()).") }
        if user.isOther { fchown(log, user.id, user.group) }
        return log
    }

    /// The database and the role of the service, if they are missing; what they hold is the migrations' work.
    private static func prepareDatabase(maintenance: String) throws(ClusterError) {
        let missing = Statement<[Bool]>(
            "missing",
            """
            SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reglament'),
                   NOT EXISTS (SELECT FROM pg_database WHERE datname = 'reglament')
            """
        ) { (row: inout ResultRow) throws(RowError) in [try row.bool(), try row.bool()] }
        do {
            try withLoop { loop in
                try await Lane.withConnection(of: "reglament set-up", to: maintenance, on: loop) { connection in
                    let answers = try await connection.run(missing).first ?? []
                    if answers.first == true {
                        try await connection.script("CREATE ROLE reglament LOGIN NOSUPERUSER NOINHERIT")
                    }
                    if answers.last == true { try await connection.script("CREATE DATABASE reglament") }
                }
            }
        } catch {
            throw ClusterError("The private PostgreSQL cannot be set up: \(error)")
        }
    }
}
