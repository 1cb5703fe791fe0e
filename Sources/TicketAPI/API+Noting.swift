public import HTTPWire
import Tickets

/// What is told of every request, once it is answered.
extension API {
    /// What became known of a request on the way to its answer.
    struct Progress {
        var call: Call?
        var caller: Caller?
        var standing: RateLimits.Standing?
        var exchange: Exchange?
    }

    /// Figures of this API; on its loop.
    public var requestFigures: RequestFigures { figures.figures }

    /// Tells of what the server refused by itself, with `refusal(_:)` as its answer; on the API's loop.
    public func noteRefusal(_ refusal: WireRefusal, _ response: Response, remoteAddress: String) {
        var noted = AnsweredRequest(
            requestID: response.fields.first("x-request-id") ?? "", remoteAddress: remoteAddress,
            status: response.status)
        noted.problem = API.problemType(of: refusal).rawValue
        if case .bytes(let bytes) = response.body { noted.bodyBytes = bytes.count }
        observe(.answered(noted))
    }

    /// Tells of the answer now or, if it is a stream, when that has ended.
    func note(
        _ response: Response, _ answer: Answer, to request: Request, _ progress: Progress, _ time: RequestTime,
        _ identity: RequestIdentity, _ trace: TraceContext
    ) -> Response {
        guard case .stream(let length, let next) = response.body, request.method != "HEAD" else {
            finish(answered(response, answer, request, progress, time, identity, trace), progress.call, time)
            return response
        }
        let streamed = StreamedAnswer(
            answered(response, answer, request, progress, time, identity, trace), length: length
        ) { [self] in finish($0, progress.call, time) }
        var counted = response
        counted.body = .stream(length: length) {
            let piece = try await next()
            streamed.note(piece)
            return piece
        }
        return counted
    }

    private func answered(
        _ response: Response, _ answer: Answer, _ request: Request, _ progress: Progress, _ time: RequestTime,
        _ identity: RequestIdentity, _ trace: TraceContext
    ) -> AnsweredRequest {
        var noted = AnsweredRequest(
            requestID: identity.id, remoteAddress: request.remoteAddress, status: response.status)
        noted.principal = progress.caller.map { .init(user: $0.id, token: $0.token, role: $0.role) }
        noted.method = request.method
        noted.route = progress.call.map { Route($0).path }
        noted.problem = answer.problem?.rawValue
        noted.parse = Int64(time.parse / 1_000)
        noted.database = Int64(time.database / 1_000)
        noted.encode = Int64(time.encode / 1_000)
        noted.trace = trace
        if case .bytes(let bytes) = response.body, request.method != "HEAD" { noted.bodyBytes = bytes.count }
        return noted
    }

    private func finish(_ answered: consuming AnsweredRequest, _ call: Call?, _ time: RequestTime) {
        answered.microseconds = Int64((time.now &- time.start) / 1_000)
        figures.note(answered, call)
        observe(.answered(consume answered))
    }
}

/// A body on its way. It tells of itself when its last piece has been pulled, or when nobody holds it any more.
///
/// Unchecked: pulled and let go on its connection's loop.
private final class StreamedAnswer: @unchecked Sendable {
    private var noted: AnsweredRequest
    private let length: Int?
    private var finish: ((AnsweredRequest) -> Void)?

    init(_ noted: AnsweredRequest, length: Int?, finish: @escaping (AnsweredRequest) -> Void) {
        self.noted = noted
        self.length = length
        self.finish = finish
    }

    deinit {
        if noted.bodyBytes != length { noted.problem = AnsweredRequest.clientGone }
        finish?(noted)
    }

    func note(_ piece: [UInt8]?) {
        guard let piece else {
            finish?(noted)
            finish = nil
            return
        }
        noted.bodyBytes += piece.count
    }
}
