/// How often each duration was seen: exact below 128 ns, within 1/128 of itself above (“log-linear”), in constant memory.
struct LatencyHistogram: Sendable {
    /// Of each power of two so many steps.
    private static let steps = 128
    private static let stepBits = 7
    private static let bucketCount = (64 - stepBits) * steps

    private var counts = [Int](repeating: 0, count: bucketCount)
    private(set) var count = 0
    /// Of all that was added, not of a step.
    private(set) var max: UInt64 = 0

    mutating func add(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] += 1
        count += 1
        max = Swift.max(max, nanoseconds)
    }

    /// The least duration that at least `share` (0 to 1) of all do not exceed: the upper end of its step, and never more than
    /// `max`. Zero when there are none.
    func percentile(_ share: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let wanted = Swift.max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, amount) in counts.enumerated() {
            seen += amount
            if seen >= wanted { return Swift.min(Self.upperEnd(of: index), max) }
        }
        return max
    }

    static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - stepBits
        // The leading bit stands for the power of two, the bits behind it for the step.
        return (shift + 1) * steps + Int(value >> UInt64(shift)) - steps
    }

    /// The greatest value of a bucket.
    static func upperEnd(of bucket: Int) -> UInt64 {
        guard bucket >= steps else { return UInt64(bucket) }
        let shift = UInt64(bucket / steps - 1)
        let leading = UInt64(bucket % steps + steps)
        return (leading << shift) + ((1 << shift) - 1)
    }
}
