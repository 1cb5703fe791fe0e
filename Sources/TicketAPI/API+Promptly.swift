public import HTTPWire
import Regulations
import Tickets

// What takes no task of its own: with one, and the functions that wait in it, a ticket took 21.4 µs of processor to read instead of 18.4
// (64 clients, by turns, twice three times four seconds).
extension API {
    /// The answer to what needs neither a caller nor the database, and to who reads a ticket and is remembered; nil: `respond`
    /// gives it. On the same loop.
    public func respondPromptly(_ request: Request) -> PromptReply? {
        var path = request.path
        return path.withUTF8 { $0.starts(with: "/v1/".utf8) } ? readTicket(request) : answerToAnybody(request)
    }

    private func answerToAnybody(_ request: Request) -> PromptReply? {
        let time = RequestTime(clock: clock)
        let language = Negotiation.language(request.fields.values("accept-language"))
        var progress = Progress()
        let refusal: Problem?
        do {
            let (call, _) = try route(request)
            guard call == .health else { return nil }
            progress.call = call
            refusal = nil
        } catch { refusal = error }
        let (identity, trace) = identify(request)
        let answer = refusal?.answer(texts, in: language, instance: identity.instance) ?? health(language)
        return .now(conclude(answer, to: request, progress, time, identity, trace))
    }

    private func readTicket(_ request: Request) -> PromptReply? {
        guard request.method == "GET",
            case .found(.readTicket, let arguments) = router.match(
                method: request.method, path: request.path)
        else { return nil }
        let time = RequestTime(clock: clock)
        guard let token = API.token(request.fields), let caller = store.remembered(token) ?? nil else { return nil }
        let language = Negotiation.language(request.fields.values("accept-language"))
        let (identity, trace) = identify(request)
        var progress = Progress()
        progress.call = .readTicket
        do {
            try checkGuesses(token, request)
            let exchange = try admit(
                request, .readTicket, arguments, token: token, of: caller, language, identity,
                at: now().truncatedToMilliseconds(), &progress)
            time.parse = time.now &- time.start
            try exchange.admit()
            let reading = TicketReading(
                api: self, id: try exchange.ticketID(), exchange: exchange, standing: progress.standing, time: time,
                identity: identity, trace: trace)
            return .later(reading.start)
        } catch {
            let (answer, _) = self.refusal(error, language, identity)
            return .now(conclude(answer, to: request, progress, time, identity, trace))
        }
    }
}

/// A ticket that is read for somebody, until PostgreSQL has answered. By reference: whoever is called back then keeps only this.
private final class TicketReading {
    private let api: API
    private let id: TicketID
    private let exchange: Exchange
    private let standing: RateLimits.Standing?
    private let time: RequestTime
    private let identity: RequestIdentity
    private let trace: TraceContext

    init(
        api: API, id: TicketID, exchange: Exchange, standing: RateLimits.Standing?, time: RequestTime,
        identity: RequestIdentity, trace: TraceContext
    ) {
        (self.api, self.id, self.exchange, self.standing) = (api, id, exchange, standing)
        (self.time, self.identity, self.trace) = (time, identity, trace)
    }

    func start(_ finish: @escaping (Response) -> Void) {
        let since = time.now
        api.store.ticket(id, at: exchange.now, exchange.access) { [self] found in
            time.database = time.now &- since
            finish(response(to: found))
        }
    }

    private func response(to found: Result<TicketRecord?, StoreError>) -> Response {
        let answer = RequestTime.$current.withValue(time) {
            do { return try api.show(try found.get(), exchange) } catch {
                return api.refusal(error, exchange.language, identity).0
            }
        }
        let progress = API.Progress(
            call: exchange.call, caller: exchange.caller, standing: standing, exchange: exchange)
        return api.conclude(answer, to: exchange.request, progress, time, identity, trace)
    }
}
