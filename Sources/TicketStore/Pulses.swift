import EventLoop
import Tickets

/// Tells one listener on the loop that there may be something new: what PostgreSQL notifies, and a clock for all that
/// may have been missed.
///
/// Unchecked: every variable belongs to the loop's thread.
final class Pulses: @unchecked Sendable {
    private let loop: EventLoop
    private var hear: (@Sendable (Pulse) async -> Void)?
    private var timer: LoopTimer?

    init(loop: EventLoop) { self.loop = loop }

    func start(_ hear: @escaping @Sendable (Pulse) async -> Void) {
        precondition(loop.isCurrent, "A store is used on its loop's thread only.")
        self.hear = hear
        if timer == nil { tick() }
    }

    func stop() {
        hear = nil
        timer?.cancel()
        timer = nil
    }

    func send(_ pulse: Pulse) {
        guard let hear else { return }
        Task.immediate(executorPreference: loop) { await hear(pulse) }
    }

    private func tick() {
        timer = loop.after(.seconds(1)) { [weak self] in
            self?.send(.second)
            self?.tick()
        }
    }
}
