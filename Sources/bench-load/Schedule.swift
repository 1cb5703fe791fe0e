/// When each request is due, whatever became of those before it: at an even rate, the connections in turn.
struct Schedule: Sendable {
    /// Requests a second, of all connections together; more than zero.
    let rate: Double
    let connections: Int
    let seconds: Double

    /// How many requests there are in all.
    var count: Int { Int((rate * seconds).rounded(.down)) }

    /// Nanoseconds from the beginning. Counted from the beginning each time, so that no error adds up.
    func due(_ request: Int) -> UInt64 { UInt64(Double(request) / rate * 1e9) }
}
