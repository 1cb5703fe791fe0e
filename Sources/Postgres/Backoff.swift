/// How long to wait before the next attempt to connect: 50 ms, doubled up to 2 s, each with half of it left to chance,
/// so that the connections of many processes do not come back in step.
struct Backoff {
    private var attempts = 0

    mutating func next() -> Duration {
        let milliseconds = min(50 << min(attempts, 6), 2000)
        attempts += 1
        return .milliseconds(Int.random(in: milliseconds / 2...milliseconds))
    }

    mutating func reset() { attempts = 0 }
}
