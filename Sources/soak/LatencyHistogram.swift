import Glibc

/// How often each duration was seen, within a twentieth of itself, in constant memory.
struct LatencyHistogram: Sendable, Equatable {
    /// Of each power of two so many steps.
    private static let steps = 16
    /// Up to two to this power of microseconds, half an hour.
    private static let powers = 31

    private var counts = [UInt32](repeating: 0, count: steps * powers)
    private(set) var count = 0
    /// Milliseconds, of all that was added, not of a step.
    private(set) var max = 0.0

    mutating func add(milliseconds: Double) {
        let step = (log2(Swift.max(milliseconds * 1000, 1)) * Double(Self.steps)).rounded(.down)
        counts[Swift.min(Int(step), counts.count - 1)] += 1
        count += 1
        max = Swift.max(max, milliseconds)
    }

    mutating func add(_ other: LatencyHistogram) {
        for place in counts.indices { counts[place] += other.counts[place] }
        count += other.count
        max = Swift.max(max, other.max)
    }

    /// Milliseconds that `share` (0 to 1) of all do not exceed: the upper end of their step, and never more than `max`. Zero
    /// when there are none.
    func percentile(_ share: Double) -> Double {
        let wanted = Swift.max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (step, amount) in counts.enumerated() {
            seen += Int(amount)
            if seen >= wanted { return Swift.min(exp2(Double(step + 1) / Double(Self.steps)) / 1000, max) }
        }
        return max
    }
}
