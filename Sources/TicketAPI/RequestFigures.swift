public import Tickets

/// What has been answered so far, in figures.
public struct RequestFigures: Sendable {
    /// Methods that are told apart; a client can invent others.
    public enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case patch = "PATCH"
        case put = "PUT"
        case delete = "DELETE"
        case options = "OPTIONS"
        case other
    }

    /// What one call has answered.
    public struct Answers: Sendable {
        public private(set) var counts: [(method: Method, status: Int, count: Int)] = []
        /// Seconds.
        public private(set) var latency = Histogram(bounds: RequestFigures.latencyBounds)
        public private(set) var bodyBytes = 0

        mutating func note(_ method: Method, _ status: Int, count: Int = 1) {
            // A handful at most: looked through sooner than hashed.
            for index in counts.indices where counts[index].method == method && counts[index].status == status {
                counts[index].count += count
                return
            }
            counts.append((method, status, count))
        }

        mutating func note(_ request: AnsweredRequest, _ method: Method) {
            note(method, request.status)
            latency.add(Double(request.microseconds) / 1_000_000)
            bodyBytes += request.bodyBytes
        }

        mutating func add(_ other: Answers) {
            for (method, status, count) in other.counts { note(method, status, count: count) }
            latency.add(other.latency)
            bodyBytes += other.bodyBytes
        }
    }

    /// What a limit of the rate counts.
    public enum Limit: String, CaseIterable, Sendable { case token, address }

    /// Seconds.
    static let latencyBounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// Under nil what found no path.
    public private(set) var calls: [Call?: Answers] = [:]
    /// Microseconds.
    public private(set) var parse: Int64 = 0
    public private(set) var database: Int64 = 0
    public private(set) var encode: Int64 = 0
    public private(set) var limited: [Limit: Int] = [:]

    public init() {}

    mutating func note(_ request: AnsweredRequest, _ call: Call?) {
        let method = request.method.map { Method(rawValue: $0) ?? .other } ?? .other
        calls[call, default: Answers()].note(request, method)
        parse += request.parse
        database += request.database
        encode += request.encode
    }

    mutating func noteLimited(_ limit: Limit) { limited[limit, default: 0] += 1 }

    /// Of another loop.
    public mutating func add(_ other: RequestFigures) {
        for (call, answers) in other.calls { calls[call, default: Answers()].add(answers) }
        parse += other.parse
        database += other.database
        encode += other.encode
        limited.merge(other.limited, uniquingKeysWith: +)
    }
}

/// Unchecked: used on the loop of its API only.
final class RequestTally: @unchecked Sendable {
    private(set) var figures = RequestFigures()
    private var spans = SpanNames()

    func note(_ request: AnsweredRequest, _ call: Call?) { figures.note(request, call) }

    func noteLimited(_ limit: RequestFigures.Limit) { figures.noteLimited(limit) }

    func nextSpan() -> UInt64 { spans.next() }
}
