public import EventLoop
import Glibc
import Postgres

/// A database of one test on the PostgreSQL that `make test` starts: empty, or a copy of a template. Dropped by `with`.
public struct TestDatabase: Sendable {
    public let name: String
    /// For the superuser.
    public let ownerURL: String

    /// For another role of this database.
    public func url(user: String) -> String { "\(ownerURL) user=\(user)" }

    /// The maintenance database, for the superuser; throws a sentence when the tests were started without PostgreSQL.
    public static func serverURL() throws(MissingPostgres) -> String {
        guard let url = getenv("REGLAMENT_TEST_DATABASE_URL") else { throw MissingPostgres() }
        return String(cString: url)
    }

    /// Gives `body` a database of its own and drops it afterwards, whatever happens. Only so many at once: tests that
    /// all run together would keep each other from their connections.
    public static func with<T: Sendable>(
        _ template: TestTemplate? = nil, _ body: (TestDatabase) async throws -> T
    ) async throws -> T {
        await places.take()
        defer { places.giveBack() }
        let database = try await create(template)
        do {
            let value = try await body(database)
            try await database.drop()
            return value
        } catch {
            try? await database.drop()
            throw error
        }
    }

    private static let places = Places(12)

    /// Makes a database that `drop()` removes again.
    public static func create(_ template: TestTemplate? = nil) async throws -> TestDatabase {
        let source = try await template?.database.value ?? "template0"
        return try await create(named: "t\(getpid())_\(Administration.nextNumber())", from: source)
    }

    public func drop() async throws {
        try await Administration.run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    static func create(named name: String, from source: String) async throws -> TestDatabase {
        // Copying files takes 50 to 65 ms, writing a copy to the WAL 60 to 120 (40 tables, nothing synced).
        try await Administration.run("CREATE DATABASE \(name) TEMPLATE \(source) STRATEGY file_copy")
        return TestDatabase(name: name, ownerURL: try serverURL() + " dbname=\(name)")
    }
}

/// A database that is filled once per process, when the first test wants a copy of it.
public final class TestTemplate: Sendable {
    let database: Task<String, any Error>

    /// `fill` gets the superuser's connection string; no connection may be left open when it returns.
    public init(_ name: String, fill: @escaping @Sendable (_ ownerURL: String) async throws -> Void) {
        database = Task {
            let database = try await TestDatabase.create(named: "template\(getpid())_\(name)", from: "template0")
            try await fill(database.ownerURL)
            return database.name
        }
    }
}

/// The tests were started without PostgreSQL.
public struct MissingPostgres: Error, CustomStringConvertible {
    public var description: String {
        "REGLAMENT_TEST_DATABASE_URL is not set: run the tests with `make test`, which starts a PostgreSQL for them."
    }
}

/// Runs `body` on a fresh event loop with a thread of its own, without blocking the caller's.
public func onLoop<T: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> T) async throws -> T {
    let loop = try EventLoop(name: "test")
    try loop.start()
    defer { loop.stop() }
    return try await Task(executorPreference: loop) { try await body(loop) }.value
}

extension TestDatabase {
    /// Runs statements as the superuser, on a connection of their own.
    public func run(_ sql: String) async throws {
        let url = ownerURL
        try await onLoop { loop in
            let lane = Lane(
                loop: loop, connectionString: url,
                options: .single("superuser"))
            let result: Result<Void, any Error>
            do { result = .success(try await lane.withConnection { try await $0.script(sql) }) } catch {
                result = .failure(error)
            }
            await lane.close()
            try result.get()
        }
    }
}

extension TestDatabase {
    /// What a query of one number gives the superuser.
    public func count(_ sql: String) async throws -> Int {
        let url = ownerURL
        return try await onLoop { loop in
            let lane = Lane(
                loop: loop, connectionString: url,
                options: .single("superuser"))
            let statement = Statement<Int>("count", sql) { (row) throws(RowError) in try row.int() }
            let result: Result<Int, any Error>
            do { result = .success(try await lane.run(statement).first ?? -1) } catch { result = .failure(error) }
            await lane.close()
            return try result.get()
        }
    }
}
