import Digests
public import EventLoop
import Postgres
public import Regulations
import Synchronization
public import Tickets

/// The store of one event loop. Used on that loop's thread only; what loops share is in `SharedState`.
///
/// Every method is one read or one guarded write, and a write that reaches further tickets is a durable list.
public final class PostgresStore: Store {
    static let peopleChannel = "reglament_people"

    let connections: Connections
    let loop: EventLoop
    let rulebook: @Sendable () -> Rulebook
    let now: @Sendable () -> Instant
    let callers: CallerCache
    let pulses: Pulses
    let ticketReads: TicketReads
    let listReads: ListReads
    /// The latest night of each product that this store has done.
    let nightsDone = Locked<[String: Instant]>([:])
    /// Jobs are to end at their next batch.
    let isInterrupted = Atomic<Bool>(false)

    /// - Parameters:
    ///   - rulebook: what is installed, asked for by every step.
    ///   - now: the service's one clock.
    public init(
        loop: EventLoop, connections options: ConnectionOptions, rulebook: @escaping @Sendable () -> Rulebook,
        now: @escaping @Sendable () -> Instant
    ) {
        self.loop = loop
        self.rulebook = rulebook
        self.now = now
        let callers = CallerCache()
        self.callers = callers
        let pulses = Pulses(loop: loop)
        self.pulses = pulses
        connections = Connections(options, loop: loop) { channel in
            if channel != Self.feedChannel { callers.empty() }
            if channel != Self.feedChannel { pulses.send(.people) }
            if channel != Self.peopleChannel { pulses.send(.feed) }
        }
        ticketReads = TicketReads(connections, loop: loop)
        listReads = ListReads(loop: loop)
    }

    /// Connects for what is asked for first, before anybody waits for it; a database that is not there yet is no error.
    public func open() { connections.staff.reads.open() }

    /// Ends every connection; what still runs is given `grace` to finish.
    public func close(grace: Duration = .seconds(5)) async {
        pulses.stop()
        await connections.close(grace: grace)
    }

    /// A run of the nightly job that this store is at ends after its present batch, unfinished, with its lock released:
    /// whoever calls `finishAbandonedRuns` next goes on with it. From any thread.
    public func interruptJobs() { isInterrupted.store(true, ordering: .relaxed) }

    /// Throws while a ticket's policy version, or its calendar, is not known here.
    func rules(for ticket: Ticket) throws(StoreError) -> TicketRules {
        guard let rules = rulebook().rules(product: ticket.product, version: ticket.policyVersion) else {
            throw .unavailable("policy \(ticket.product) version \(ticket.policyVersion) is not known here")
        }
        return rules
    }
}

extension PostgresStore {
    public func checkReadiness() async throws(StoreError) {
        _ = try await read(.staff, Statements.migrationCount, [])
    }

    public func isTurningListsAway(_ access: Access) -> Bool { lanes(access).slow.isTurningAway }

    public func lookUp(_ access: Access) async throws(StoreError) {
        guard access.key != nil else { return }
        let kept = try await keptKey(access)
        try await answer(kept, access)
    }

    public func keep(_ answer: KeptAnswer, _ access: Access) async throws(StoreError) {
        guard access.key != nil else { return }
        try await writeKeyed(Statements.keepAnswer, [], answer: answer, access)
    }
}

// MARK: - One round trip each

extension PostgresStore {
    func lanes(_ access: Access) -> Connections.Lanes {
        switch access.scope {
        case .staff: connections.staff
        case .customer: connections.customer
        }
    }

