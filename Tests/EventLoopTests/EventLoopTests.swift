import EventLoop
import Glibc
import Testing

/// What happened, in order, from whichever thread.
final class Log: Sendable {
    private let lines = Locked<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

private final class Counter: Sendable {
    let value = Locked(0)
    func increment() { value.withLock { $0 += 1 } }
}

private func onWhichLoop() async -> EventLoop? { EventLoop.current }

@Suite struct EventLoopTests {
    @Test func `work from the loop and from other threads runs on it, in order`() throws {
        let log = Log()
        try withLoop { loop in
            #expect(loop.isCurrent)
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                loop.execute { log.add("1") }
                loop.execute {
                    log.add("2")
                    loop.execute {
                        log.add("4")
                        done.resume()
                    }
                }
                loop.execute { log.add(loop.isCurrent ? "3" : "elsewhere") }
            }
        }
        #expect(log.all == ["1", "2", "3", "4"])
        #expect(EventLoop.current == nil)
    }

    @Test func `an answer that does not come is not asked for again and again`() throws {
        try withLoop { loop in
            func used() -> UInt64 {
                var time = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
            }
            loop.answersDue = 1
            defer { loop.answersDue = 0 }
            let before = used()
            for _ in 1...10 { try await loop.sleep(.milliseconds(30)) }
            // A timer ends each wait; the loop was asleep for nine tenths of the time and more.
            #expect(used() - before < 150_000_000)
        }
    }

    @Test func `many threads enqueue and nothing is lost`() throws {
        let loop = try EventLoop(name: "many")
        try loop.start()
        let count = Counter()
        let pool = WorkerPool(threadsMax: 4)
        try withLoop { other in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask(executorPreference: other) {
                        try await pool.run {
                            for _ in 0..<5000 { loop.execute { count.increment() } }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        loop.stop()
        loop.join()
        #expect(count.value.withLock { $0 } == 40_000)
    }

    @Test func `a task that prefers the loop stays on it after every suspension`() throws {
        try withLoop { loop in
            #expect(loop.isCurrent)
            try await loop.sleep(.milliseconds(1))
            #expect(loop.isCurrent)
            let pool = WorkerPool(threadsMax: 1)
            let elsewhere = try await pool.run { EventLoop.current == nil }
            #expect(elsewhere)
            #expect(loop.isCurrent)
            await Task.yield()
            #expect(loop.isCurrent)
            #expect(await onWhichLoop() === loop)
        }
    }

    @Test func `an immediate task runs at once on the loop's thread and comes back to it`() throws {
        let log = Log()
        try withLoop { loop in
            let (ended, end) = AsyncStream<Void>.makeStream()
            loop.execute {
                Task.immediate(executorPreference: loop) { @Sendable in
                    log.add("begins")
                    try? await loop.sleep(.milliseconds(1))
                    log.add(loop.isCurrent ? "on the loop" : "elsewhere")
                    end.finish()
                }
                log.add("after")
            }
            for await _ in ended {}
        }
        #expect(log.all == ["begins", "after", "on the loop"])
    }

    @Test func `stop does what was enqueued before it, and a loop can be joined`() throws {
        let loop = try EventLoop(name: "stopped")
        let log = Log()
        try loop.start()
        for number in 0..<3 { loop.execute { log.add("\(number)") } }
        loop.stop()
        loop.join()
        #expect(log.all == ["0", "1", "2"])
    }

    @Test func `withLoop gives errors through`() {
        #expect(throws: EventLoopError("test", code: 5)) {
            try withLoop { _ in throw EventLoopError("test", code: 5) }
        }
    }

    @Test func `signals are told on the loop and their default comes back`() throws {
        let log = Log()
        try withLoop { loop in
            let signals = try loop.watchSignals([SIGUSR1, SIGUSR2]) { log.add("\($0 == SIGUSR1 ? "one" : "two")") }
            kill(getpid(), SIGUSR1)
            while log.all.count < 1 { try await loop.sleep(.milliseconds(1)) }
            kill(getpid(), SIGUSR2)
            while log.all.count < 2 { try await loop.sleep(.milliseconds(1)) }
            signals.cancel()
        }
        #expect(log.all == ["one", "two"])
    }
}
