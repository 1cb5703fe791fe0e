import CLibPQ
import EventLoop

/// Whoever opened a session and is told what becomes of it.
protocol SessionOwner: AnyObject {
    func sessionIsReady(_ session: Session)
    /// A request has been answered, so long after it was sent.
    func session(_ session: Session, served nanoseconds: UInt64)
    /// A request has ended: there may be room for another.
    func sessionHasRoom(_ session: Session)
    /// It could not be had or is lost; its requests have failed. `wasReady` tells the two apart.
    func sessionIsLost(_ session: Session, _ reason: String, wasReady: Bool)
}

/// One connection to PostgreSQL in pipeline mode, from the first byte to the last. Loop thread only.
final class Session: ReadinessHandler {
    private enum Phase { case connecting, ready, lost }

    private let loop: EventLoop
    private weak var owner: (any SessionOwner)?
    private let connection: OpaquePointer
    private let connectTimeMax: Duration
    /// With which of several servers it began.
    let firstHost: Int
    private var phase = Phase.connecting
    private var watch: Watch?
    private var waitsToWrite = false
    private var connectTimer: LoopTimer?
    private var buffers: [ParameterBuffer] = []
    private var requests = FIFO<Request>()
    private var script: Script?
    /// Statements that the server has or will have before anything sent from now on, and their present names there.
    private var prepared: [String: String] = [:]
    /// Of these names, those that the server has said yes to.
    private var confirmed: Set<String> = []
    private var generation = 0
    /// The server has refused to write: after a failover it is the wrong one, and it will go on refusing.
    private var isReadOnly = false
    private static let readOnly = "the server takes no writes"

    /// Given to one user for several round trips; the lane sends nothing else here.
    var isReserved = false
    var onNotification: ((_ channel: String, _ payload: String) -> Void)?

    /// No connection came about in the time that there was for it, and nobody has refused one.
    private(set) var hasSaidNothing = false
    var isReady: Bool { phase == .ready }
    var inFlight: Int { requests.count + (script == nil ? 0 : 1) }
    /// When the oldest request on its way was sent, in the loop's nanoseconds; nil when nothing is.
    var oldest: UInt64? { script?.since ?? requests.first?.since }

    /// nil when there is no memory for a connection. `start()` follows.
    init?(loop: EventLoop, settings: ConnectionSettings, firstHost: Int, owner: any SessionOwner) {
        guard let connection = settings.startConnecting(firstHost: firstHost) else { return nil }
        connectTimeMax = settings.connectTimeMax
        self.firstHost = firstHost
        self.loop = loop
        self.owner = owner
        self.connection = connection
        PQsetNoticeReceiver(connection, { _, _ in }, nil)  // libpq would print them.
    }

    deinit {
        if phase != .lost { PQfinish(connection) }
    }

    /// Goes on connecting; the owner hears of the outcome, never within this call.
    func start() {
        guard PQstatus(connection) != CONNECTION_BAD else {
            let reason = message
            loop.after(.zero) { [self] in lose(reason) }
            return
        }
        connectTimer = loop.after(connectTimeMax) { [weak self] in
            guard let self else { return }
            hasSaidNothing = true
            lose("no connection within \(connectTimeMax.components.seconds) s")
        }
        wait(for: .writable)
    }

    func ready(_ readiness: Readiness) {
        switch phase {
        case .connecting: connect()
        case .ready: exchange()
        case .lost: break
        }
    }

    /// Ends it without waiting for anything; requests on their way fail, the owner is not told.
    func close() {
        owner = nil
        lose("the connection was closed")
    }

    /// Gives it up: requests on their way fail.
    func lose(_ reason: String) {
        guard phase != .lost else { return }
        let wasReady = phase == .ready
        phase = .lost
        connectTimer?.cancel()
        // libpq may have closed the descriptor already; nobody on this thread can have got its number since.
        watch?.cancel()
        watch = nil
        PQfinish(connection)
        onNotification = nil
        for request in requests.removeAll() { request.end(request.failure ?? .unavailable(reason)) }
        script?.end(.unavailable(reason))
        script = nil
        owner?.sessionIsLost(self, reason, wasReady: wasReady)
    }

    /// What libpq says of the last failure, in one line.
    private var message: String {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        let lines = text.split(separator: "\n").map { $0.drop { $0 == " " || $0 == "\t" } }
        return lines.isEmpty ? "the connection was lost" : lines.joined(separator: " ")
    }
}

