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
        let url = migrateURL
        let isPrivate = isPrivate
        try withLoop(name: "migrate") { loop in
            let migrator = Migrator(url: url, migrations: migrations, loop: loop)
            if isPrivate {
                _ = try await migrator.up { Terminal.say("applied migration \($0)") }
                return
            }
            let status = try await migrator.status()
            guard status.faults.isEmpty else { throw Failure.failed(status.faults.joined(separator: "\n")) }
            guard status.pending.isEmpty else {
                throw Failure.failed(
                    "The database lacks \(status.pending.count) migrations; `reglament migrate up` applies them.")
            }
        }
    }

    func connections(_ settings: Settings) -> ConnectionOptions {
        ConnectionOptions(
            url: url, readers: settings.readers, writers: settings.writers, customerWriters: settings.writers,
            slow: settings.slow)
    }
}
