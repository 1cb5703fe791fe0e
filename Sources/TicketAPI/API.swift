import Digests
public import HTTPWire
import JSONText
public import Regulations
public import Tickets

/// The JSON API: takes a request, gives a response, never throws. One per event loop, as its store is.
public final class API: Sendable {
    let store: any Store
    let rulebook: @Sendable () -> Rulebook
    let texts: Texts
    let now: @Sendable () -> Instant
    let zones: (any TimeZoneSource)?
    let attachmentQuota: AttachmentQuota
    let transfers: Transfers
    let reference: Reference
    let hub: StreamHub
    let observe: @Sendable (Observation) -> Void
    /// Nil: nobody is limited.
    let limits: RateLimits?
    let figures = RequestTally()
    private let metrics: @Sendable () async -> [UInt8]?
    let clock: @Sendable () -> UInt64
    let router = Router()

    /// - Parameters:
    ///   - rulebook: what is installed, asked for anew by every request.
    ///   - reference: what the service says of itself; nil: this API's own.
    ///   - zones: time zones that no regulation names, for `GET /v1/calendars/{code}/deadline`; nil: none.
    ///   - streams: how many may listen to events, in all loops together.
    ///   - attachments: how much may be attached.
    ///   - transfers: counts the files on their way; one for all loops.
    ///   - now: the service's one clock.
    ///   - limits: shared by all loops; nil: nobody is limited.
    ///   - metrics: gives the page of `GET /metrics`; nil: there is none.
    ///   - clock: monotonic nanoseconds, for durations.
    ///   - observe: hears of every answer, on the loop; must not block.
    public init(
        store: any Store, rulebook: @escaping @Sendable () -> Rulebook, texts: Texts, reference: Reference? = nil,
        zones: (any TimeZoneSource)? = nil, attachments: AttachmentQuota = AttachmentQuota(),
        transfers: Transfers = Transfers(), streams: StreamLimits = StreamLimits(),
        now: @escaping @Sendable () -> Instant, limits: RateLimits? = nil,
        metrics: @escaping @Sendable () async -> [UInt8]? = { nil },
        clock: @escaping @Sendable () -> UInt64 = monotonicNanoseconds,
        observe: @escaping @Sendable (Observation) -> Void = { _ in }
    ) {
        self.store = store
        self.rulebook = rulebook
        self.texts = texts
        self.reference = reference ?? Reference(texts)
        self.zones = zones
        attachmentQuota = attachments
        self.transfers = transfers
        self.now = now
        hub = StreamHub(store: store, limits: streams, now: now)
        self.limits = limits
        self.metrics = metrics
        self.clock = clock
        self.observe = observe
    }

    /// Answers a request. To be called on the loop that the store belongs to.
    public func respond(_ request: Request) async -> Response {
        let time = RequestTime(clock: clock)
        let (identity, trace) = identify(request)
        var progress = Progress()
        let answer = await RequestTime.$current.withValue(time) {
            await self.answerOrRefuse(request, identity, &progress)
        }
        return conclude(answer, to: request, progress, time, identity, trace)
    }

    // An asynchronous function keeps room for everything that is made in it, and in what the compiler puts into it, until its
    // end, and its end waits for PostgreSQL. What need not be there is in functions of its own: a request in flight had 35 KB.

    @inline(never)
    func identify(_ request: Request) -> (RequestIdentity, TraceContext) {
        let identity = RequestIdentity(request.fields.values("x-request-id"))
        let parents = request.fields.contains("traceparent") ? request.fields.values("traceparent") : []
        return (identity, TraceContext(parents, instance: identity.instance, span: figures.nextSpan()))
    }

    @inline(never)
    func conclude(
        _ answer: Answer, to request: Request, _ progress: Progress, _ time: RequestTime, _ identity: RequestIdentity,
        _ trace: TraceContext
    ) -> Response {
        var standing = progress.standing
        // What has not changed costs nothing.
        if answer.status == 304 { if var given = standing { limits?.giveBack(&given); standing = given } }
        let response = answer.response(requestID: identity.id, standing: standing, traceresponse: trace.response)
        return note(response, answer, to: request, progress, time, identity, trace)
    }

    @inline(never)
    func route(_ request: Request) throws(Problem) -> (Call, [String]) {
        switch router.match(method: request.method, path: request.path) {
        case .found(let call, let arguments): return (call, arguments)
        case .unknownPath: throw Problem(.notFound)
        case .malformed: throw Problem(.malformedRequest)
        case .otherMethod(let allow):
            var problem = Problem(.methodNotAllowed)
            problem.fields = [("Allow", allow.joined(separator: ", "))]
            throw problem
        }
    }

    /// Lets a request in, or refuses it by what its head and its caller alone decide.
    @inline(never)
    func admit(
        _ request: Request, _ call: Call, _ arguments: [String], token: Digest, of caller: Caller?,
        _ language: Language, _ identity: RequestIdentity, at now: Instant, _ progress: inout Progress
    ) throws(Problem) -> Exchange {
        let (caller, standing) = try accept(caller, token, request, at: now)
        progress.caller = caller
        progress.standing = standing
        if let figures = standing?.figures, !figures.isAllowed {
            self.figures.noteLimited(.token)
            throw Problem.tooManyRequests(retryAfter: figures.retryAfterSeconds)
        }
        // Where ten times as many ask as can be served, most of the time would go into requests that are refused in the end.
        if call == .listTickets, store.isTurningListsAway(Access(caller)) { throw Problem(.overloaded) }
        let accept = request.fields.values("accept")
        // A file is what it is: whoever asks for it takes it.
        guard
            call == .readAttachment || Negotiation.acceptsJSON(accept)
                || call.hasEventStream && Negotiation.prefersEventStream(accept)
        else { throw Problem(.notAcceptable) }
        return Exchange(
            request: request, call: call, arguments: arguments, caller: caller, access: Access(caller),
            language: language, instance: identity.instance, now: now)
    }

