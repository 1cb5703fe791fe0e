import EventLoop
import HTTPWire

/// When what of a connection began, in nanoseconds of the loop's clock; 0 for what has not.
struct ConnectionClock {
    /// The present head's first byte, or the opening of the connection.
    var headSince: UInt64 = 0
    var idleSince: UInt64 = 0
    /// Output waits; moved on by each 16 KiB that the system took, and that the client's system took.
    private(set) var writeSince: UInt64 = 0
    var drainSince: UInt64 = 0
    var lingerUntil: UInt64 = 0
    private var written = 0
    /// Of all that was written, so much the client had taken at `writeSince`.
    private var takenBefore = 0
    private var writtenBefore = 0
    fileprivate var timer: LoopTimer?
    fileprivate var timerAt: UInt64 = .max

    /// A client that takes a byte now and then does not count as one that reads.
    private static let progressBytes = 16_384

    static func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(max(0, seconds) * 1_000_000_000) }

    /// Some of the output has been written, and no more of it can be now; `waiting` has not left the system.
    mutating func noteWritten(_ count: Int, waiting: @autoclosure () -> Int, at now: UInt64) {
        written += count
        guard writeSince == 0 || written - writtenBefore >= Self.progressBytes else { return }
        writtenBefore = written
        takenBefore = written - waiting()
        writeSince = now
    }

    /// All of the output has been written.
    mutating func noteAllWritten(_ count: Int) {
        written += count
        writeSince = 0
    }

    /// Whether a client goes on taking what the system holds: that is writable again only when much of it is gone.
    mutating func noteTaken(waiting: Int, at now: UInt64) -> Bool {
        guard written - waiting - takenBefore >= Self.progressBytes else { return false }
        takenBefore = written - waiting
        writeSince = now
        return true
    }

    mutating func cancel() {
        timer?.cancel()
        timer = nil
        timerAt = .max
    }
}

extension Connection {
    /// When the present phase has lasted too long, nil when it may last for ever.
    private var deadline: UInt64? {
        func after(_ since: UInt64, _ seconds: Double) -> UInt64 { since &+ ConnectionClock.nanoseconds(seconds) }
        let configuration = configuration
        let write = output.isEmpty ? nil : after(clock.writeSince, configuration.responseStallSecondsMax)
        let own: UInt64?
        switch phase {
        case .head:
            if clock.headSince > 0 {
                own = after(clock.headSince, configuration.headSecondsMax)
            } else {
                own = min(after(clock.idleSince, configuration.idleSecondsMax), context.idleUntil ?? .max)
            }
        case .exchange(let exchange): own = exchange.reader == nil ? nil : bodyDeadline(exchange)
        case .draining: own = after(clock.drainSince, configuration.bodyStallSecondsMax)
        case .lingering: own = output.isEmpty ? clock.lingerUntil : nil
        case .closed: own = nil
        }
        guard let write else { return own }
        return min(own ?? .max, write)
    }

    /// The sooner of a pause too long and an average pace too slow.
    private func bodyDeadline(_ exchange: Exchange) -> UInt64 {
        let pace = Double(exchange.body.received) / Double(max(1, configuration.bodyBytesPerSecondMin))
        let allowed = ConnectionClock.nanoseconds(configuration.bodyStallSecondsMax + pace)
        let left = allowed > exchange.waited ? allowed - exchange.waited : 0
        return exchange.waitingSince &+ min(left, ConnectionClock.nanoseconds(configuration.bodyStallSecondsMax))
    }

    /// One timer per connection, moved only when it would be too late: most deadlines never come.
    func watchClock() {
        guard let deadline, deadline < clock.timerAt else { return }
        clock.timer?.cancel()
        clock.timerAt = deadline
        let now = loop.now
        let delay = Duration.nanoseconds(Int64(deadline > now ? deadline - now : 0))
        clock.timer = loop.after(delay) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        clock.timer = nil
        clock.timerAt = .max
        guard let deadline else { return }
        if deadline > loop.now { return watchClock() }
        expire()
    }

    private func expire() {
        if !output.isEmpty,
            loop.now >= clock.writeSince &+ ConnectionClock.nanoseconds(configuration.responseStallSecondsMax)
        {
            if clock.noteTaken(waiting: transport.waiting, at: loop.now) { return watchClock() }
            return abort()
        }
        switch phase {
        case .head:
            // Who has sent nothing is told nothing.
            if hasBegunHead { refuse(.timedOut) } else { phase = .lingering(isEndSent: false) }
        // The handler decides what to answer; the connection ends with that.
        case .exchange(let exchange): exchange.body.fail(.timedOut)
        case .draining, .lingering: return close()
        case .closed: return
        }
        advance()
    }
}
