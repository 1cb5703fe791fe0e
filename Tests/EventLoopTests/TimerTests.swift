import EventLoop
import Testing

@Suite struct TimerTests {
    @Test func `timers fire in the order of their deadlines, never early`() throws {
        let log = Log()
        try withLoop { loop in
            let start = EventLoop.clock()
            for delay in [12, 3, 7, 3, 0] {
                loop.after(.milliseconds(delay)) {
                    let elapsed = EventLoop.clock() - start
                    log.add(elapsed >= UInt64(delay) * 1_000_000 ? "\(delay)" : "early")
                }
            }
            try await loop.sleep(.milliseconds(20))
        }
        #expect(log.all == ["0", "3", "3", "7", "12"])
    }

    @Test func `a cancelled timer does not fire, cancelled from another timer of the same instant either`() throws {
        let log = Log()
        try withLoop { loop in
            var second: LoopTimer?
            loop.after(.zero) {
                log.add("first")
                second?.cancel()
            }
            second = loop.after(.zero) { log.add("second") }
            #expect(second?.isPending == true)
            try await loop.sleep(.milliseconds(5))
            #expect(second?.isPending == false)
        }
        #expect(log.all == ["first"])
    }

    @Test func `a hundred thousand cancelled timers leave the order of the others alone`() throws {
        let log = Log()
        try withLoop { loop in
            var kept: [Int] = []
            var state: UInt64 = 42
            for number in 0..<100_000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let delay = Int(state >> 40) % 20_000
                let timer = loop.after(.microseconds(delay)) { log.add("\(delay)") }
                if number % 1000 == 0 { kept.append(delay) } else { timer.cancel() }
            }
            try await loop.sleep(.milliseconds(60))
            let fired = log.all.compactMap { Int($0) }
            #expect(fired.count == kept.count)
            #expect(fired.sorted() == kept.sorted())
        }
    }

    @Test func `sleep ends at once when its task is cancelled, before or after it began`() throws {
        try withLoop { loop in
            for early in [true, false] {
                let task = Task(executorPreference: loop) { try await loop.sleep(.seconds(3600)) }
                if !early { try await loop.sleep(.milliseconds(2)) }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
    }

    @Test func `a negative delay is due at once, an endless one never`() throws {
        let log = Log()
        try withLoop { loop in
            loop.after(.seconds(-5)) { log.add("past") }
            loop.after(.seconds(Int64.max)) { log.add("never") }
            try await loop.sleep(.milliseconds(3))
        }
        #expect(log.all == ["past"])
    }
}
