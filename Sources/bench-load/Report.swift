/// What a run found.
struct Report: Sendable, Equatable {
    let latencies: [(name: String, milliseconds: Double)]
    let requests: Int
    let achievedRate: Double
    let errors: Int
    let reason: String?

    init(_ generator: Generator) {
        let all = generator.latencies
        let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)]
        let percentiles = shares.map { ($0.0, Self.milliseconds(all.percentile($0.1))) }
        latencies = percentiles + [("max", Self.milliseconds(all.max))]
        requests = all.count
        let end = generator.end
        achievedRate = end > 0 ? (Double(all.count) / Double(end) * 1e10).rounded() / 10 : 0
        errors = generator.errors
        reason = generator.reason
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> Double { (Double(nanoseconds) / 1e3).rounded() / 1e3 }

    static func == (one: Report, other: Report) -> Bool { one.json == other.json }

    var json: String {
        let figures = latencies.map { "\"\($0.name)\": \($0.milliseconds)" }.joined(separator: ", ")
        return
            "{\(figures), \"unit\": \"ms\", \"requests\": \(requests), \"rate\": \(achievedRate), \"errors\": \(errors)}"
    }

    var text: String {
        let figures = latencies.map { "\($0.name) \($0.milliseconds) ms" }.joined(separator: ", ")
        let trouble = reason.map { " (the first: \($0))" } ?? ""
        return "\(figures)\n\(requests) answers, \(achievedRate) a second, \(errors) errors\(trouble)"
    }
}
