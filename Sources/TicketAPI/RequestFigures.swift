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

    public struct Key: Hashable, Sendable {
        /// Nil: no such path.
        public let call: Call?
        public let method: Method
        public let status: Int
    }

    /// What a limit of the rate counts.
    public enum Limit: String, CaseIterable, Sendable { case token, address }

    /// Seconds.
    static let latencyBounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    public private(set) var answered: [Key: Int] = [:]
    /// Seconds, per call; under nil what found no path.
    public private(set) var latencies: [Call?: Histogram] = [:]
    public private(set) var bodyBytes: [Call?: Int] = [:]
    /// Microseconds.
    public private(set) var parse: Int64 = 0
    public private(set) var database: Int64 = 0
    public private(set) var encode: Int64 = 0
    public private(set) var limited: [Limit: Int] = [:]

    public init() {}

    mutating func note(_ request: AnsweredRequest, _ call: Call?) {
        let method = request.method.map { Method(rawValue: $0) ?? .other } ?? .other
        answered[Key(call: call, method: method, status: request.status), default: 0] += 1
        latencies[call, default: Histogram(bounds: Self.latencyBounds)].add(Double(request.microseconds) / 1_000_000)
        bodyBytes[call, default: 0] += request.bodyBytes
        parse += request.parse
        database += request.database
        encode += request.encode
    }

    mutating func noteLimited(_ limit: Limit) { limited[limit, default: 0] += 1 }

    /// Of another loop.
    public mutating func add(_ other: RequestFigures) {
        answered.merge(other.answered, uniquingKeysWith: +)
        for (call, latency) in other.latencies {
            latencies[call, default: Histogram(bounds: Self.latencyBounds)].add(latency)
        }
        bodyBytes.merge(other.bodyBytes, uniquingKeysWith: +)
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
