import EventLoop
import Glibc

/// A PostgreSQL of the driver's own, on one socket, that may be killed, stopped, and robbed of its disk.
final class Cluster: Sendable {
    /// The folder of its socket.
    let sockets: String
    private let data: String
    private let log: String
    private let disk: String?
    private let binaries: String
    /// PostgreSQL refuses to run as root.
    private let asServer: [String]
    private let postmaster = Locked<Child?>(nil)

    /// `disk`: a small file system of our own, for the data; nil: the data lies in `folder`, and the disk is never filled.
    init(folder: String, disk: String?) throws(Failure) {
        // Filling any other would be a fault of ours.
        if let disk, Self.device(of: disk) == Self.device(of: folder) {
            throw Failure("\(disk) is no file system of its own")
        }
        let home = disk ?? folder
        (sockets, data, log) = ("\(folder)/sockets", "\(home)/data", "\(folder)/postgres.log")
        self.disk = disk
        let root = "/usr/lib/postgresql"
        guard let version = entries(of: root).compactMap({ Int($0) }).filter({ $0 >= 15 }).max() else {
            throw Failure("no PostgreSQL 15 or newer in \(root); Scripts/install-packages installs one")
        }
        binaries = "\(root)/\(version)/bin"
        var owner: (user: uid_t, group: gid_t)?
        if geteuid() == 0, let entry = getpwnam("postgres") ?? getpwnam("nobody") {
            owner = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        }
        asServer = owner.map { ["setpriv", "--reuid=\($0.user)", "--regid=\($0.group)", "--clear-groups", "--"] } ?? []
        for path in [sockets, data] {
            guard mkdir(path, 0o700) == 0 else { throw Failure("\(path) cannot be made: \(systemError())") }
            if let owner { chown(path, owner.user, owner.group) }
        }
        try make()
    }

    private static func device(of path: String) -> dev_t? {
        var entry = stat()
        return stat(path, &entry) == 0 ? entry.st_dev : nil
    }

    private func make() throws(Failure) {
        // Small segments, never used again: then the log asks for room as often as tables do.
        let words = [
            "--pgdata=\(data)", "--username=postgres", "--auth=trust", "--locale=C.UTF-8", "--encoding=UTF8",
            "--no-sync",
            "--wal-segsize=1",
        ]
        guard try Child.run(asServer + ["\(binaries)/initdb"] + words, errors: log) == 0 else {
            throw Failure("initdb failed, see \(log)")
        }
        try start()
    }

    func url(_ database: String, through folder: String? = nil, as user: String = "postgres") -> String {
        "host=\(folder ?? sockets) user=\(user) dbname=\(database) connect_timeout=10"
    }

    /// Starts it, unless it runs. One that was killed leaves processes and memory behind, which go within moments.
    func start() throws(Failure) {
        let settings = [
            "listen_addresses=", "unix_socket_directories=\(sockets)", "max_connections=200", "shared_buffers=32MB",
            "max_wal_size=64MB", "min_wal_size=2MB", "wal_recycle=off", "TimeZone=UTC", "log_checkpoints=off",
        ]
        let words = asServer + ["\(binaries)/postgres", "-D", data] + settings.flatMap { ["-c", $0] }
        let end = monotonic() + 60
        while monotonic() < end {
            if !isRunning { postmaster.withLock { $0 = try? Child(words, errors: log) } }
            if wait(upTo: 10, until: { !isRunning || isReady }), isRunning { return }
            sleep(seconds: 0.1)
        }
        throw Failure("PostgreSQL does not start within a minute, see \(log)")
    }

    private var isReady: Bool { (try? Database(url("postgres"))) != nil }

    private var isRunning: Bool {
        postmaster.withLock { child in
            if child?.ended() != nil { child = nil }
            return child != nil
        }
    }

    /// Orderly, and if that takes too long, not.
    func stop() {
        guard let child = postmaster.withLock({ $0 }) else { return }
        child.signal(SIGINT)
        if child.ended(within: 20) == nil {
            signal(SIGKILL, to: processes)
            _ = child.ended(within: 10)
        }
        postmaster.withLock { $0 = nil }
    }

    /// The postmaster first, then its children.
    var processes: [pid_t] {
        guard let id = postmaster.withLock({ $0?.id }) else { return [] }
        return [id] + children(of: id)
    }

    /// Those that serve a connection.
    var backends: [pid_t] {
        processes.dropFirst().filter { text(of: "/proc/\($0)/cmdline")?.contains("reglament") == true }
    }

    func signal(_ number: Int32, to processes: [pid_t]) {
        for id in processes { kill(id, number) }
    }

    /// Kills all of it. The postmaster is stopped first: a child that it makes while the others are looked for would be left
    /// over, and may wait for ever for a lock of PostgreSQL's own that a killed one held.
    func killAll() {
        signal(SIGSTOP, to: Array(processes.prefix(1)))
        signal(SIGKILL, to: processes)
    }

    private func children(of parent: pid_t) -> [pid_t] {
        entries(of: "/proc").compactMap { pid_t($0) }.filter { id in
            // After the name, which may hold anything: state, parent.
            let rest = text(of: "/proc/\(id)/stat").flatMap { stat in
                stat.lastIndex(of: ")").map { stat[stat.index($0, offsetBy: 2)...] }
            }
            return rest?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) } == parent
        }
    }
}

/// The disk.
extension Cluster {
    var mayFill: Bool { disk != nil }

    /// Takes all the room that is left; gives the bytes.
    func fill() -> Int {
        guard let disk else { return 0 }
        let file = open("\(disk)/filling", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var size = 0
        for piece in [16_777_216, 1_048_576, 65_536, 4096] {
            while posix_fallocate(file, off_t(size), off_t(piece)) == 0 { size += piece }
        }
        return size
    }

    func empty() { if let disk { unlink("\(disk)/filling") } }
}
