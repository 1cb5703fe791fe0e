public import HTTPWire
import Synchronization

/// What a server has done since it was started.
public struct ServerFigures: Sendable, Equatable {
    /// Connections that were taken.
    public var connections = 0
    /// Bytes read from and written to sockets, heads and framing included.
    public var receivedBytes = 0
    public var sentBytes = 0
    /// What was answered without any handler.
    public var refusals: [WireRefusal: Int] = [:]

    public init() {}

    mutating func add(_ counters: ServerCounters) {
        connections += counters.connections.value
        receivedBytes += counters.received.value
        sentBytes += counters.sent.value
        for (refusal, counter) in zip(WireRefusal.allCases, counters.refusals) where counter.value > 0 {
            refusals[refusal, default: 0] += counter.value
        }
    }
}

/// The counters of one loop, which alone adds to them; anybody reads.
final class ServerCounters: Sendable {
    let connections = LoopCounter()
    let received = LoopCounter()
    let sent = LoopCounter()
    let refusals = WireRefusal.allCases.map { _ in LoopCounter() }

    func note(_ refusal: WireRefusal) {
        if let index = WireRefusal.allCases.firstIndex(of: refusal) { refusals[index].add(1) }
    }
}

/// A number that one thread raises: no locked instruction is needed for that.
final class LoopCounter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    func add(_ count: Int) { number.store(number.load(ordering: .relaxed) &+ count, ordering: .relaxed) }
}
