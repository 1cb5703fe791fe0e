import EventLoop
import Regulations
import TicketStore
import Tickets

/// What a command works with: a store on a loop, the regulations, the clock.
struct Session: Sendable {
    let loop: EventLoop
    let store: PostgresStore
    let installation: Installation
    let regulations: LiveRulebook
    let clock: ServiceClock

    /// As it is at this moment.
    var rulebook: Rulebook { regulations.rulebook }

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
        let options = database.connections(settings).background
        return try withLoop(name: "command") { loop in
            let known = Locked(Rulebook.empty)
            let store = PostgresStore(
                loop: loop, connections: options, rulebook: { known.withLock { $0 } }, now: clock.now)
            let regulations = LiveRulebook(
                installation, loop: loop, store: store, published: known, say: Terminal.say)
            let result: Result<T, any Error>
            do {
                try await regulations.start()
                let session = Session(
                    loop: loop, store: store, installation: installation, regulations: regulations, clock: clock)
                // A day that could not be made now is made by the first to need it.
                try? await store.keepIdempotencyDays()
                result = .success(try await body(session))
            } catch { result = .failure(error) }
            await regulations.stop()
            await store.close()
            do { return try result.get() } catch let error as StoreError { throw Failure.failed(error.sentence) }
        }
    }
}

extension StoreError {
    /// For people.
    var sentence: String {
        switch self {
        case .unavailable(let reason): "the database cannot be reached: \(reason)"
        case .overloaded: "the database has more to do than it can; try again later"
        case .faster: "somebody else has changed the same at this moment; try again"
        case .violates(let constraint): "the database refuses it by its rule \(constraint)"
        case .unexpected(let words): "the database: \(words)"
        case .replay, .replayRun, .replayPublication, .replayBatch, .keyReused, .keyInProgress:
            preconditionFailure("no command writes under a key")
        }
    }
}
