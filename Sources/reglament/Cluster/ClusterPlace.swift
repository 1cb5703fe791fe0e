import Glibc

/// Where a private cluster lies: all of it follows from the data folder's real path and the cluster's user, so that
/// every command finds the same.
struct ClusterPlace {
    /// The service's data folder (REGLAMENT_DATA), with the lock files.
    let folder: String
    /// PostgreSQL's own data folder.
    let data: String
    /// The folder of the socket: short, because a socket's path has at most 107 bytes, and closed to others.
    let sockets: String
    let user: ClusterUser

    var log: String { data + "/server.log" }

    /// Makes the data folder if need be. When the cluster's user cannot reach it (a checkout under /root), the data
    /// lies elsewhere, and `say` tells where.
    init(dataDirectory: String, user: ClusterUser, say: (String) -> Void) throws(ClusterError) {
        try makeFolders(dataDirectory)
        guard let real = realpath(dataDirectory, nil) else {
            throw ClusterError("The data folder \(dataDirectory) cannot be read: \(systemError()).")
        }
        defer { free(real) }
        folder = String(cString: real)
        let hash = Self.hash(folder)
        let elsewhere = "/var/lib/reglament/\(hash)"
        let isElsewhere = access("\(elsewhere)/postgres/PG_VERSION", F_OK) == 0
        if user.isOther, isElsewhere || !user.canReach(folder) {
            try makeFolders(elsewhere)
            for folder in ["/var/lib/reglament", elsewhere] { chmod(folder, 0o755) }  // Whatever the umask is.
            data = "\(elsewhere)/postgres"
            say("PostgreSQL's user cannot reach \(folder): its data is in \(data).")
        } else {
            data = folder + "/postgres"
        }
        // Root goes on with the cluster of another user as that user.
        var entry = stat()
        let isForeign = user.isOther && lstat(data, &entry) == 0 && entry.st_uid != 0
        self.user = isForeign ? ClusterUser(id: entry.st_uid, group: entry.st_gid, isOther: true) : user
        let base = geteuid() == 0 && access("/run", W_OK) == 0 ? "/run" : "/tmp"
        sockets = "\(base)/reglament-\(hash)"
    }

    /// Makes the socket's folder for the cluster's user. In /tmp anybody may have made one of that name before.
    func makeSocketFolder() throws(ClusterError) {
        if mkdir(sockets, 0o700) == 0 {
            if user.isOther { chown(sockets, user.id, user.group) }
            return
        }
        var entry = stat()
        guard errno == EEXIST, lstat(sockets, &entry) == 0 else {
            throw ClusterError("\(sockets) cannot be made: \(systemError()).")
        }
        guard entry.st_mode & S_IFMT == S_IFDIR, entry.st_uid == user.id, entry.st_mode & 0o077 == 0 else {
            throw ClusterError("\(sockets) is there already and belongs to somebody else: remove it and try again.")
        }
    }

    /// The major version that made the data; nil when there is none yet.
    var madeBy: Int? {
        smallFile(data + "/PG_VERSION").flatMap { Int($0.prefix { $0.isNumber }) }
    }

    /// FNV-1a, 64 bits: it only keeps the names of checkouts apart.
    private static func hash(_ path: String) -> String {
        let value = path.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Makes a folder with all above it, as far as they are missing.
private func makeFolders(_ path: String) throws(ClusterError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
        made += part + "/"
        if mkdir(made, 0o755) != 0, errno != EEXIST {
            throw ClusterError("The folder \(made) cannot be made: \(systemError()).")
        }
    }
}
