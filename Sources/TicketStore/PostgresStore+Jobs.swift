import Digests
import EventLoop
import Postgres
public import Regulations
import Synchronization
public import Tickets

// The nightly job. Runs follow one another in the whole cluster: each holds an advisory lock on a connection of its own,
// so a run that is unfinished while the lock is free has lost its process, and whoever comes next ends it.
extension PostgresStore {
    private static let planPageSize = 1_000

    /// How much the job asks of PostgreSQL at a time. Whoever else asks may wait until it is done with that, and on two cores the
    /// 99th percentile of a thousand readings a second is not kept below twice its own at 0.7 of the job's rate: it is quick
    /// while nobody else is there.
    struct Pace: Equatable {
        /// Tickets of a transaction, which are locked until its end.
        let batchSize: Int
        /// Tickets that are decided and sent together.
        let pieceSize: Int
        /// Times what a piece took.
        let rest: Int
        /// Where a piece took long, it was not for its work.
        static let restMax = Duration.milliseconds(100)

        static let alone = Pace(batchSize: 200, pieceSize: 50, rest: 0)
        /// With 10^6 tickets the readers' 99th percentile went from 0.62 to 0.98 ms at 340 closings a second; with a rest of once
        /// the work from 0.57 to 1.39 at 535, of three times from 0.61 to 0.83 at 288. Three at a time without rests: 2.5.
        static let besideOthers = Pace(batchSize: 50, pieceSize: 1, rest: 2)
    }

    static let listedTicketsMax = 1000

    public func runAutoClose(
        _ request: JobRequest, by user: UserID?, at now: Instant, _ access: Access,
        progress: @escaping @Sendable (_ closed: Int, _ due: Int) -> Void
    ) async throws(StoreError) -> JobOutcome {
        try await lookUp(access)
        return try await alone { () async throws(StoreError) in
            // Somebody with the same key may have been the one that was waited for.
            try await self.lookUp(access)
            switch request {
            case .dryRun(let asOf):
                let plan = try await self.plan(asOf: asOf)
                let run = try await self.begin(plan, dryRun: true, by: user, at: now, access)
                return .done(try await self.finish(run))
            case .close:
                try await self.endAbandonedRuns()
                return .done(try await self.close(try await self.plan(asOf: now), by: user, at: now, access, progress))
            case .plan(let wanted):
                guard let asOf = try await self.read(.staff, Statements.planTime, [.text(wanted)]).first, asOf <= now
                else { return .planChanged }
                let plan = try await self.plan(asOf: asOf)
                guard plan.hash == wanted else { return .planChanged }
                return .done(try await self.close(plan, by: user, at: now, access, progress))
            }
        }
    }

    /// Ends runs whose process died. Returns at once when another run is at work.
    public func finishAbandonedRuns() async throws(StoreError) {
        guard try await !read(.staff, Statements.unfinishedRuns, []).isEmpty else { return }
        _ = try await alone(waits: false) { () async throws(StoreError) in try await self.endAbandonedRuns() }
    }

    /// Ends what is unfinished while this is the only run in the cluster: whoever began it is dead.
    private func endAbandonedRuns() async throws(StoreError) {
        for run in try await read(.staff, Statements.unfinishedRuns, [], slow: true) {
            if !run.dryRun { try await closeDue(run) { _, _ in } }
            _ = try await finish(run)
        }
    }

    public func runs(_ page: PageRequest) async throws(StoreError) -> Page<JobRun> {
        let after = page.after ?? ["infinity", ""]
        guard after.count == 2, after[0] == "infinity" || Instant(rfc3339: after[0]).map(\.isWritable) ?? false
        else {
            return Page(items: [], next: nil)
        }
        let rows = try await read(
            .staff, Statements.runs, [.text(after[0]), .text(after[1]), .integer(page.limit + 1)], slow: true)
        return page.cut(rows) { [$0.startedAt.rfc3339, $0.id.text] }
    }

