import Glibc
import Tickets

/// SplitMix64: fast, and the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each part of the work, so that parts can be made in any order.
    init(seed: UInt64, stream: Int) {
        self.init(seed: seed &+ UInt64(truncatingIfNeeded: stream) &* 0xd1b5_4a32_d192_ed03)
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 ..< 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func below(_ count: Int) -> Int { Int(truncatingIfNeeded: next() >> 1) % count }

    mutating func isOnce(in chance: Double) -> Bool { unit() < chance }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    mutating func id<Subject>() -> ID<Subject> {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let text = [Subject.letter, UInt8(ascii: "_")] + (0..<22).map { _ in alphabet[below(62)] }
        guard let id = text.withUnsafeBytes({ ID<Subject>(stored: $0) }) else {
            preconditionFailure("an identifier has 24 bytes")
        }
        return id
    }
}

/// Zipf's law: the n-th of all is drawn in proportion to 1 / n^exponent.
struct Skew: Sendable {
    private let cumulative: [Double]

    init(_ count: Int, exponent: Double) {
        var sum = 0.0
        var sums: [Double] = []
        for rank in 1...count {
            sum += pow(Double(rank), -exponent)
            sums.append(sum)
        }
        cumulative = sums
    }

    /// From 0; small numbers most often.
    func draw(_ generator: inout SeededGenerator) -> Int {
        let wanted = generator.unit() * (cumulative.last ?? 0)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
