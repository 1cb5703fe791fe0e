import Foundation

/// A strict reader of Prometheus' text format, version 0.0.4: what it does not understand is a fault.
struct PrometheusText {
    struct Fault: Error, CustomStringConvertible {
        let line: Int
        let what: String
        var description: String { "line \(line): \(what)" }
    }

    struct Sample: Hashable {
        let name: String
        let labels: [String: String]
    }

    struct Family {
        let kind: String
        let help: String
        var samples: [Sample: Double] = [:]
    }

    private(set) var families: [String: Family] = [:]

    subscript(name: String, labels: [String: String] = [:]) -> Double? {
        families[
            Self.suffixes.reduce(name) { families[$0] == nil && $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }]?
            .samples[Sample(name: name, labels: labels)]
    }

    private static let suffixes = ["_bucket", "_sum", "_count"]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Fault(line: 0, what: "the last line has no end") }
        var help: (name: String, text: String)?
        var current = ""
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for (number, line) in zip(1..., lines) {
            func fault(_ what: String) -> Fault { Fault(line: number, what: "\(what): \(line)") }
            if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/) {
                help = (String(match.1), String(match.2))
            } else if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)/) {
                guard let told = help, told.name == match.1, families[told.name] == nil else { throw fault("no help") }
                families[told.name] = Family(kind: String(match.2), help: told.text)
                current = told.name
                help = nil
            } else {
                let (sample, value) = try Self.sample(line, fault)
                let kind = families[current]?.kind
                let names = kind == "histogram" ? Self.suffixes.map { current + $0 } : [current]
                guard names.contains(sample.name) else { throw fault("not of the family \(current)") }
                guard kind == "gauge" || value >= 0 else { throw fault("a counter below zero") }
                guard families[current]?.samples.updateValue(value, forKey: sample) == nil else { throw fault("twice") }
            }
        }
        for (name, family) in families {
            guard !family.samples.isEmpty else { throw Fault(line: 0, what: "\(name) has no samples") }
            if family.kind == "histogram" { try Self.check(family, name) }
        }
    }

    private static func sample(
        _ line: Substring, _ fault: (String) -> Fault
    ) throws -> (Sample, Double) {
        guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)/) else {
            throw fault("no sample")
        }
        var labels: [String: String] = [:]
        var rest = match.2 ?? ""
        while !rest.isEmpty {
            guard let label = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|$)/) else {
                throw fault("no label")
            }
            let value = String(label.2).replacing(/\\(.)/) { $0.1 == "n" ? "\n" : String($0.1) }
            guard labels.updateValue(value, forKey: String(label.1)) == nil else { throw fault("a label twice") }
            rest = rest[label.range.upperBound...]
        }
        guard match.3.contains(/^(?:[+-]?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$/), let value = Double(match.3) else {
            throw fault("no number")
        }
        return (Sample(name: String(match.1), labels: labels), value)
    }

    /// Buckets only grow, and the last one counts everything.
    private static func check(_ family: Family, _ name: String) throws {
        var series: [[String: String]: [(bound: Double, count: Double)]] = [:]
        for (sample, value) in family.samples where sample.name.hasSuffix("_bucket") {
            var labels = sample.labels
            guard let bound = labels.removeValue(forKey: "le").flatMap({ Double($0) }) else {
                throw Fault(line: 0, what: "\(name): a bucket without a bound")
            }
            series[labels, default: []].append((bound, value))
        }
        for (labels, buckets) in series {
            let sorted = buckets.sorted { $0.bound < $1.bound }
            let grows = zip(sorted, sorted.dropFirst()).allSatisfy { $0.count <= $1.count }
            guard grows, sorted.last?.bound == .infinity,
                family.samples[Sample(name: name + "_count", labels: labels)] == sorted.last?.count,
                family.samples[Sample(name: name + "_sum", labels: labels)] != nil
            else { throw Fault(line: 0, what: "\(name) \(labels): not a histogram") }
        }
    }
}
