public import EventLoop

/// The way of one kind of requests to PostgreSQL: connections of one role, and a bounded queue before them.
///
/// Nothing is connected before the first request. A request whose connection is lost fails as `unavailable` and is
/// never sent again. While connections are refused or lost, requests wait a second at most; while no server has said
/// anything yet, as long as the lane allows. Once that has lasted for longer, they fail at once, and connecting goes on
/// in the background.
///
/// Unchecked: every variable belongs to the loop's thread, which every call checks.
public final class Lane: @unchecked Sendable {
    /// How long an outage whose reason is known may last before requests no longer wait for its end.
    ///
    /// Counted in ticks and not by the clock: while the loop itself is held up, no connection can come about either.
    private static let outageMillisecondsMax: Int64 = 700

    enum Waiting {
        case request(Request)
        case reservation((Result<Session, PostgresError>) -> Void)

        func fail(_ error: PostgresError) {
            switch self {
            case .request(let request): request.end(error)
            case .reservation(let finish): finish(.failure(error))
            }
        }
    }

    public let options: LaneOptions
    private let loop: EventLoop
    private let settings: ConnectionSettings
    private var sessions: [Session] = []
    private var queue = FIFO<(since: UInt64, waiting: Waiting)>()
    private var admission: Admission
    private var backoff = Backoff()
    /// Which of several servers is asked first: one that says nothing holds up all that stand behind it.
    private var firstHost = 0
    private var nextAttempt: LoopTimer?
    private var tick: LoopTimer?
    /// For how many ticks no session has been ready, though one is wanted; and what was said last of it, nil while a
    /// first connection is on its way.
    private var outage: (ticks: Int64, reason: String?)?
    private var isClosed = false
    private var whenIdle: (() -> Void)?
    /// Those that lead to the same servers.
    private var others: [Lane] = []
    private let tally = LaneTally()

    /// `connectionString` is libpq's: keywords and values, or a URI.
    public init(loop: EventLoop, connectionString: String, options: LaneOptions) {
        self.loop = loop
        self.options = options
        admission = Admission(waitMax: options.waitMax.nanoseconds, shedsEarly: options.shedsEarly)
        settings = ConnectionSettings(connectionString: connectionString, lane: options)
    }

    /// Lets lanes of one loop that lead to the same servers share what one of them finds out: when a server no longer
    /// answers it, none of them sends anything more on a connection that was idle, and would be silent, too.
    public static func group(_ lanes: [Lane]) {
        for lane in lanes { lane.others = lanes.filter { $0 !== lane } }
    }

    /// Begins to connect before anybody waits: all connections of a pipelined lane, one of an exclusive one.
    public func open() { openSessions() }

    /// Runs one statement in a transaction of its own and returns its rows.
    public func run<Row>(
        _ statement: Statement<Row>, _ parameters: [Parameter] = []
    ) async throws(PostgresError) -> [Row] {
        var pipeline = Pipeline()
        let rows = pipeline.append(statement, parameters)
        try await send(pipeline.steps, noting: self) { (request) in self.submit(.request(request)) }
        return rows.rows
    }

    /// Runs two statements in one round trip and one transaction: what the first sets for the transaction, the second
    /// sees, and an error of either undoes both.
    public func run<First, Row>(
        _ context: Statement<First>, _ contextParameters: [Parameter], then statement: Statement<Row>,
        _ parameters: [Parameter]
    ) async throws(PostgresError) -> ([First], [Row]) {
        var pipeline = Pipeline()
        let first = pipeline.append(context, contextParameters)
        let rows = pipeline.append(statement, parameters)
        try await send(pipeline.steps, noting: self) { (request) in self.submit(.request(request)) }
        return (first.rows, rows.rows)
    }

    /// Runs a pipeline; its rows are there afterwards.
    public func run(_ pipeline: Pipeline) async throws(PostgresError) {
        try await send(pipeline.steps, noting: self) { (request) in self.submit(.request(request)) }
    }