// MARK: Connecting

extension Session {
    private func connect() {
        let state = PQconnectPoll(connection)
        switch state {
        case PGRES_POLLING_READING: wait(for: .readable)
        case PGRES_POLLING_WRITING: wait(for: .writable)
        case PGRES_POLLING_OK:
            guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
                return lose(message)
            }
            connectTimer?.cancel()
            phase = .ready
            wait(for: .readable)
            guard phase == .ready else { return }
            owner?.sessionIsReady(self)
        default: lose(message)
        }
    }

    /// A fresh watch each time: libpq changes sockets while it tries addresses, and a new one may bear the old number.
    private func wait(for interest: Interest) {
        watch?.cancel()
        do throws(EventLoopError) {
            watch = try loop.watch(PQsocket(connection), interest, urgent: true, self)
        } catch {
            lose(error.description)
        }
    }
}

// MARK: Sending

extension Session {
    /// Sends the request's statements, and before them whatever is not prepared yet, under one Sync.
    func send(_ request: Request) {
        guard phase == .ready else { return request.end(.unavailable("the connection is lost")) }
        while buffers.count < request.steps.count { buffers.append(ParameterBuffer()) }
        defer { for buffer in buffers.prefix(request.steps.count) { buffer.trim() } }
        for (index, step) in request.steps.enumerated() {
            if let faulty = buffers[index].fill(step.parameters) {
                request.end(.parameter(statement: step.name, index: faulty))
                owner?.sessionHasRoom(self)
                return
            }
        }
        request.isRetriable = request.isRetriable && (!isReserved || PQtransactionStatus(connection) == PQTRANS_IDLE)
        request.since = loop.now
        request.results = 0
        request.failure = nil
        request.isStale = false
        request.preparing = []
        request.serverNames = []
        requests.append(request)
        guard put(request), PQpipelineSync(connection) == 1 else { return lose(message) }
        flush()
    }

    private func put(_ request: Request) -> Bool {
        for step in request.steps {
            if prepared[step.name] == nil {
                let name = generation == 0 ? step.name : "\(step.name)~\(generation)"
                guard PQsendPrepare(connection, name, step.sql, 0, nil) == 1 else { return false }
                prepared[step.name] = name
                request.preparing.append(step.name)
            }
            request.serverNames.append(prepared[step.name] ?? step.name)
        }
        for (index, name) in request.serverNames.enumerated() {
            let sent = buffers[index].withPointers { count, values, lengths, formats in
                PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1)
            }
            guard sent == 1 else { return false }
        }
        return true
    }

    private func flush() {
        let left = PQflush(connection)
        if left < 0 { return lose(message) }
        guard waitsToWrite != (left == 1) else { return }
        waitsToWrite = left == 1
        do throws(EventLoopError) {
            try watch?.update(waitsToWrite ? [.readable, .writable] : .readable)
        } catch {
            lose(error.description)
        }
    }
}

// MARK: Receiving

extension Session {
    private func exchange() {
        let isAlive = PQconsumeInput(connection) == 1
        if isAlive, waitsToWrite { flush() }
        guard phase == .ready else { return }
        takeNotifications()
        takeResults()
        guard phase == .ready else { return }
        if !isAlive || PQstatus(connection) == CONNECTION_BAD { lose(message) }
    }

    private func takeNotifications() {
        while phase == .ready, let notification = PQnotifies(connection) {
            let channel = String(cString: notification.pointee.relname)
            let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
            PQfreemem(notification)
            onNotification?(channel, payload)
        }
    }

