import EventLoop
import TicketAPI

/// How late the timers of one loop fire: whatever holds the loop up holds every request on it up.
///
/// Unchecked: used on its loop only.
final class LagMeter: @unchecked Sendable {
    private let loop: EventLoop
    private(set) var histogram = Histogram(bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5])

    private static let period = Duration.milliseconds(500)
    private static let periodNanoseconds: UInt64 = 500_000_000

    init(_ loop: EventLoop) { self.loop = loop }

    /// Looks twice a second for as long as the loop runs.
    func start() {
        let due = EventLoop.clock() &+ Self.periodNanoseconds
        loop.after(Self.period) { [self] in
            histogram.add(Double(EventLoop.clock() &- due) / 1_000_000_000)
            start()
        }
    }
}
