/// One piece of work at one time. Loop thread only; letting go of it does not cancel it.
public final class LoopTimer {
    let deadline: UInt64
    let sequence: UInt64
    fileprivate var work: (() -> Void)?
    private unowned let loop: EventLoop

    fileprivate init(loop: EventLoop, deadline: UInt64, sequence: UInt64, work: @escaping () -> Void) {
        self.loop = loop
        self.deadline = deadline
        self.sequence = sequence
        self.work = work
    }

    /// Whether it has neither fired nor been cancelled.
    public var isPending: Bool { work != nil }

    /// Drops the work at once, if it has not run; the entry in the heap goes later.
    public func cancel() {
        guard work != nil else { return }
        work = nil
        loop.timers.noteCancelled()
    }
}

extension EventLoop {
    /// Runs `work` on the loop after `delay`, never early; loop thread only.
    @discardableResult
    public func after(_ delay: Duration, _ work: @escaping () -> Void) -> LoopTimer {
        precondition(isCurrent, "Timers belong to the loop's thread.")
        let timer = LoopTimer(
            loop: self, deadline: EventLoop.clock() &+ delay.nanosecondsClamped, sequence: timers.takeSequence(),
            work: work)
        timers.insert(timer)
        return timer
    }
}

extension Duration {
    /// Not negative, and at most a century, so that sums with the clock cannot overflow.
    fileprivate var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 3_155_760_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}

/// A binary heap by deadline, then by age. Cancelled entries stay until they are due or are the majority.
struct TimerHeap {
    private var heap: [LoopTimer] = []
    private var cancelled = 0
    private var sequence: UInt64 = 0

    var next: UInt64? { heap.first?.deadline }
    var count: Int { heap.count }

    mutating func takeSequence() -> UInt64 {
        sequence += 1
        return sequence
    }

    mutating func insert(_ timer: LoopTimer) {
        heap.append(timer)
        siftUp(heap.count - 1)
    }

    mutating func noteCancelled() {
        cancelled += 1
        guard cancelled > 64, cancelled > heap.count / 2 else { return }
        heap.removeAll { !$0.isPending }
        cancelled = 0
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    private mutating func pop(until now: UInt64) -> LoopTimer? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown(0)
        }
        if !first.isPending { cancelled -= 1 }
        return first
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        (heap[one].deadline, heap[one].sequence) < (heap[other].deadline, heap[other].sequence)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, isBefore(index, (index - 1) / 2) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && isBefore(child, least) {
                least = child
            }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }

    /// One due timer's work, taken out of the heap; nil when none is due.
    mutating func takeDue(until now: UInt64) -> (() -> Void)? {
        while let timer = pop(until: now) {
            if let work = timer.work {
                timer.work = nil
                return work
            }
        }
        return nil
    }
}
