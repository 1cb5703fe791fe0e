/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each who draws, so that threads do not change each other's.
    init(seed: UInt64, _ place: Int...) {
        state = seed
        for number in place { state = next() ^ UInt64(truncatingIfNeeded: number) &* 0xd1b5_4a32_d192_ed03 }
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func isOnce(in chance: Double) -> Bool { Double.random(in: 0..<1, using: &self) < chance }

    mutating func seconds(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }
}
