import TicketAPI

/// A page in Prometheus' text format, version 0.0.4.
struct Exposition {
    private(set) var bytes: [UInt8] = []

    /// Writes a family; `body` gives its samples, each with a value for every label, in their order.
    mutating func family(_ family: MetricFamily, _ body: (inout Samples) -> Void) {
        var samples = Samples(family)
        body(&samples)
        guard !samples.bytes.isEmpty else { return }
        bytes += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n".utf8
        bytes += samples.bytes
    }

    /// A family without labels; nil: it is left out.
    mutating func family(_ family: MetricFamily, _ value: Double?) {
        self.family(family) { samples in if let value { samples.add([], value) } }
    }

    struct Samples {
        private let family: MetricFamily
        fileprivate var bytes: [UInt8] = []

        fileprivate init(_ family: MetricFamily) { self.family = family }

        mutating func add(_ labels: [String], _ value: Double) {
            line("", zip(family.labels, labels).map { $0 }, value)
        }

        mutating func add(_ labels: [String], _ histogram: Histogram) {
            let named = zip(family.labels, labels).map { $0 }
            var below = 0
            for (index, bound) in histogram.bounds.enumerated() {
                below += histogram.counts[index]
                line("_bucket", named + [("le", Exposition.number(bound))], Double(below))
            }
            line("_bucket", named + [("le", "+Inf")], Double(histogram.count))
            line("_sum", named, histogram.sum)
            line("_count", named, Double(histogram.count))
        }

        private mutating func line(_ suffix: String, _ labels: [(String, String)], _ value: Double) {
            bytes += family.name.utf8
            bytes += suffix.utf8
            if !labels.isEmpty {
                let pairs = labels.map { "\($0.0)=\"\(Exposition.escaped($0.1))\"" }
                bytes += "{\(pairs.joined(separator: ","))}".utf8
            }
            bytes += " \(Exposition.number(value))\n".utf8
        }
    }

    /// Whole numbers as such.
    static func number(_ value: Double) -> String {
        if let whole = Int(exactly: value) { return "\(whole)" }
        return value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : "\(value)"
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
