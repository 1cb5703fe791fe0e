import EventLoop
import Glibc

/// The nightly job, run over and over beside the load, by several processes at once where there are several instances.
final class Jobs: Sendable {
    private let running = Locked<[Child]>([])
    private let isOver = Locked(false)
    private let thread = Locked<Worker?>(nil)

    init(_ site: Site, atOnce: Int) {
        thread.withLock {
            $0 = Worker { [self] in
                while !isOver.withLock({ $0 }) {
                    let started = (0..<atOnce).compactMap { _ in try? site.job() }
                    running.withLock { $0 = started }
                    // A number is forgotten in the moment in which it is given back: nobody else's process is killed.
                    if !soak.wait(upTo: 20, until: { hasEnded }) { kill() }
                    _ = soak.wait(upTo: 5, until: { hasEnded })
                    sleep(seconds: 0.5)
                }
            }
        }
    }

    private var hasEnded: Bool {
        running.withLock {
            $0.removeAll { $0.ended() != nil }
            return $0.isEmpty
        }
    }

    func kill() { running.withLock { for child in $0 { child.signal(SIGKILL) } } }

    func close() {
        isOver.withLock { $0 = true }
        thread.withLock { $0.take() }?.join()
    }
}
