import EventLoop
import TicketStore

/// Where the data is: a given PostgreSQL, or the private cluster of a folder, started or joined.
final class Database {
    let url: String
    let migrateURL: String
    /// Nil: somebody else's PostgreSQL, which nobody here starts or stops.
    private let cluster: PrivateCluster?

    init(_ settings: Settings) throws {
        if let url = settings.databaseURL {
            self.url = url
            migrateURL = settings.migrateURL ?? url
            cluster = nil
        } else {
            let cluster: PrivateCluster
            do { cluster = try PrivateCluster.open(dataDirectory: settings.data, say: Terminal.say) } catch {
                throw Failure.failed("\(error)")
            }
            self.cluster = cluster
            url = cluster.serviceURL
            migrateURL = cluster.ownerURL
        }
    }

    var isPrivate: Bool { cluster != nil }

    func close() { cluster?.close() }

    /// The private cluster is migrated as needed; a given database must be as this version wants it.
    func prepare(_ installation: Installation) throws {
        let migrations = try installation.migrations()
        let isPrivate = isPrivate
        // Everybody may read what has been applied.
        let url = isPrivate ? migrateURL : url
        try withLoop(name: "migrate") { loop in
            let migrator = Migrator(url: url, migrations: migrations, loop: loop)
            if isPrivate {
                _ = try await migrator.up { Terminal.say("applied migration \($0)") }
            } else {
                try await Self.check(migrator)
            }
        }
    }

    /// Looks at a given database while `read` reads files on another thread, and returns what it read: each takes a third of
    /// a start. What is wrong with files is told first.
    static func check<Files: Sendable>(
        _ settings: Settings, on loop: EventLoop, while read: @escaping @Sendable () throws -> Files
    ) async throws -> Files {
        let reader = WorkerPool(name: "files", threadsMax: 1)
        async let files = reader.run(read)
        let checked: Result<Void, any Error>
        do {
            let migrations = try Installation.migrations(Installation.findHome(settings))
            let url = settings.databaseURL ?? ""
            checked = .success(try await check(Migrator(url: url, migrations: migrations, loop: loop)))
        } catch { checked = .failure(error) }
        let given = try await files
        try checked.get()
        return given
    }

    private static func check(_ migrator: Migrator) async throws {
        let status = try await migrator.status()
        guard status.faults.isEmpty else { throw Failure.failed(status.faults.joined(separator: "\n")) }
        guard status.pending.isEmpty else {
            throw Failure.failed(
                "The database lacks \(status.pending.count) migrations; `reglament migrate up` applies them.")
        }
    }

    func connections(_ settings: Settings) -> ConnectionOptions {
        ConnectionOptions(
            url: url, readers: settings.readers, writers: settings.writers, customerWriters: settings.writers,
            slow: settings.slow)
    }
}
