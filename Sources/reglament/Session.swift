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
            let known = Locked(Rulebook.empty)
            let store = PostgresStore(
                loop: loop, connections: options, rulebook: { known.withLock { $0 } }, now: clock.now)
            let result: Result<T, any Error>
            do {
                let rulebook = try await installation.install(in: store, clock: clock)
                known.withLock { $0 = rulebook }
                let session = Session(
                    loop: loop, store: store, installation: installation, rulebook: rulebook, clock: clock)
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
    /// Puts those policy versions of the files into the database that it lacks, and gives everything that is known there.
    func install(in store: PostgresStore, clock: ServiceClock) async throws -> Rulebook {
        let stored = try await store.storedPolicies()
        for file in policies {
            let policy = file.policy
            if stored.contains(where: {
                $0.product == policy.code && $0.version == policy.version && $0.sha256 == file.sha256
            }) {
                continue
            }
            let isInstalled = try await store.install(
                policy, document: file.bytes, sha256: file.sha256, at: clock.now())
            guard isInstalled else {
                throw Failure.failed(
                    """
                    Config/policies/\(policy.code).json: version \(policy.version) was installed before with other contents \
                    or another prefix. Tickets stay under the version they were registered under: raise `version` in the \
                    file.
                    """)
            }
        }
        return try rulebook(stored: stored)
    }
}
