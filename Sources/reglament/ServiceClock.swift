import Glibc
import Regulations

/// The service's one clock: the system's, or one that was started somewhere else and runs on.
struct ServiceClock: Sendable {
    private let offsetMicroseconds: Int64

    init(startingAt instant: Instant?) {
        offsetMicroseconds = instant.map { $0.microseconds - Self.system() } ?? 0
    }

    /// Whole milliseconds.
    func now() -> Instant { Instant(microseconds: Self.system() + offsetMicroseconds).truncatedToMilliseconds() }

    private static func system() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
