/// What a run found.
struct Report: Sendable, Equatable {
    let latencies: [(name: String, milliseconds: Double)]
    /// How long answers 503 took; nil: none came, or they are errors.
    let refusals: [(name: String, milliseconds: Double)]?
    let refused: Int
    let requests: Int
    let achievedRate: Double
    let errors: Int
    let reason: String?

    init(_ generator: Generator) {
        let all = generator.latencies
        let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)]
        let percentiles = shares.map { ($0.0, Self.milliseconds(all.percentile($0.1))) }
        latencies = percentiles + [("max", Self.milliseconds(all.max))]
        refused = generator.refusals.count
        refusals =
            refused == 0
            ? nil
            : shares.map { ($0.0, Self.milliseconds(generator.refusals.percentile($0.1))) }
                + [("max", Self.milliseconds(generator.refusals.max))]
        requests = all.count
        let end = generator.end
        achievedRate = end > 0 ? (Double(all.count) / Double(end) * 1e10).rounded() / 10 : 0
        errors = generator.errors
        reason = generator.reason
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> Double { (Double(nanoseconds) / 1e3).rounded() / 1e3 }

    static func == (one: Report, other: Report) -> Bool { one.json == other.json }

    var json: String {
        func list(_ figures: [(name: String, milliseconds: Double)]) -> String {
            figures.map { "\"\($0.name)\": \($0.milliseconds)" }.joined(separator: ", ")
        }
        let other = refusals.map { ", \"refused\": {\(list($0)), \"requests\": \(refused)}" } ?? ""
        return
            "{\(list(latencies)), \"unit\": \"ms\", \"requests\": \(requests), \"rate\": \(achievedRate), \"errors\": \(errors)\(other)}"
    }

    var text: String {
        let figures = latencies.map { "\($0.name) \($0.milliseconds) ms" }.joined(separator: ", ")
        let trouble = reason.map { " (the first: \($0))" } ?? ""
        let other = refusals.map { refusals in
            "\n\(refused) refused: " + refusals.map { "\($0.name) \($0.milliseconds) ms" }.joined(separator: ", ")
        }
        return "\(figures)\n\(requests) answers, \(achievedRate) a second, \(errors) errors\(trouble)\(other ?? "")"
    }
}
