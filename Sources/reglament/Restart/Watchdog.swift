import EventLoop
import Glibc

/// Lets the service manager know that every loop turns, and only then: a service that hangs is started anew (WatchdogSec
/// in systemd.service(5)). Control loop only.
///
/// Unchecked: used on `control` only.
final class Watchdog: @unchecked Sendable {
    private let control: EventLoop
    private let loops: [EventLoop]
    private let manager: ServiceManager
    private let say: (String) -> Void
    private let interval: Duration
    private var waiting: Set<String> = []
    private var isLate = false
    private var timer: LoopTimer?

    /// How long the manager waits before it gives the service up; nil when it does not watch this process.
    ///
    /// `isSuccessor`: WATCHDOG_PID names the process that this one took over from, or one before it.
    static func limit(_ environment: [String: String], isSuccessor: Bool = false) -> Duration? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        let process = environment["WATCHDOG_PID"] ?? ""
        guard isSuccessor || process.isEmpty || process == "\(getpid())" else { return nil }
        return .microseconds(microseconds)
    }

    /// Each of `loops` has to turn twice within `limit`, and so has `control`.
    init(
        limit: Duration, control: EventLoop, loops: [EventLoop], _ manager: ServiceManager,
        say: @escaping (String) -> Void
    ) {
        self.control = control
        self.loops = loops
        self.manager = manager
        self.say = say
        interval = limit / 2
    }

    func start() { ask() }

    func stop() {
        timer?.cancel()
        timer = nil
        waiting = []
    }

    private func ask() {
        timer = control.after(interval) { [weak self] in self?.ask() }
        guard waiting.isEmpty else { return complain() }
        waiting = Set(loops.map(\.name))
        for loop in loops {
            loop.execute { [self] in control.execute { self.hasTurned(loop.name) } }
        }
    }

    private func hasTurned(_ name: String) {
        guard waiting.remove(name) != nil, waiting.isEmpty else { return }
        if isLate { say("every loop turns again") }
        isLate = false
        manager.tell("WATCHDOG=1", waits: false)
    }

    private func complain() {
        guard !isLate else { return }
        isLate = true
        let names = waiting.sorted().joined(separator: ", ")
        say("does not turn: \(names); the service manager is not told that all is well")
        manager.tell("STATUS=Does not turn: \(names)")
    }
}