    /// Runs a pipeline for whoever answers many callers at once: `finish` hears on the loop how it ended, before any task
    /// goes on.
    public func run(_ pipeline: Pipeline, finish: @escaping (PostgresError?) -> Void) {
        let since = EventLoop.clock()
        submit(
            .request(
                Request(pipeline.steps) { failure in
                    self.tally.note(EventLoop.clock() &- since, failure)
                    finish(failure)
                }))
    }

    /// Lends one connection of an exclusive lane for several round trips.
    ///
    /// A transaction that `body` leaves open, by throwing or by forgetting, is rolled back; a connection whose state is
    /// in doubt is closed. Throws what `body` throws, or `PostgresError` when no connection can be had.
    public func withConnection<T: Sendable>(_ body: (Connection) async throws -> T) async throws -> T {
        if case .pipelined = options.mode { preconditionFailure("The connections of a pipelined lane are shared.") }
        let since = EventLoop.clock()
        let outcome: Result<Reserved, PostgresError> = await withUnsafeContinuation { continuation in
            submit(.reservation { continuation.resume(returning: $0.map(Reserved.init)) })
        }
        if case .failure(let error) = outcome {
            note(since, error)
        } else {
            options.awaited?(EventLoop.clock() &- since)
        }
        let connection = Connection(try outcome.get().session, lane: self)
        do {
            let value = try await body(connection)
            await giveBack(connection)
            return value
        } catch {
            await giveBack(connection)
            throw error
        }
    }

    /// Refuses new requests, waits for those on their way for as long as `grace`, then closes all connections.
    public func close(grace: Duration = .seconds(5)) async {
        precondition(loop.isCurrent, "A lane is used on its loop's thread only.")
        guard !isClosed else { return }
        isClosed = true
        others = []
        nextAttempt?.cancel()
        if hasWork {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                let timer = loop.after(grace) { self.endIdling() }
                whenIdle = {
                    timer.cancel()
                    continuation.resume()
                }
            }
        }
        for (_, waiting) in queue.removeAll() { waiting.fail(.unavailable("the lane is closed")) }
        let closing = sessions
        sessions = []
        for session in closing { session.close() }
        tick?.cancel()
    }

    /// How many connections are ready, requests on their way, and requests waiting, at this moment.
    public var counts: (connections: Int, inFlight: Int, waiting: Int) {
        let ready = sessions.filter(\.isReady)
        return (ready.count, ready.reduce(0) { $0 + $1.inFlight }, queue.count)
    }

    /// Where it stands and what it has done so far; loop thread only.
    public var figures: LaneFigures {
        let counts = counts
        var figures = tally.figures
        figures.size = options.connectionsMax
        figures.connections = counts.connections
        figures.busy = sessions.count { $0.isReady && ($0.inFlight > 0 || $0.isReserved) }
        figures.inFlight = counts.inFlight
        figures.waiting = counts.waiting
        return figures
    }

    /// Something that was begun `since` has been awaited.
    func note(_ since: UInt64, _ failure: PostgresError?) {
        let nanoseconds = EventLoop.clock() &- since
        tally.note(nanoseconds, failure)
        options.awaited?(nanoseconds)
    }
}

/// Unchecked: a session on its way to the task that reserved it, on the same loop.
private struct Reserved: @unchecked Sendable {
    let session: Session
}

/// Suspends until the request that `submit` is given has ended.
func send(_ steps: [Step], noting lane: Lane, _ submit: (Request) -> Void) async throws(PostgresError) {
    let since = EventLoop.clock()
    let failure: PostgresError? = await withUnsafeContinuation { continuation in
        submit(Request(steps) { continuation.resume(returning: $0) })
    }
    lane.note(since, failure)
    if let failure { throw failure }
}

// MARK: The queue