    /// A read on behalf of somebody; with a key, whatever was answered under it comes first.
    ///
    /// `isPlannedOnce`: the plan of a slow statement does not depend on its values; half the time of a list went into
    /// planning it anew.
    func read<Row: Sendable>(
        _ access: Access, _ statement: Statement<Row>, _ parameters: [Parameter], slow: Bool = false,
        isPlannedOnce: Bool = false
    ) async throws(StoreError) -> [Row] {
        let lane = slow ? lanes(access).slow : lanes(access).reads
        do {
            if let key = access.key {
                let staff = access.scope == .staff
                let (kept, rows) = try await lane.run(
                    staff ? Context.readWithKeyStaff : Context.readWithKey, keyParameters(key, access),
                    then: statement, parameters)
                try await answer(kept.first ?? nil, access)
                return rows
            }
            if access.scope == .staff {
                guard isPlannedOnce else { return try await lane.run(statement, parameters) }
                return try await lane.run(Context.plannedOnce, [], then: statement, parameters).1
            }
            let context = isPlannedOnce ? Context.readPlannedOnce : Context.read
            return try await lane.run(context, Self.whom(access), then: statement, parameters).1
        } catch let error as PostgresError { throw StoreError(error) } catch let error as StoreError {
            throw error
        } catch {
            throw .unexpected("\(error)")
        }
    }

    private func keptKey(_ access: Access) async throws(StoreError) -> KeptKey? {
        guard let key = access.key else { return nil }
        let statement = access.scope == .staff ? Context.readWithKeyStaff : Context.readWithKey
        do {
            return try await lanes(access).reads.run(statement, keyParameters(key, access)).first ?? nil
        } catch { throw StoreError(error) }
    }

    /// Throws what a used key answers; returns when it is free.
    private func answer(_ kept: KeptKey?, _ access: Access) async throws(StoreError) {
        guard let kept, let key = access.key else { return }
        guard kept.request == key.request.bytes else { throw .keyReused }
        guard !kept.isUnfinished else { throw .keyInProgress }
        if let answer = kept.answer { throw .replay(answer) }
        if let run = kept.run, let done = try await self.run(run) { throw .replayRun(done) }
        if let followUp = kept.followUp, let done = try await publication(followUp) { throw .replayPublication(done) }
        if let followUp = kept.followUp,
            let language = try await read(.staff, Statements.batchLanguage, [.id(followUp)]).first
        {
            throw .replayBatch(try await results(of: followUp), language)
        }
        throw .unexpected("a kept key without an answer")
    }

    /// One statement that ends in `KeySQL` and gives one row: 1 when all was written, 0 when nothing was.
    func writeKeyed(
        _ statement: Statement<Int>, _ parameters: [Parameter], answer: KeptAnswer?, run: JobRunID? = nil,
        lock: String? = nil, _ access: Access
    ) async throws(StoreError) {
        let all = parameters + KeySQL.parameters(access.key, answer: answer, at: now(), run: run)
        try await write(statement, all, lock: lock, access)
    }

    /// As `writeKeyed`, with every parameter given. What goes under one `lock` is written one after the other, and each
    /// sees what the one before has written.
    ///
    /// `isShort`: it may share its transaction with others who wait for it.
    func write(
        _ statement: Statement<Int>, _ parameters: [Parameter], lock: String? = nil, isShort: Bool = false,
        _ access: Access
    ) async throws(StoreError) {
        let outcome: (isKeyFree: Bool, isWritten: Bool)
        do {
            outcome = try await send(statement, parameters, lock: lock, isShort: isShort, access)
        } catch {
            if error.isMissingDay {
                try await keepIdempotencyDays()
                return try await write(statement, parameters, lock: lock, access)
            }
            guard error.isTakenKey else { throw StoreError(error) }
            try await lookUp(access)
            throw .faster
        }
        if outcome.isWritten { return }
        if access.key != nil {
            guard outcome.isKeyFree else { throw .keyInProgress }
            try await lookUp(access)
        }
        throw .faster
    }

