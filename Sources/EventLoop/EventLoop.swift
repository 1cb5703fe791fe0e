import CLinux
import Glibc

/// One thread that waits for descriptors, timers and work, and runs every task that prefers it.
///
/// Laws: all objects of a loop (timers, watches, whatever they call) are used on its thread only; only `execute`,
/// `enqueue`, `sleep` and `stop` may be called from elsewhere. Nothing on a loop blocks.
///
/// Unchecked: `remote` is behind its mutex; every other variable belongs to the loop's thread (before `run` to the
/// thread that made it).
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// Unchecked: made anywhere, handed over under the mutex, run on the loop alone.
    enum Work: @unchecked Sendable {
        case job(UnownedJob)
        case closure(() -> Void)
    }

    /// How often work that makes more work is run before the descriptors get their turn again.
    private static let roundsMax = 16
    private static let eventsMax = 256
    /// After so many descriptors of a turn the urgent ones are asked, and what came of all is done.
    private static let urgentAfter = 32
    /// A loop that has found so many ready in every turn for so long is behind, in nanoseconds.
    private static let manyReady = 32
    private static let behindAfter: UInt64 = 10_000_000
    /// For how long work of `later` goes on before the descriptors get their turn again.
    private static let laterNanosecondsMax: UInt64 = 1_000_000

    /// For how long it asks for an answer that is due before it sleeps, in nanoseconds.
    private static let spinMax: UInt64 = 60_000

    /// How many answers are expected within some tens of microseconds; whoever expects one counts it in and out. Loop
    /// thread only.
    public var answersDue = 0
    /// How long it waited lately while one was due, in nanoseconds: where that is long, asking again and again is no use.
    private var answerTime: UInt64 = 0

    public let name: String
    private let epoll: Int32
    /// Urgent descriptors once more, to be asked in the middle of a turn.
    private let urgentEpoll: Int32
    private let wakeUp: Int32
    private let remote = Locked<[Work]>([])
    private var local: [Work] = []
    private var batch: [Work] = []
    private var delayed: [() -> Void] = []
    private var delayedStart = 0
    private var stopping = false
    private var thread: pthread_t?
    let events: UnsafeMutablePointer<epoll_event>
    private let urgentEvents: UnsafeMutablePointer<epoll_event>
    var watches = WatchTable()
    var timers = TimerHeap()

    /// The clock at the start of this turn, in nanoseconds of CLOCK_MONOTONIC; loop thread only.
    public private(set) var now: UInt64 = EventLoop.clock()
    /// The first of the turns without a pause in which many descriptors were ready; nil: there were few in this one.
    private var manySince: UInt64?

    /// Whether more comes than it gets done: whoever gives others work on the same processors had better give less.
    /// Loop thread only.
    public var isBehind: Bool { manySince.map { now &- $0 > Self.behindAfter } ?? false }

    /// Makes a loop that nobody runs yet; `name` (at most 15 bytes are shown) names its thread.
    public init(name: String) throws(EventLoopError) {
        self.name = name
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw EventLoopError("epoll_create1") }
        let urgentEpoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard urgentEpoll >= 0 else {
            let error = EventLoopError("epoll_create1")
            close(epoll)
            throw error
        }
        let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeUp >= 0 else {
            let error = EventLoopError("eventfd")
            close(epoll)
            close(urgentEpoll)
            throw error
        }
        // Edge-triggered, so that the counter never has to be read back.
        var event = clinux_event(EPOLLIN.rawValue | EPOLLET.rawValue, WatchTable.wakeUpToken)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event) == 0 else {
            let error = EventLoopError("epoll_ctl")
            close(epoll)
            close(urgentEpoll)
            close(wakeUp)
            throw error
        }
        self.epoll = epoll
        self.urgentEpoll = urgentEpoll
        self.wakeUp = wakeUp
        events = .allocate(capacity: Self.eventsMax)
        urgentEvents = .allocate(capacity: Self.urgentAfter)
    }

    deinit {
        events.deallocate()
        urgentEvents.deallocate()
        close(epoll)
        close(urgentEpoll)
        close(wakeUp)
    }

    /// The loop whose thread this is, nil elsewhere.
    public static var current: EventLoop? {
        clinux_thread_pointer().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the caller is on this loop's thread while it runs.
    public var isCurrent: Bool { clinux_thread_pointer() == Unmanaged.passUnretained(self).toOpaque() }

    // MARK: Running

    /// Runs on the calling thread until `stop()`; what was enqueued before that is still done.
    public func run() {
        let outer = clinux_thread_pointer()
        clinux_set_thread_pointer(Unmanaged.passUnretained(self).toOpaque())
        defer { clinux_set_thread_pointer(outer) }
        now = Self.clock()
        while !stopping {
            turn()
        }
        takeRemote()
        runLocal()
        runDelayed()
        stopping = false
    }

    /// Runs on a thread of its own, which `join()` waits for.
    public func start() throws(EventLoopError) {
        precondition(thread == nil, "A loop is started once, because it has one thread.")
        var created = pthread_t()
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &created, nil,
            { argument in
                guard let argument else { return nil }
                let loop = Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue()
                clinux_name_thread(String(loop.name.prefix(15)))
                loop.run()
                return nil
            }, me.toOpaque())
        guard code == 0 else {
            me.release()
            throw EventLoopError("pthread_create", code: code)
        }
        thread = created
    }

    /// Ends `run()` after what was enqueued so far; from any thread.
    public func stop() {
        execute { self.stopping = true }
    }

    /// Waits for the thread of `start()`; never on the loop itself.
    public func join() {
        guard let thread else { return }
        precondition(!isCurrent, "A loop that waits for itself would never end.")
        pthread_join(thread, nil)
        self.thread = nil
    }

    // MARK: Work

    /// Runs `work` on the loop, in the order of the calls; from any thread.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        add(.closure(work))
    }

    /// Runs `work` after the descriptors and all other work have had a turn, in the order of the calls: whoever has much
    /// to do goes on by this, and lets in those who have little. Loop thread only.
    public func later(_ work: @escaping () -> Void) {
        delayed.append(work)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    private func add(_ work: Work) {
        if isCurrent {
            local.append(work)
            return
        }
        let first = remote.withLock { queue in
            queue.append(work)
            return queue.count == 1
        }
        guard first else { return }
        var one: UInt64 = 1
        while write(wakeUp, &one, 8) < 0, errno == EINTR {}
    }

    private func turn() {
        let count = Int(waitForEvents())
        // EINTR is a turn without events; anything else would be a descriptor or a pointer of ours gone bad.
        precondition(count >= 0 || errno == EINTR, "epoll_wait cannot fail on a descriptor that we own.")
        now = Self.clock()
        manySince = count < Self.manyReady ? nil : manySince ?? now
        for index in 0..<max(count, 0) {
            let token = clinux_event_token(events + index)
            if token == WatchTable.wakeUpToken {
                takeRemote()
            } else if let watch = watches[token] {
                // The handler may cancel watches named later in this batch: their generation no longer fits.
                watch.handler?.ready(Readiness(epoll: events[index].events))
            }
            if index % Self.urgentAfter == Self.urgentAfter - 1 { serveUrgent() }
        }
        // Taken one by one: a timer's work may add and cancel others.
        while let work = timers.takeDue(until: now) { work() }
        runLocal()
        if !delayed.isEmpty {
            runDelayed()
            runLocal()
        }
    }

    /// Many descriptors are ready at once: what was begun is brought on before more is begun.
    private func serveUrgent() {
        let count = epoll_wait(urgentEpoll, urgentEvents, Int32(Self.urgentAfter), 0)
        for index in 0..<Int(max(count, 0)) {
            let token = clinux_event_token(urgentEvents + index)
            watches[token]?.handler?.ready(Readiness(epoll: urgentEvents[index].events))
        }
        runLocal()
    }

    private func runDelayed() {
        let end = Self.clock() + Self.laterNanosecondsMax
        // What comes while these run waits for the next turn.
        let count = delayed.count
        while delayedStart < count {
            let work = delayed[delayedStart]
            delayedStart += 1
            work()
            if Self.clock() >= end { break }
        }
        // Moved together only when most of it is done: each piece of work is moved once on average.
        if delayedStart * 2 >= delayed.count {
            delayed.removeFirst(delayedStart)
            delayedStart = 0
        }
    }

    /// While an answer is due at any moment, asks again and again before it sleeps: to be woken takes as long as some of what
    /// PostgreSQL is asked for.
    private func waitForEvents() -> Int32 {
        let milliseconds = waitMilliseconds()
        guard milliseconds != 0, answersDue > 0 else {
            return epoll_wait(epoll, events, Int32(Self.eventsMax), milliseconds)
        }
        let start = Self.clock()
        var count: Int32 = 0
        while count == 0, answerTime < Self.spinMax, Self.clock() &- start < Self.spinMax {
            count = epoll_wait(epoll, events, Int32(Self.eventsMax), 0)
        }
        if count == 0 { count = epoll_wait(epoll, events, Int32(Self.eventsMax), milliseconds) }
        // The last eight or so count; one that took long must not outweigh them.
        let taken = min(Self.clock() &- start, 4 * Self.spinMax)
        answerTime = (7 * answerTime + taken) / 8
        return count
    }

    private func waitMilliseconds() -> Int32 {
        guard local.isEmpty, delayed.isEmpty else { return 0 }
        guard let next = timers.next else { return -1 }
        let clock = Self.clock()
        guard next > clock else { return 0 }
        return Int32(min((next - clock + 999_999) / 1_000_000, 3_600_000))
    }

    private func takeRemote() {
        let taken = remote.withLock { queue in
            defer { queue = [] }
            return queue
        }
        local.append(contentsOf: taken)
    }

    private func runLocal() {
        var rounds = 0
        while !local.isEmpty, rounds < Self.roundsMax {
            swap(&local, &batch)
            for work in batch {
                switch work {
                case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
                case .closure(let closure): closure()
                }
            }
            batch.removeAll(keepingCapacity: batch.capacity <= 4096)
            rounds += 1
        }
    }

    // MARK: Descriptors

    /// Calls `handler` whenever `descriptor` is ready, until the watch is cancelled; loop thread only.
    ///
    /// Cancel before closing the descriptor. `exclusive` wakes one loop of the several that watch it
    /// (EPOLLEXCLUSIVE); such a watch cannot be updated. An `urgent` one is also asked in the middle of a turn in which
    /// many are ready, and may then be told twice of the same.
    public func watch(
        _ descriptor: Int32, _ interest: Interest, edgeTriggered: Bool = false, exclusive: Bool = false,
        urgent: Bool = false, _ handler: any ReadinessHandler
    ) throws(EventLoopError) -> Watch {
        precondition(isCurrent, "Watches belong to the loop's thread.")
        let mode =
            (edgeTriggered ? EPOLLET.rawValue | EPOLLRDHUP.rawValue : 0) | (exclusive ? EPOLLEXCLUSIVE.rawValue : 0)
        let watch = Watch(loop: self, descriptor: descriptor, mode: mode, isUrgent: urgent, handler: handler)
        watches.insert(watch)
        do throws(EventLoopError) {
            try control(EPOLL_CTL_ADD, watch, interest)
        } catch {
            watches.remove(watch)
            throw error
        }
        return watch
    }

    func control(_ operation: Int32, _ watch: Watch, _ interest: Interest) throws(EventLoopError) {
        var event = clinux_event(interest.epoll | watch.mode, watch.token)
        guard epoll_ctl(epoll, operation, watch.descriptor, &event) == 0 else { throw EventLoopError("epoll_ctl") }
        guard watch.isUrgent else { return }
        guard epoll_ctl(urgentEpoll, operation, watch.descriptor, &event) == 0 else {
            throw EventLoopError("epoll_ctl")
        }
    }

    /// CLOCK_MONOTONIC in nanoseconds.
    public static func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