    func run(_ id: JobRunID) async throws(StoreError) -> JobRun? {
        try await read(.staff, Statements.run, [.id(id)]).first
    }

    // MARK: Steps of a run

    private struct Plan {
        let asOf: Instant
        let hash: String
        let due: Int
        let tickets: [TicketID]
        /// Products whose tickets are not asked for.
        let leftOut: [String]
    }

    /// What is due, page by page, so that a hundred thousand tickets take no more memory than ten thousand.
    private func plan(asOf: Instant, leavingOut leftOut: [String] = []) async throws(StoreError) -> Plan {
        var hasher = SHA256()
        var due = 0
        var first: [TicketID] = []
        var last: DueTicket?
        while true {
            let page = try await read(
                .staff, Statements.dueTickets,
                Self.due(asOf, Self.planPageSize, after: last, leavingOut: leftOut), slow: true)
            for item in page {
                hasher.update(Array("\(item.id) \(item.autoCloseAt.rfc3339)\n".utf8))
                if first.count < Self.listedTicketsMax { first.append(item.id) }
            }
            due += page.count
            guard page.count == Self.planPageSize else { break }
            last = page.last
        }
        // The instant is part of the name: the same tickets at another time are another plan.
        hasher.update(Array(asOf.rfc3339.utf8))
        return Plan(asOf: asOf, hash: hasher.finish().hex, due: due, tickets: first, leftOut: leftOut)
    }

    private func begin(
        _ plan: Plan, dryRun: Bool, by user: UserID?, at now: Instant, _ access: Access
    ) async throws(StoreError) -> JobRun {
        let run = JobRun(
            id: .make(), asOf: plan.asOf, dryRun: dryRun, startedBy: user, startedAt: now, finishedAt: nil,
            due: plan.due, closed: 0, plan: plan.hash, tickets: plan.tickets, leftOut: plan.leftOut)
        try await writeKeyed(
            Statements.insertRun,
            [
                .id(run.id), .instant(run.asOf), .bool(dryRun), .id(user), .instant(now),
                .integer(plan.due), .text(plan.hash), .texts(plan.tickets.map(\.description)),
                .texts(plan.leftOut),
            ], answer: nil, run: run.id, access)
        return run
    }