extension Lane {
    private func submit(_ waiting: Waiting) {
        precondition(loop.isCurrent, "A lane is used on its loop's thread only.")
        if isClosed { return waiting.fail(.unavailable("the lane is closed")) }
        // There is room again that nobody said a word of when the loop has just caught up.
        if !queue.isEmpty { serveQueue() }
        if queue.isEmpty, let session = roomiest() { return hand(waiting, to: session) }
        if isOutageTooLong || queue.count >= options.queueMax { return waiting.fail(tooLate) }
        if isTurningAway { return waiting.fail(.overloaded) }
        queue.append((loop.now, waiting))
        openSessions()
        startTicking()
    }

    /// Whether the next request would be refused as `overloaded` at once: whoever asks first need not put it together.
    public var isTurningAway: Bool {
        // While nothing is connected nobody knows how long it will be: the outage's own limits count then.
        guard outage == nil, !queue.isEmpty || roomiest() == nil else { return false }
        return !admission.admits(behind: queue.count, slots: slots, at: loop.now)
    }

    /// How many requests may be on their way.
    private var slots: Int {
        let all = options.connectionsMax * options.inFlightMax
        return options.shedsEarly ? admission.usable(of: all, isBehind: loop.isBehind, at: loop.now) : all
    }

    private func hand(_ waiting: Waiting, to session: Session) {
        switch waiting {
        case .request(let request):
            session.send(request)
            startTicking()
        case .reservation(let finish):
            session.isReserved = true
            finish(.success(session))
        }
    }

    private func serveQueue() {
        while !queue.isEmpty, let session = roomiest(), let (since, waiting) = queue.popFirst() {
            if admission.isTooLate(loop.now &- since) { waiting.fail(.overloaded) } else { hand(waiting, to: session) }
        }
        if !queue.isEmpty { openSessions() }
        endIdlingIfIdle()
    }

    /// The ready session with the fewest requests on their way, if it takes one more.
    private func roomiest() -> Session? {
        if options.shedsEarly, sessions.count(where: { $0.inFlight > 0 || $0.isReserved }) >= slots { return nil }
        var best: Session?
        for session in sessions where session.isReady && !session.isReserved {
            if session.inFlight == 0 { return session }
            if session.inFlight < best?.inFlight ?? options.inFlightMax { best = session }
        }
        return best
    }

    private var tickMilliseconds: Int64 { min(100, max(10, options.waitMax.milliseconds / 4)) }

    /// Whether requests no longer wait for an outage's end.
    private var isOutageTooLong: Bool {
        guard let outage else { return false }
        let most = outage.reason == nil ? options.waitMax.milliseconds : Self.outageMillisecondsMax
        return outage.ticks * tickMilliseconds > most
    }

    /// What ends a request that can't wait, or has waited for too long.
    private var tooLate: PostgresError {
        outage.map { .unavailable($0.reason ?? "connecting takes too long") } ?? .overloaded
    }

    /// One timer for all limits of time, alive during an outage and while anything waits or is on its way.
    private func startTicking() {
        guard tick == nil, !isClosed || hasWork else { return }
        tick = loop.after(.milliseconds(tickMilliseconds)) { [weak self] in
            guard let self else { return }
            tick = nil
            enforceLimits()
            if outage != nil || !queue.isEmpty || sessions.contains(where: { $0.inFlight > 0 }) { startTicking() }
        }
    }

    private func enforceLimits() {
        let now = loop.now
        outage?.ticks += 1
        if isOutageTooLong {
            for (_, waiting) in queue.removeAll() { waiting.fail(tooLate) }
        }
        let waitMax = options.waitMax.nanoseconds
        while let oldest = queue.first, now &- oldest.since > waitMax {
            queue.popFirst()?.waiting.fail(tooLate)
        }
        guard let statementTimeout = options.statementTimeout else { return }
        // The server keeps the time of each statement; one that it does not end is a server that no longer answers.
        let silenceMax = statementTimeout.nanoseconds * UInt64(options.inFlightMax > 1 ? 2 : 1) + 2_000_000_000
        let silent = sessions.filter { session in session.oldest.map { now &- $0 > silenceMax } ?? false }
        guard !silent.isEmpty else { return }
        for session in silent { session.lose(Self.silence) }
        // Idle connections lead to the same server: each would swallow a request for as long to find out.
        for lane in [self] + others { lane.loseIdle() }
    }

