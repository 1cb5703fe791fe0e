import JSONText
import Regulations
import Tickets

/// Every kind of error that a client can meet. Raw values are promises: `/problems/<raw value>`.
enum ProblemType: String, CaseIterable, Sendable {
    case malformedRequest = "malformed-request"
    case invalidJSON = "invalid-json"
    case invalidIdempotencyKey = "invalid-idempotency-key"
    case unauthorized
    case forbidden
    case notAuthorisedToConfirm = "not-authorised-to-confirm"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case requestTimeout = "request-timeout"
    case transitionNotAllowed = "transition-not-allowed"
    case alreadyExists = "already-exists"
    case contractOverlap = "contract-overlap"
    case alreadyPublished = "already-published"
    case planChanged = "plan-changed"
    case idempotencyKeyInProgress = "idempotency-key-in-progress"
    case staleVersion = "stale-version"
    case contentTooLarge = "content-too-large"
    case targetTooLong = "target-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case rangeNotSatisfiable = "range-not-satisfiable"
    case expectationFailed = "expectation-failed"
    case invalidInput = "invalid-input"
    case idempotencyKeyReused = "idempotency-key-reused"
    case quotaExceeded = "quota-exceeded"
    case noContractInForce = "no-contract-in-force"
    case preconditionRequired = "precondition-required"
    case tooManyStreams = "too-many-streams"
    case tooManyRequests = "too-many-requests"
    case headerTooLarge = "header-too-large"
    case internalError = "internal-error"
    case notImplemented = "not-implemented"
    case unavailable
    case overloaded
    case versionNotSupported = "version-not-supported"

    var status: Int {
        switch self {
        case .malformedRequest, .invalidJSON, .invalidIdempotencyKey: 400
        case .unauthorized: 401
        case .forbidden, .notAuthorisedToConfirm: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .notAcceptable: 406
        case .requestTimeout: 408
        case .transitionNotAllowed, .alreadyExists, .contractOverlap, .alreadyPublished, .planChanged,
            .idempotencyKeyInProgress:
            409
        case .staleVersion: 412
        case .contentTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .rangeNotSatisfiable: 416
        case .expectationFailed: 417
        case .invalidInput, .idempotencyKeyReused, .quotaExceeded, .noContractInForce: 422
        case .preconditionRequired: 428
        case .tooManyStreams: 429
        case .tooManyRequests: 429
        case .headerTooLarge: 431
        case .internalError: 500
        case .notImplemented: 501
        case .unavailable, .overloaded: 503
        case .versionNotSupported: 505
        }
    }

    /// Whether an answer of this kind is given again to the same request with the same idempotency key.
    var isKept: Bool {
        switch self {
        case .idempotencyKeyInProgress, .idempotencyKeyReused: false
        default: (400..<500).contains(status) && ![400, 401, 406, 408, 413, 415, 429].contains(status)
        }
    }
}

/// An error on its way to a client (RFC 9457).
struct Problem: Error, Sendable {
    let type: ProblemType
    /// Values for the placeholders of the detail's text.
    var arguments: [String: String] = [:]
    var faults: [Fault] = []
    /// Why the body is no JSON.
    var syntax: JSONSyntaxError.Reason?
    /// Where the ticket stands and what it allows the caller.
    var state: State?
    /// As the ticket's own regulation calls it; nil: by its general name.
    var stateName: String?
    var actions: [Action] = []
    /// Says more than the type's own detail; nil: that.
    var detail: String?
    /// Further fields of the response.
    var fields: [(name: String, value: String)] = []

    init(_ type: ProblemType, _ arguments: [String: String] = [:]) {
        self.type = type
        self.arguments = arguments
        if type.status == 503 || type.status == 429 { fields = [("Retry-After", "1")] }
    }

    static func invalid(_ faults: [Fault]) -> Problem {
        var problem = Problem(.invalidInput)
        problem.faults = faults
        return problem
    }

    /// `seconds` is at least one.
    static func tooManyRequests(retryAfter seconds: Int) -> Problem {
        var problem = Problem(.tooManyRequests, ["seconds": "\(seconds)"])
        problem.fields = [("Retry-After", "\(seconds)")]
        return problem
    }

    /// One fault at a member.
    static func invalid(_ code: FaultCode, at pointer: String, _ arguments: [String: String] = [:]) -> Problem {
        .invalid([Fault(code, at: .pointer(pointer), arguments)])
    }

    func answer(_ texts: Texts, in language: Language, instance: String) -> Answer {
        let writing = Writing()
        defer { writing.end() }
        var json = JSONWriter(capacity: 512)
        var arguments = arguments
        if let syntax { arguments["reason"] = texts.name(of: syntax, language) }
        if let state { arguments["state"] = stateName ?? texts.name(of: state, language) }
        json.object { json in
            json.member("type", "/problems/\(type.rawValue)")
            json.member("title", texts.title(of: type, language))
            json.member("status", type.status)
            json.member("detail", detail ?? texts.detail(of: type, language, arguments))
            json.member("instance", "urn:uuid:\(instance)")
            if type == .invalidInput {
                json.key("errors")
                json.array { json in for fault in faults { fault.write(to: &json, texts, language) } }
            }
            if let state {
                json.member("state", state.rawValue)
                json.member("actions", actions.map(\.rawValue))
            }
        }
        var answer = Answer(
            status: type.status, contentType: "application/problem+json", language: language, body: json.bytes)
        answer.fields = fields
        answer.problem = type
        return answer
    }
}

extension Problem {
    /// The one place where the domain's and the store's words become HTTP's.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal: self = Problem.saying(refusal)
        case let error as StoreError: self = Problem(Problem.type(of: error))
        default: self.init(ProblemType.internalError)
        }
    }

    private static func saying(_ refusal: Refusal) -> Problem {
        switch refusal {
        case .transitionNotAllowed(let state, let actions):
            var problem = Problem(ProblemType.transitionNotAllowed)
            problem.state = state
            problem.actions = actions
            return problem
        case .notAuthorisedToConfirm: return Problem(ProblemType.notAuthorisedToConfirm)
        case .invalid(let faults): return .invalid(faults.map(Fault.init))
        case .noContractInForce: return Problem(ProblemType.noContractInForce)
        }
    }

    private static func type(of error: StoreError) -> ProblemType {
        switch error {
        case .unavailable: .unavailable
        // Decided again as often as is sensible, and somebody was faster each time: a busy moment, not a fault.
        case .overloaded, .faster: .overloaded
        case .keyReused: .idempotencyKeyReused
        case .keyInProgress: .idempotencyKeyInProgress
        case .replay, .replayRun, .replayPublication, .replayBatch, .violates, .unexpected: .internalError
        }
    }
}