    private func close(
        _ plan: Plan, by user: UserID?, at now: Instant, _ access: Access,
        _ progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws(StoreError) -> JobRun {
        let run = try await begin(plan, dryRun: false, by: user, at: now, access)
        if run.due > 0 { try await closeDue(run, progress) }
        return try await finish(run)
    }

    private func finish(_ run: JobRun) async throws(StoreError) -> JobRun {
        do {
            let done = try await connections.staff.writes.run(
                Statements.finishRun, [.id(run.id), .instant(now())]
            ).first
            if let done { return done }
        } catch { throw StoreError(error) }
        // Somebody else has ended it.
        guard let done = try await self.run(run.id) else { throw .unexpected("a finished run is gone") }
        return done
    }

    /// Batch by batch, skipping what others hold, until a pass finds nothing more.
    private func closeDue(
        _ run: JobRun, _ progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws(StoreError) {
        var closed = run.closed
        var closedBefore = closed
        var position: DueTicket?
        var passesWithoutProgress = 0
        while passesWithoutProgress < 3 {
            if isInterrupted.load(ordering: .relaxed) { throw .unavailable("the job is interrupted") }
            let batch = try await closeBatch(run, after: position)
            closed += batch.closed
            progress(closed, run.due)
            position = batch.last
            // Whoever else reads a long time, as a backup does, keeps what was closed in the index: it is not walked through again.
            if position != nil { continue }
            let left = try await read(
                .staff, Statements.dueTickets, Self.due(run.asOf, 1, after: nil, leavingOut: run.leftOut), slow: true)
            if left.isEmpty { return }
            // Somebody is at work on what is left; if it is still due afterwards it is taken then.
            passesWithoutProgress = closed > closedBefore ? 0 : passesWithoutProgress + 1
            closedBefore = closed
            try? await loop.sleep(.milliseconds(200))
        }
    }

    /// One transaction: the locks, the look under them, the closings, the run's own count. `last` is the last that was looked at;
    /// nil: behind `position` there is none that could be closed.
    private func closeBatch(
        _ run: JobRun, after position: DueTicket?
    ) async throws(StoreError) -> (closed: Int, last: DueTicket?) {
        do {
            return try await connections.jobs.withConnection { connection in
                let pace = try await Self.pace(connection)
                func next(after position: DueTicket?) -> [Parameter] {
                    Self.due(run.asOf, pace.pieceSize, after: position, leavingOut: run.leftOut)
                }
                try await connection.begin()
                var closed: [TicketID] = []
                var due = try await connection.run(Statements.lockDueTickets, next(after: position))
                var last: DueTicket?
                while let end = due.compactMap({ DueTicket($0) }).last {
                    last = end
                    let changes = try due.compactMap { try self.closing(of: $0, at: self.now()) }
                    var pipeline = Pipeline()
                    let write = WriteStatement.staffChange
                    let written = changes.map {
                        pipeline.append(
                            write.statement,
                            write.parameters(
                                $0, key: KeySQL.parameters(nil, answer: nil, at: $0.event.at), extras: WriteExtras()))
                    }
                    // With the closings, what comes after them.
                    var following: Rows<Ticket>?
                    if closed.count + changes.count < pace.batchSize {
                        following = pipeline.append(Statements.lockDueTickets, next(after: last))
                    }
                    let began = ContinuousClock.now
                    try await connection.run(pipeline)
                    let rest = min((ContinuousClock.now - began) * pace.rest, Pace.restMax)
                    if rest > .zero { try? await self.loop.sleep(rest) }
                    closed += zip(changes, written).compactMap { $1.rows.first == 1 ? $0.ticket.id : nil }
                    due = following?.rows ?? []
                }
                _ = try await connection.run(
                    Statements.countClosed,
                    [
                        .id(run.id), .integer(closed.count), .texts(closed.map(\.description)),
                        .integer(Self.listedTicketsMax),
                    ])
                try await connection.commit()
                return (closed.count, last)
            }
        } catch let error as StoreError { throw error } catch let error as PostgresError {
            throw StoreError(error)
        } catch {
            throw .unexpected("\(error)")
        }
    }

    /// As there is anybody else or not.
    static func pace(_ connection: Connection) async throws -> Pace {
        var pipeline = Pipeline()
        // Until the end of this pipeline.
        pipeline.append(Statements.becomeLogin)
        let others = pipeline.append(Statements.othersAreActive)
        try await connection.run(pipeline)
        return others.rows.first == false ? .alone : .besideOthers
    }

    /// The parameters of a list of due tickets.
    private static func due(
        _ asOf: Instant, _ limit: Int, after ticket: DueTicket?, leavingOut products: [String]
    ) -> [Parameter] {
        [
            .instant(asOf), .integer(limit), ticket.map { .instant($0.autoCloseAt) } ?? .timestamp(microseconds: .min),
            .text(ticket?.id.description ?? ""), .texts(products),
        ]
    }

    /// Nil: it is not due.
    private func closing(of ticket: Ticket, at now: Instant) throws -> Change? {
        guard let at = ticket.autoClose?.at, at <= now else { return nil }
        return try Lifecycle.decide(
            .autoClose, on: ticket, by: .autoClose, at: now, rules: try rules(for: ticket), contract: nil)
    }

    /// Runs the body while this is the only run in the cluster. Nil: another one is at work, and `waits` is false.
    private func alone<T: Sendable>(
        waits: Bool, _ body: @escaping () async throws(StoreError) -> T
    ) async throws(StoreError) -> T? {
        while true {
            if let result = try await aloneNow(body) { return result }
            guard waits else { return nil }
            // Not while holding a connection: the run that is waited for needs one, too.
            do { try await loop.sleep(.milliseconds(100)) } catch { throw .unavailable("stopping") }
        }
    }

    /// Nil: another run holds the lock.
    private func aloneNow<T: Sendable>(
        _ body: @escaping () async throws(StoreError) -> T
    ) async throws(StoreError) -> T? {
        do {
            return try await connections.jobs.withConnection { connection in
                guard try await connection.run(Statements.lockRuns, []).first == true else { return nil }
                let result: T
                do { result = try await body() } catch {
                    _ = try? await connection.run(Statements.unlockRuns, [])
                    throw error
                }
                _ = try await connection.run(Statements.unlockRuns, [])
                return result
            }
        } catch let error as StoreError { throw error } catch let error as PostgresError {
            throw StoreError(error)
        } catch {
            throw .unexpected("\(error)")
        }
    }

    private func alone<T: Sendable>(
        _ body: @escaping () async throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        guard let result = try await alone(waits: true, body) else { throw .overloaded }
        return result
    }
}

extension PostgresStore {
    /// Clocks of instances differ. What was noted as done further ahead than this came from one that was wrong, and if it counted,
    /// nobody would run a night until then.
    private static let clockToleranceMicroseconds: Int64 = 86_400_000_000

    /// The schedule's own run: closes what is due when a product's night has come and no instance has done it yet, but for
    /// the products whose own night is still to come: their customers have until then.
    ///
    /// `nights` says when each product's latest night began. Nil: every night is done, or another run is at work. `say` is
    /// given a sentence for each night that was noted as done by a clock that was ahead, once the night has been done.
    public func runNight(
        _ nights: [String: Instant], at now: Instant, say: @escaping @Sendable (String) -> Void
    ) async throws(StoreError) -> JobRun? {
        guard try await !undone(nights, at: now).isEmpty else { return nil }
        let run = try await alone(waits: false) { () async throws(StoreError) -> JobRun? in
            // Another instance may have been quicker while the lock was waited for.
            let undone = try await self.undone(nights, at: now)
            guard !undone.isEmpty else { return nil }
            let others = nights.keys.filter { undone[$0] == nil }.sorted()
            let plan = try await self.plan(asOf: now, leavingOut: others)
            let run = try await self.close(plan, by: nil, at: now, .staff) { _, _ in }
            for (product, night) in undone.sorted(by: { $0.key < $1.key }) {
                try await self.noteNight(product: product, at: night.began)
                self.nightsDone.withLock { $0[product] = night.began }
                guard let noted = night.notedAhead else { continue }
                say(
                    """
                    nightly job: \(product) was noted as done until \(noted.rfc3339), by an instance whose clock was ahead of this \
                    one's; the night of \(night.began.rfc3339) has been done and noted instead
                    """)
            }
            return run
        }
        return run ?? nil
    }

    struct UndoneNight {
        let began: Instant
        /// What was noted instead, further ahead than clocks differ; nil: nothing, or an earlier night.
        let notedAhead: Instant?
    }

    func undone(_ nights: [String: Instant], at now: Instant) async throws(StoreError) -> [String: UndoneNight] {
        let latest = Instant(microseconds: now.microseconds + Self.clockToleranceMicroseconds)
        var undone: [String: UndoneNight] = [:]
        for (product, night) in nights {
            let last = try await lastNight(product: product)
            if let last, last > latest {
                // An instance whose clock stays wrong notes it again: one night is not done twice by the same instance.
                if nightsDone.withLock({ $0[product] }) != night {
                    undone[product] = UndoneNight(began: night, notedAhead: last)
                }
            } else if last.map({ $0 < night }) ?? true {
                undone[product] = UndoneNight(began: night, notedAhead: nil)
            }
        }
        return undone
    }
}
