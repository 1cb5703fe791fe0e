/// How many of something lay below each of some bounds, and their sum.
public struct Histogram: Sendable, Equatable {
    /// Ascending; what is greater than the last counts in the whole alone.
    public let bounds: [Double]
    /// Of each bound those that are not below the one before; one more for what is greater than the last.
    public private(set) var counts: [Int]
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    public var count: Int { counts.reduce(0, +) }

    public mutating func add(_ value: Double) {
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index] += 1
        sum += value
    }

    /// `other` has the same bounds.
    public mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        sum += other.sum
    }
}
