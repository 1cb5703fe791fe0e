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
    let hub: StreamHub
    let observe: @Sendable (Observation) -> Void
    private let router = Router()

    /// - Parameters:
    ///   - rulebook: what is installed, asked for anew by every request.
    ///   - zones: time zones that no regulation names, for `GET /v1/calendars/{code}/deadline`; nil: none.
    ///   - streams: how many may listen to events, in all loops together.
    ///   - now: the service's one clock.
    ///   - observe: hears of every answer, on the loop; must not block.
    public init(
        store: any Store, rulebook: @escaping @Sendable () -> Rulebook, texts: Texts,
        zones: (any TimeZoneSource)? = nil, streams: StreamLimits = StreamLimits(),
        now: @escaping @Sendable () -> Instant,
        observe: @escaping @Sendable (Observation) -> Void = { _ in }
    ) {
        self.store = store
        self.rulebook = rulebook
        self.texts = texts
        self.zones = zones
        self.now = now
        hub = StreamHub(store: store, limits: streams, now: now)
        self.observe = observe
    }

    /// Answers a request. To be called on the loop that the store belongs to.
    public func respond(_ request: Request) async -> Response {
        let start = ContinuousClock.now
        let identity = RequestIdentity(request.fields.values("x-request-id"))
        let language = Negotiation.language(request.fields.values("accept-language"))
        var trace = Trace()
        var answer: Answer
        do {
            answer = try await self.answer(request, language, identity, &trace)
        } catch {
            if let what = API.whatBroke(error) { observe(.broke(requestID: identity.id, what: what)) }
            answer = Problem(error).answer(texts, in: language, instance: identity.instance)
            if let exchange = trace.exchange, exchange.access.key != nil {
                answer = await settle(answer, Problem(error).type, exchange, identity)
            }
        }
        observe(
            .answered(
                AnsweredRequest(
                    requestID: identity.id, user: trace.caller?.id, token: trace.caller?.token, method: request.method,
                    route: trace.call.map { Route($0).path }, status: answer.status,
                    microseconds: start.duration(to: .now).microseconds, remoteAddress: request.remoteAddress)))
        return answer.response(requestID: identity.id)
    }

    /// What became known of a request on the way to its answer.
    private struct Trace {
        var call: Call?
        var caller: Caller?
        var exchange: Exchange?
    }

    private func answer(
        _ request: Request, _ language: Language, _ identity: RequestIdentity, _ trace: inout Trace
    ) async throws -> Answer {
        let call: Call
        let arguments: [String]
        switch router.match(method: request.method, path: request.path) {
        case .found(let found, let values): (call, arguments) = (found, values)
        case .unknownPath: throw Problem(.notFound)
        case .malformed: throw Problem(.malformedRequest)
        case .otherMethod(let allow):
            var problem = Problem(.methodNotAllowed)
            problem.fields = [("Allow", allow.joined(separator: ", "))]
            throw problem
        }
        trace.call = call
        let now = now().truncatedToMilliseconds()
        guard Permissions.roles(call) != nil else { return try await answerOpenly(call, arguments, language) }
        let caller = try await authenticate(request.fields, at: now)
        trace.caller = caller
        let accept = request.fields.values("accept")
        guard Negotiation.acceptsJSON(accept) || call.hasEventStream && Negotiation.prefersEventStream(accept) else {
            throw Problem(.notAcceptable)
        }
        let body = try await read(request)
        let key = try idempotencyKey(request, body, caller)
        let exchange = Exchange(
            request: request, call: call, arguments: arguments, caller: caller,
            access: Access(caller, key: key), language: language, instance: identity.instance, body: body, now: now)
        trace.exchange = exchange
        do {
            // Where the handler's own reading looks the key up, this would be one round trip too many.
            if key != nil && !call.readsGround { try await store.lookUp(exchange.access) }
            return try await answer(exchange)
        } catch let error as StoreError {
            return try replay(error, language)
        }
    }

    /// Calls without a token.
    private func answerOpenly(_ call: Call, _ arguments: [String], _ language: Language) async throws -> Answer {
        switch call {
        case .health: return health(language)
        case .readiness: return try await readiness(language)
        case .problemPage: return try problemPage(arguments[0], language)
        default: preconditionFailure("every other call asks for a token")
        }
    }

    private func read(_ request: Request) async throws(Problem) -> [UInt8] {
        // A body on any other method means nothing; the server drains it.
        guard ["POST", "PATCH"].contains(request.method) else { return [] }
        do { return try await request.body.collect(upTo: Limit.bodyBytes) } catch {
            switch error {
            case .tooLarge: throw Problem(.contentTooLarge)
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

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
