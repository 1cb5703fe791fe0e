import Digests
public import EventLoop
import Postgres

/// One file of `Migrations/`.
public struct Migration: Sendable, Equatable {
    public let number: Int
    public let name: String
    public let sql: String
    public let sha256: String

    /// Nil unless the file's name is `0007_words.sql`.
    public init?(fileName: String, bytes: [UInt8]) {
        guard fileName.hasSuffix(".sql"), let underscore = fileName.firstIndex(of: "_"),
            fileName[..<underscore].utf8.count == 4, let number = Int(fileName[..<underscore]), number > 0
        else { return nil }
        self.number = number
        name = String(fileName.dropLast(4))
        sql = String(decoding: bytes, as: UTF8.self)
        sha256 = Digest(of: bytes).hex
    }
}

/// What the database has of the migrations.
public struct MigrationStatus: Sendable, Equatable {
    public let applied: [String]
    public let pending: [Migration]
    /// Sentences about what must not be: a file changed after it ran, or ran and is not here.
    public let faults: [String]

    public var isCurrent: Bool { pending.isEmpty && faults.isEmpty }
}

/// Runs the numbered files of `Migrations/` in their order, each once and whole, forward only.
public struct Migrator: Sendable {
    private let url: String
    private let migrations: [Migration]
    private let loop: EventLoop

    /// `url` is that of the owner of the database, or of somebody who may become it.
    public init(url: String, migrations: [Migration], loop: EventLoop) {
        self.url = url
        self.migrations = migrations.sorted { $0.number < $1.number }
        self.loop = loop
    }

    public enum Failure: Error, CustomStringConvertible {
        case faults([String])
        case migration(String, reason: String)
        case database(String)

        public var description: String {
            switch self {
            case .faults(let faults): faults.joined(separator: "\n")
            case .migration(let name, let reason): "migration \(name) failed and changed nothing: \(reason)"
            case .database(let reason): "the database cannot be reached: \(reason)"
            }
        }
    }

    public func status() async throws(Failure) -> MigrationStatus {
        try await withConnection { connection throws(Failure) in try await status(connection) }
    }

    /// Applies what is pending and says the names of it. Two that start at once follow one another.
    public func up(_ say: @Sendable (String) -> Void) async throws(Failure) -> Int {
        try await withConnection { connection throws(Failure) in
            _ = try await Self.attempt { try await connection.run(Statements.lockMigrations) }
            let status = try await status(connection)
            guard status.faults.isEmpty else { throw .faults(status.faults) }
            for migration in status.pending {
                do {
                    try await connection.script(Self.script(migration), name: migration.name)
                } catch { throw .migration(migration.name, reason: "\(error)") }
                say(migration.name)
            }
            _ = try await Self.attempt { try await connection.run(Statements.unlockMigrations) }
            return status.pending.count
        }
    }

    /// The file and the note that it ran, in one transaction. The values are a number, a file's name and hexadecimal.
    private static func script(_ migration: Migration) -> String {
        let name = migration.name.replacing("'", with: "''")
        return """
            BEGIN;
            \(migration.sql)
            RESET ROLE;
            INSERT INTO public.migrations (number, name, sha256)
            VALUES (\(migration.number), '\(name)', '\(migration.sha256)');
            COMMIT;
            """
    }

    private func status(_ connection: Connection) async throws(Failure) -> MigrationStatus {
        let exists = try await Self.attempt { try await connection.run(Statements.migrationsExist) }
        var rows: [AppliedMigration] = []
        if exists.first == true {
            rows = try await Self.attempt { try await connection.run(Statements.appliedMigrations) }
        }
        let files = Dictionary(migrations.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        var faults: [String] = []
        for row in rows {
            if let file = files[row.number] {
                if file.sha256 != row.sha256 { faults.append("migration \(row.name) was changed after it ran") }
            } else {
                faults.append("the database has migration \(row.name), which this version does not know")
            }
        }
        let applied = Set(rows.map(\.number))
        return MigrationStatus(
            applied: rows.map(\.name), pending: migrations.filter { !applied.contains($0.number) }, faults: faults)
    }

    private func withConnection<T: Sendable>(
        _ body: (Connection) async throws(Failure) -> T
    ) async throws(Failure) -> T {
        do {
            return try await Lane.withConnection(of: "reglament migrate", to: url, on: loop) { try await body($0) }
        } catch let failure as Failure { throw failure } catch { throw .database("\(error)") }
    }

    private static func attempt<T>(_ body: () async throws -> T) async throws(Failure) -> T {
        do { return try await body() } catch { throw .database("\(error)") }
    }
}

struct AppliedMigration: Sendable {
    let number: Int
    let name: String
    let sha256: String
}

extension Statements {
    static let lockMigrations = Statement<Void>(
        "lock_migrations", "SELECT pg_advisory_lock(hashtextextended('reglament migrations', 0))")
    static let unlockMigrations = Statement<Void>(
        "unlock_migrations", "SELECT pg_advisory_unlock(hashtextextended('reglament migrations', 0))")

    static let migrationsExist = Statement<Bool>(
        "migrations_exist", "SELECT to_regclass('public.migrations') IS NOT NULL"
    ) { (row) throws(RowError) in try row.bool() }

    static let appliedMigrations = Statement<AppliedMigration>(
        "applied_migrations", "SELECT number, name, sha256 FROM public.migrations ORDER BY number"
    ) { (row) throws(RowError) in
        AppliedMigration(number: try row.int(), name: try row.text(), sha256: try row.text())
    }
}
