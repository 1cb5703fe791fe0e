import EventLoop
import Glibc

/// Processes of the nightly job: each is killed after a while and followed by another.
final class Runners: Sendable {
    struct Seen: Sendable {
        var started = 0
        var killed = 0
        /// Lost their database, and said so.
        var brokenOff = 0
    }

    private let seen = Locked(Seen())
    private let isOver = Locked(false)
    private let threads = Locked<[Worker]>([])

    /// None lives longer than `secondsMax`.
    init(_ site: Site, atOnce: Int, secondsMax: Double, seed: UInt64) {
        threads.withLock {
            $0 = (0..<atOnce).map { place in
                Worker { [self] in
                    var generator = SeededGenerator(seed: seed, place, 55)
                    while !isOver.withLock({ $0 }) { runOnce(site, generator.seconds(0.02...secondsMax)) }
                }
            }
        }
    }

    private func runOnce(_ site: Site, _ seconds: Double) {
        guard let child = try? site.job() else { return }
        seen.withLock { $0.started += 1 }
        if let status = child.ended(within: seconds) {
            if status != 0 { seen.withLock { $0.brokenOff += 1 } }
            return
        }
        seen.withLock { $0.killed += 1 }
        child.signal(SIGKILL)
        _ = child.ended(within: 10)
    }

    /// The last ones are killed, too.
    func close() -> Seen {
        isOver.withLock { $0 = true }
        for thread in threads.withLock({ $0 }) { thread.join() }
        return seen.withLock { $0 }
    }
}