    private func answerOrRefuse(
        _ request: Request, _ identity: RequestIdentity, _ progress: inout Progress
    ) async -> Answer {
        let language = Negotiation.language(request.fields.values("accept-language"))
        do {
            return try await answer(request, language, identity, &progress)
        } catch {
            let (answer, type) = refusal(error, language, identity)
            guard let exchange = progress.exchange, exchange.access.key != nil else { return answer }
            return await settle(answer, type, exchange, identity)
        }
    }

    /// What is answered to an error, and said of it if something broke.
    @inline(never)
    func refusal(_ error: any Error, _ language: Language, _ identity: RequestIdentity) -> (Answer, ProblemType) {
        if let what = API.whatBroke(error) { observe(.broke(requestID: identity.id, what: what)) }
        let problem = Problem(error)
        return (problem.answer(texts, in: language, instance: identity.instance), problem.type)
    }

    private func answer(
        _ request: Request, _ language: Language, _ identity: RequestIdentity, _ progress: inout Progress
    ) async throws -> Answer {
        let (call, arguments) = try route(request)
        progress.call = call
        let now = now().truncatedToMilliseconds()
        guard Permissions.roles(call) != nil else { return try await answerOpenly(call, arguments, request, language) }
        let token = try shownToken(request)
        let known = store.remembered(token)
        let whose = if let known { known } else { try await store.caller(token: token) }
        let exchange = try admit(
            request, call, arguments, token: token, of: whose, language, identity, at: now, &progress)
        if call == .addAttachment {
            try await receive(exchange)
        } else {
            exchange.body = try await read(request)
            exchange.access = Access(exchange.caller, key: try idempotencyKey(request, exchange.body, exchange.caller))
        }
        if request.method != "GET" { try await admitAgain(exchange, token) }
        if let time = RequestTime.current { time.parse &+= time.now &- time.start &- time.database }
        progress.exchange = exchange
        do {
            // Where the handler's own reading looks the key up, this would be one round trip too many.
            if exchange.access.key != nil && !call.readsGround { try await store.lookUp(exchange.access) }
            return try await answer(exchange)
        } catch let error as StoreError {
            return try replay(error, language)
        }
    }

    /// Rights may have ended while the body came, for which a client may take half an hour.
    private func admitAgain(_ exchange: Exchange, _ token: Digest) async throws {
        let known = store.remembered(token)
        let whose = if let known { known } else { try await store.caller(token: token) }
        let now = now().truncatedToMilliseconds()
        guard let whose, whose.expiresAt.map({ now < $0 }) ?? true else {
            if case .staged(let attachment)? = exchange.upload?.outcome {
                await store.discard(attachment.id, exchange.access)
            }
            throw API.unauthorized("invalid_token")
        }
        exchange.resume(as: whose, at: now)
    }

    /// Calls without a token.
    @inline(never)
    private func answerOpenly(
        _ call: Call, _ arguments: [String], _ request: Request, _ language: Language
    ) async throws -> Answer {
        switch call {
        case .health: return health(language)  // Where nobody asks `respondPromptly` first.
        case .readiness: return try await readiness(language)
        case .openAPI: return try answer(await reference.pages(language).document, request)
        case .docsPage: return try answer(await reference.pages(language).documentation, request)
        case .problemList: return try answer(await reference.pages(language).problems, request)
        case .problemPage: return try await problemPage(arguments[0], request, language)
        case .metrics:
            guard let page = await metrics() else { throw Problem(.notFound) }
            return Answer(
                status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", language: nil, body: page)
        default: preconditionFailure("every other call asks for a token")
        }
    }

    private func read(_ request: Request) async throws(Problem) -> [UInt8] {
        // A body on any other method means nothing; the server drains it.
        guard ["POST", "PATCH"].contains(request.method) else { return [] }
        // What the head alone decides is said before the body is asked for (RFC 9110 10.1.1), but for a retry: whether
        // it is one, and has its answer already, only the body tells.
        if !request.fields.contains("idempotency-key") {
            try ContentType.check(request, isEmpty: request.body.declaredLength ?? 0 == 0)
        }
        do { return try await request.body.collect(upTo: Limit.bodyBytes) } catch {
            switch error {
            case .tooLarge: throw Problem(.contentTooLarge, ["max": "1 MiB"])
            case .timedOut: throw Problem(.requestTimeout)
            default: throw Problem(.malformedRequest)
            }
        }
    }

    /// What the log says of an error; nil: nothing broke.
    static func whatBroke(_ error: any Error) -> String? {
        if error is Problem || error is Refusal { return nil }
        guard let error = error as? StoreError else { return "\(type(of: error))" }
        return switch error {
        case .unavailable(let what), .unexpected(let what): what
        case .violates(let constraint): "no handler expects a violation of \(constraint)"
        case .overloaded, .faster, .replay, .replayRun, .replayPublication, .replayBatch, .keyReused, .keyInProgress:
            nil
        }
    }
}
