import Glibc

/// PostgreSQL's programs, run as the user who owns the cluster.
struct ClusterTools {
    /// The folder of the programs of one major version.
    let binaries: String
    let user: ClusterUser

    /// Takes the newest version from 15 on, or the one that made the data when there is one (`PG_VERSION`).
    init(madeBy version: Int?, user: ClusterUser) throws(ClusterError) {
        let root = "/usr/lib/postgresql"
        let versions = folderEntries(root).compactMap { Int($0) }.filter { version == nil ? $0 >= 15 : $0 == version }
        guard let chosen = versions.filter({ access("\(root)/\($0)/bin/initdb", X_OK) == 0 }).max() else {
            throw ClusterError(
                version.map { "The data was made by PostgreSQL \($0), which is not installed (\(root)/\($0)/bin)." }
                    ?? "PostgreSQL 15 or newer is not installed (\(root)): run Scripts/install-packages, "
                    + "or set REGLAMENT_DATABASE_URL.")
        }
        binaries = "\(root)/\(chosen)/bin"
        self.user = user
    }

    /// Runs one of the programs to its end, with its output in `log`; `waiting` is called every five seconds.
    ///
    /// The environment is empty, so that no PGPORT or PGDATA of the caller's reaches it, and it runs in `folder`, because
    /// the caller's own may be closed to the cluster's user.
    func run(
        _ program: String, _ arguments: [String], in folder: String = "/", log: Int32, waiting: () -> Void = {}
    ) throws(ClusterError) -> Bool {
        try user.run(["\(binaries)/\(program)"] + arguments, in: folder, output: log, waiting: waiting)
    }
}

/// The user under whom PostgreSQL runs: oneself, or as root an unprivileged one, because PostgreSQL refuses root.
struct ClusterUser: Equatable {
    let id: uid_t
    let group: gid_t
    /// Whether it is another one than the caller, who then is root.
    let isOther: Bool

    static func current() throws(ClusterError) -> ClusterUser {
        guard geteuid() == 0 else { return ClusterUser(id: geteuid(), group: getegid(), isOther: false) }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) {
                return ClusterUser(id: entry.pointee.pw_uid, group: entry.pointee.pw_gid, isOther: true)
            }
        }
        throw ClusterError("PostgreSQL cannot run as root, and there is neither a user postgres nor a user nobody.")
    }

    /// Whether it may pass through `folder`.
    func canReach(_ folder: String) -> Bool {
        guard isOther else { return access(folder, X_OK) == 0 }
        let isReached = try? run(["/usr/bin/test", "-x", folder], output: -1)
        return isReached ?? false
    }

    /// Runs a command to its end as this user; whether it ended well.
    func run(
        _ command: [String], in folder: String = "/", output: Int32, waiting: () -> Void = {}
    ) throws(ClusterError) -> Bool {
        var words = [
            "/usr/bin/env", "--ignore-environment", "--chdir=\(folder)", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8",
        ]
        if isOther { words += ["/usr/bin/setpriv", "--reuid=\(id)", "--regid=\(group)", "--clear-groups", "--"] }
        let child = try spawn(words + command, output: output)
        var status: Int32 = 0
        var turns = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { return status == 0 }
            if ended < 0, errno != EINTR { throw ClusterError("Waiting for \(command[0]) failed: \(systemError()).") }
            usleep(10_000)
            turns += 1
            if turns % 500 == 0 { waiting() }
        }
    }

    /// `output` takes both streams; -1 drops them. All else is closed, what we inherited too: a PostgreSQL that outlives
    /// us must not keep somebody's pipe open.
    private func spawn(_ words: [String], output: Int32) throws(ClusterError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for stream in [Int32(1), 2] {
            if output < 0 {
                posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, output, stream)
            }
        }
        for descriptor in folderEntries("/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // What we ignore (SIGPIPE) or have blocked is not for the child.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawn(&child, words[0], &actions, &attributes, arguments, [nil])
        guard code == 0 else {
            throw ClusterError("\(words[0]) cannot be started: \(String(cString: strerror(code))).")
        }
        return child
    }
}

/// The names in a folder, without . and ..; none when it cannot be read.
func folderEntries(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// A whole small file as text; nil when it cannot be read.
func smallFile(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}