    private static let silence = "no answer for too long"

    private func loseIdle() {
        for session in sessions where session.isReady && session.inFlight == 0 && !session.isReserved {
            session.lose(Self.silence)
        }
    }

    private var hasWork: Bool {
        !queue.isEmpty || sessions.contains { $0.inFlight > 0 || $0.isReserved }
    }

    private func endIdlingIfIdle() {
        if whenIdle != nil, !hasWork { endIdling() }
    }

    private func endIdling() {
        let continuation = whenIdle
        whenIdle = nil
        continuation?()
    }
}

// MARK: Connections

extension Lane: SessionOwner {
    /// Pipelined lanes keep all their connections; exclusive ones get another while somebody waits. A connection that is
    /// refused only postpones the next attempt: the lane goes on with those it has.
    private func openSessions() {
        guard !isClosed, nextAttempt == nil else { return }
        let connecting = sessions.count { !$0.isReady }
        let missing = options.connectionsMax - sessions.count
        let wanted =
            switch options.mode {
            case .pipelined: missing
            case .exclusive: min(missing, max(queue.count, sessions.isEmpty ? 1 : 0) - connecting)
            }
        for _ in 0..<max(0, wanted) {
            guard let session = Session(loop: loop, settings: settings, firstHost: firstHost, owner: self) else {
                break
            }
            sessions.append(session)
            session.start()
        }
        noteOutage(outage?.reason)
    }

    private func noteOutage(_ reason: String?) {
        if sessions.contains(where: \.isReady) {
            outage = nil
        } else {
            // The short limit counts from the first reason on: one server refuses, another may not.
            let isFirstReason = outage?.reason == nil && reason != nil && !isOutageTooLong
            outage = (isFirstReason ? 0 : outage?.ticks ?? 0, reason)
            startTicking()
        }
    }

    func sessionIsReady(_ session: Session) {
        backoff.reset()
        outage = nil
        serveQueue()
        openSessions()
    }

    func session(_ session: Session, served nanoseconds: UInt64) { admission.noteServed(nanoseconds) }

    func sessionHasRoom(_ session: Session) {
        if queue.isEmpty { endIdlingIfIdle() } else { serveQueue() }
    }

    func sessionIsLost(_ session: Session, _ reason: String, wasReady: Bool) {
        sessions.removeAll { $0 === session }
        if !wasReady, session.firstHost == firstHost { firstHost += 1 }
        noteOutage(session.hasSaidNothing ? outage?.reason : reason)
        endIdlingIfIdle()
        // The server is there, for others, and perhaps has no room for one connection more.
        if !wasReady, !sessions.contains(where: \.isReady) { _ = others.first { $0.giveUpIdle() } }
        guard !isClosed, nextAttempt == nil else { return }
        nextAttempt = loop.after(backoff.next()) { [weak self] in
            self?.nextAttempt = nil
            self?.openSessions()
        }
    }

    /// Makes room for a lane that has no connection at all; false when there is none to spare.
    private func giveUpIdle() -> Bool {
        guard case .exclusive = options.mode, sessions.count(where: \.isReady) > 1,
            let idle = sessions.first(where: { $0.isReady && $0.inFlight == 0 && !$0.isReserved })
        else { return false }
        idle.lose("another lane has none")
        return true
    }

    private func giveBack(_ connection: Connection) async {
        let session = connection.session
        connection.isOver = true
        if session.transaction == .open || session.transaction == .failed {
            try? await connection.runScript("rollback", "ROLLBACK")
        }
        if session.isReady, session.transaction != .none { session.lose("its state was in doubt") }
        session.isReserved = false
        serveQueue()
    }
}