    /// Every result is followed by a nil, but the one of the Sync.
    private func takeResults() {
        var nils = 0
        while phase == .ready, inFlight > 0, nils < 2, PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                nils += 1
                if script != nil { endScript() }
                continue
            }
            nils = 0
            defer { PQclear(result) }
            if let script {
                script.take(result)
            } else if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
                endRequest()
            } else if let request = requests.first {
                take(result, for: request)
            }
        }
    }

    /// The results come in the order of sending: first those of preparing, then one a step.
    private func take(_ result: OpaquePointer, for request: Request) {
        let index = request.results
        request.results += 1
        let isPreparing = index < request.preparing.count
        let stepIndex = isPreparing ? nil : index - request.preparing.count
        let step = stepIndex.flatMap { $0 < request.steps.count ? request.steps[$0] : nil }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            if isPreparing, let name = prepared[request.preparing[index]] { confirmed.insert(name) }
            guard let step, request.failure == nil else { return }
            do throws(RowError) {
                try step.take(result)
            } catch {
                request.failure = .decoding(statement: step.name, error)
            }
        case PGRES_PIPELINE_ABORTED:
            if isPreparing { forget(request.preparing[index]) }
        default:
            if isPreparing { forget(request.preparing[index]) }
            let name = isPreparing ? request.preparing[index] : step?.name ?? ""
            let error = ServerError(result, statement: name)
            isReadOnly = isReadOnly || error.isOfReadOnlyServer
            guard request.failure == nil else { return }
            request.failure = PostgresError(error)
            if let stepIndex, stepIndex < request.serverNames.count, error.isStalePlan(result) {
                request.isStale = true
                // If somebody has prepared it anew since, and that went well, it is used; nobody relies on hope.
                let present = prepared[name]
                if present == request.serverNames[stepIndex] || present.map(confirmed.contains) != true { forget(name) }
            }
        }
    }

    /// The server's copy may live on, so the next one gets another name.
    private func forget(_ name: String) {
        if let forgotten = prepared.removeValue(forKey: name) { confirmed.remove(forgotten) }
        generation += 1
    }

    private func endRequest() {
        guard let request = requests.popFirst() else { return }
        if request.isStale, request.isRetriable {
            // The flight was rolled back as a whole, before the statement began: sending it again does nothing twice.
            request.isRetriable = false
            send(request)
            return
        }
        owner?.session(self, served: loop.now &- request.since)
        request.end(request.failure)
        if isReadOnly { return lose(Self.readOnly) }
        owner?.sessionHasRoom(self)
    }
}

// MARK: Scripts and transactions

extension Session {
    /// Several statements without parameters by the simple protocol: one implicit transaction, unless it says otherwise.
    func send(_ script: Script) {
        guard phase == .ready else { return script.end(.unavailable("the connection is lost")) }
        precondition(inFlight == 0, "A script has its connection for itself.")
        script.since = loop.now
        self.script = script
        guard PQexitPipelineMode(connection) == 1, PQsendQuery(connection, script.sql) == 1 else {
            return lose(message)
        }
        flush()
    }

    private func endScript() {
        guard let ended = script else { return }
        script = nil
        guard PQenterPipelineMode(connection) == 1 else {
            ended.end(ended.failure)
            return lose(message)
        }
        ended.end(ended.failure)
        if ended.isOfReadOnlyServer { lose(Self.readOnly) }
    }

    enum Transaction { case none, open, failed, unknown }

    /// Where the server's transaction stands; unknown while anything is on its way.
    var transaction: Transaction {
        guard phase == .ready, inFlight == 0 else { return .unknown }
        return switch PQtransactionStatus(connection) {
        case PQTRANS_IDLE: .none
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .unknown
        }
    }
}

/// A script on its way. Loop thread only.
final class Script {
    let name: String
    let sql: String
    private(set) var failure: PostgresError?
    private(set) var isOfReadOnlyServer = false
    var since: UInt64 = 0
    private let finish: (PostgresError?) -> Void

    init(_ name: String, _ sql: String, finish: @escaping (PostgresError?) -> Void) {
        self.name = name
        self.sql = sql
        self.finish = finish
    }

    func take(_ result: OpaquePointer) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
        default:
            let error = ServerError(result, statement: name)
            isOfReadOnlyServer = isOfReadOnlyServer || error.isOfReadOnlyServer
            if failure == nil { failure = PostgresError(error) }
        }
    }

    func end(_ error: PostgresError?) { finish(error) }
}

extension ServerError {
    init(_ result: OpaquePointer, statement: String) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        let words = field("M") ?? PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        self.init(
            // libpq's own failures have no SQLSTATE: they mean that the connection is gone.
            sqlstate: field("C") ?? "08006",
            message: words.split(separator: "\n").first.map(String.init) ?? "no message",
            constraint: field("n"), statement: statement)
    }

    /// "Cached plan must not change result type" is one of many 0A000, told apart by the function that raises it, since
    /// the words are translated; 26000 is a statement that the server does not know.
    fileprivate func isStalePlan(_ result: OpaquePointer) -> Bool {
        guard sqlstate == "0A000" else { return sqlstate == "26000" }
        return PQresultErrorField(result, Int32(Character("R").asciiValue ?? 0)).map { String(cString: $0) }
            == "RevalidateCachedQuery"
    }
}
