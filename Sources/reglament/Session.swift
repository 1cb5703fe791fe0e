import EventLoop
import Regulations
import TicketStore
import Tickets

/// What a command works with: a store on a loop, the regulations, the clock.
struct Session: Sendable {
    let loop: EventLoop
    let store: PostgresStore
    let installation: Installation
    let rulebook: Rulebook
    let clock: ServiceClock

    func now() -> Instant { clock.now() }
}

extension Session {
    /// Opens everything, runs the body on a loop of its own, closes everything. Policies are installed before.
    static func with<T: Sendable>(
        _ settings: Settings, _ body: @escaping @Sendable (Session) async throws -> T
    ) throws -> T {
        let installation = try Installation(settings)
        let clock = ServiceClock(startingAt: settings.clock)
        let database = try Database(settings)
        defer { database.close() }
        try database.prepare(installation)
        let options = database.connections(settings)
        return try withLoop(name: "command") { loop in
            let rulebook = try await installation.install(options, clock: clock, loop: loop)
            let store = PostgresStore(loop: loop, connections: options, rulebook: { rulebook }, now: clock.now)
            let session = Session(
                loop: loop, store: store, installation: installation, rulebook: rulebook, clock: clock)
            let result: Result<T, any Error>
            do {
                try await store.keepIdempotencyDays()
                result = .success(try await body(session))
            } catch { result = .failure(error) }
            await store.close()
            do { return try result.get() } catch let error as StoreError {
                throw Failure.failed("The database: \(error)")
            }
        }
    }
}

extension Installation {
    /// Puts the policy versions of the files into the database, and gives everything that is known there.
    func install(_ options: ConnectionOptions, clock: ServiceClock, loop: EventLoop) async throws -> Rulebook {
        let empty = Rulebook(current: [], earlier: [], calendars: [], zones: [])
        let store = PostgresStore(loop: loop, connections: options, rulebook: { empty }, now: clock.now)
        let result: Result<[StoredPolicy], any Error>
        do {
            for file in policies {
                let isInstalled = try await store.install(
                    file.policy, document: file.bytes, sha256: file.sha256, at: clock.now())
                guard isInstalled else {
                    throw Failure.failed(
                        """
                        Config/policies/\(file.policy.code).json: version \(file.policy.version) was installed before with \
                        other contents or another prefix. Tickets stay under the version they were registered under: raise \
                        `version` in the file.
                        """)
                }
            }
            result = .success(try await store.storedPolicies())
        } catch { result = .failure(error) }
        await store.close()
        return try rulebook(stored: try result.get())
    }
}