    private func send(
        _ statement: Statement<Int>, _ parameters: [Parameter], lock: String?, isShort: Bool, _ access: Access
    ) async throws(PostgresError) -> (isKeyFree: Bool, isWritten: Bool) {
        let key = access.key.map { "\($0.caller) \($0.key)" }
        let lanes = lanes(access)
        func pipeline(lockWaitMax: Parameter) -> (Pipeline, Rows<Bool>, Rows<Int>) {
            var pipeline = Pipeline()
            let context = Self.whom(access) + [.optional(key), .optional(lock), lockWaitMax]
            let free = pipeline.append(Context.write, context)
            let written = pipeline.append(statement, parameters)
            return (pipeline, free, written)
        }
        if isShort, lock == nil {
            let (shared, free, written) = pipeline(lockWaitMax: Self.sharedLockWaitMax)
            if try await lanes.sharedWrites.run(shared) { return (free.rows.first ?? false, written.rows.first == 1) }
        }
        let (alone, free, written) = pipeline(lockWaitMax: nil)
        try await lanes.writes.run(alone)
        return (free.rows.first ?? false, written.rows.first == 1)
    }

    /// For how long a shared transaction waits for a lock. Far less than what PostgreSQL waits before it looks for a deadlock:
    /// two that want each other's tickets part before that.
    private static let sharedLockWaitMax = Parameter.text("100ms")

    /// Makes the partitions that today's keys go into. As a write: whoever lacks a partition waits for it, and is not refused
    /// for what the first of them took, as a list would be.
    public func keepIdempotencyDays() async throws(StoreError) {
        do {
            _ = try await connections.staff.writes.run(Statements.keepIdempotencyDays, [.date(KeySQL.day(of: now()))])
        } catch {
            throw StoreError(error)
        }
    }

    static func whom(_ access: Access) -> [Parameter] {
        var organization = ""
        if case .customer(let code) = access.scope { organization = code }
        return [.text(organization), access.user.map { .id($0) } ?? ""]
    }

    private func keyParameters(_ key: IdempotencyKey, _ access: Access) -> [Parameter] {
        let now = now()
        let dayAgo = Instant(microseconds: now.microseconds - 86_400_000_000)
        return Self.whom(access) + [
            .id(key.caller), .text(key.key), .date(KeySQL.day(of: dayAgo)), .instant(dayAgo),
        ]
    }
}

extension Statements {
    static let migrationCount = Statement<Int>("migration_count", "SELECT count(*)::integer FROM migrations") {
        (row) throws(RowError) in try row.int()
    }

    /// A statement that writes nothing but its key.
    static let keepAnswer: Statement<Int> = {
        var numbers = Numbers()
        let key = KeySQL(&numbers)
        return Statement<Int>(
            "keep_answer",
            """
            WITH changed AS (SELECT 1 WHERE \(key.isFree)), \(key.insertion())
            SELECT count(*)::integer FROM changed
            """
        ) { (row) throws(RowError) in try row.int() }
    }()
}

extension Statements {
    static let keepIdempotencyDays = Statement<Void>("keep_idempotency_days", "SELECT keep_idempotency_days($1)")
}

// MARK: - Errors

extension StoreError {
    init(_ error: PostgresError) {
        switch error {
        case .unavailable(let reason): self = .unavailable(reason)
        case .overloaded, .timedOut: self = .overloaded
        case .server(let error):
            switch error.sqlstate {
            // Deadlock, serialization: somebody else was served; try again.
            case "40P01", "40001": self = .faster
            // Disk full, out of memory, too many connections; a disk that fails. PostgreSQL manual, appendix A, class 53.
            case let state where state.hasPrefix("53") || state == "58030": self = .unavailable(error.message)
            default:
                if error.sqlstate.hasPrefix("23"), let constraint = error.constraint {
                    self = .violates(constraint: constraint)
                } else {
                    self = .unexpected("\(error.sqlstate) in \(error.statement): \(error.message)")
                }
            }
        default: self = .unexpected("\(error)")
        }
    }
}

extension PostgresError {
    /// The key was written by a request that this one did not see; partitions name their own primary keys.
    var isTakenKey: Bool {
        sqlstate == "23505" && (constraint ?? "").hasPrefix("idempotency_keys_")
    }

    /// The table has no partition for today yet: of all that is called a check violation this alone names no constraint,
    /// and sentences are in the server's language.
    var isMissingDay: Bool { sqlstate == "23514" && constraint == nil }
}
