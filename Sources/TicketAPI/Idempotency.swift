import Digests
import HTTPWire
import Regulations
import Tickets

/// How a retry is recognised and answered as before.
extension API {
    /// Nil: the request has none. The key counts on POST alone.
    func idempotencyKey(_ request: Request, _ body: [UInt8], _ caller: Caller) throws(Problem) -> IdempotencyKey? {
        guard let key = try API.keyName(request) else { return nil }
        if transfers.isRunning(caller.id, key: key) { throw Problem(.idempotencyKeyInProgress) }
        var hasher = API.requestHasher(request)
        hasher.update(body)
        return IdempotencyKey(caller: caller.id, key: key, request: hasher.finish())
    }

    /// Nil: the request has none.
    static func keyName(_ request: Request) throws(Problem) -> String? {
        guard request.method == "POST" else { return nil }
        let keys = request.fields.values("idempotency-key")
        guard let key = keys.first else { return nil }
        guard keys.count == 1, key.isVisibleASCII(upTo: 255) else { throw Problem(.invalidIdempotencyKey) }
        return key
    }

    /// What a request is told apart by, before its body.
    static func requestHasher(_ request: Request) -> SHA256 {
        var hasher = SHA256()
        hasher.update(Array("\(request.method)\n\(request.path)\n\(request.query ?? "")\n".utf8))
        return hasher
    }

    /// The first answer again, if that is what the store found; else throws on.
    func replay(_ error: StoreError, _ language: Language) throws -> Answer {
        var answer: Answer
        switch error {
        case .replay(let kept): return Answer(replaying: kept)
        case .replayRun(let run): answer = .json(200, RunBody(run), in: language)
        case .replayPublication(let publication): answer = .json(200, PublicationBody(publication), in: language)
        case .replayBatch(let results, let first): answer = .json(200, BatchBody(results: results), in: first)
        default: throw error
        }
        answer.fields = [Answer.replayed]
        return answer
    }

    /// Keeps a refusal under the request's key, or gives what was answered before: a replay wins over every refusal.
    func settle(_ refusal: Answer, _ type: ProblemType, _ exchange: Exchange, _ identity: RequestIdentity) async
        -> Answer
    {
        guard (400..<500).contains(type.status), type != .idempotencyKeyReused, type != .idempotencyKeyInProgress else {
            return refusal
        }
        do {
            if type.isKept {
                try await store.keep(refusal.kept, exchange.access)
            } else {
                try await store.lookUp(exchange.access)
            }
            return refusal
        } catch {
            if let replayed = try? replay(error, exchange.language) { return replayed }
            return Problem(error).answer(texts, in: exchange.language, instance: identity.instance)
        }
    }
}

extension Call {
    /// Whether the handler's first reading looks the idempotency key up along with the ticket.
    var readsGround: Bool {
        switch self {
        case .createTicket, .assign, .requestInformation, .solve, .confirm, .dispute, .withdraw, .merge, .addComment,
            .addAttachment, .addLink:
            true
        default: false
        }
    }
}

/// By what names a request goes.
struct RequestIdentity {
    /// The caller's own when it is sensible, else a new UUID.
    let id: String
    /// A UUID: the caller's identifier when it is one.
    let instance: String

    init(_ given: [String]) {
        guard given.count == 1, let own = given.first, own.isVisibleASCII(upTo: 128) else {
            let uuid = Random.uuid()
            (id, instance) = (uuid, uuid)
            return
        }
        id = own
        instance = own.isUUID ? own.lowercased() : Random.uuid()
    }
}

extension String {
    /// 1 to `max` characters out of `!` to `~`.
    func isVisibleASCII(upTo max: Int) -> Bool {
        (1...max).contains(utf8.count) && utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    /// 8-4-4-4-12 hexadecimal digits (RFC 9562, 4).
    var isUUID: Bool {
        let bytes = Array(utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            [8, 13, 18, 23].contains(index)
                ? byte == 0x2d
                : (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
        }
    }
}
