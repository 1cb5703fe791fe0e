import EventLoop
import Glibc
import TestKit
import Testing

@testable import Postgres

/// Who may wait for a connection while more comes than goes.
@Suite struct AdmissionTests {
    /// A lane by itself: `slots` places, each request served in `service` milliseconds, one arriving every `gap`.
    private struct Model {
        var refused = 0
        /// In milliseconds, of those that came after the first second.
        var waits: [Double] = []

        init(shedsEarly: Bool, slots: Int, service: Double, gap: Double, seconds: Double) {
            var admission = Admission(waitMax: 1_000_000_000, shedsEarly: shedsEarly)
            var ends: [Double] = Array(repeating: 0, count: slots)
            var queue: [Double] = []
            var time = 0.0
            while time < seconds * 1000 {
                while let first = queue.first, let place = ends.indices.min(by: { ends[$0] < ends[$1] }),
                    ends[place] <= time
                {
                    let start = max(first, ends[place])
                    queue.removeFirst()
                    guard !admission.isTooLate(UInt64((start - first) * 1_000_000)) else {
                        refused += 1
                        continue
                    }
                    ends[place] = start + service
                    if first > 1000 { waits.append(start - first) }
                    admission.noteServed(UInt64(service * 1_000_000))
                }
                if queue.isEmpty, let free = ends.firstIndex(where: { $0 <= time }) {
                    ends[free] = time + service
                    if time > 1000 { waits.append(0) }
                    admission.noteServed(UInt64(service * 1_000_000))
                } else if admission.admits(behind: queue.count, slots: slots, at: UInt64(time * 1_000_000)) {
                    queue.append(time)
                } else {
                    refused += 1
                }
                time += gap
            }
        }
    }

    /// Slots, milliseconds of service; ten times what they can do.
    @Test(arguments: [(4, 1.0), (4, 10.0), (2, 50.0), (16, 4.0)])
    func `under ten times the load what is let in waits for little, and hardly a slot idles`(
        slots: Int, service: Double
    ) {
        let gap = service / Double(slots) / 10
        let model = Model(shedsEarly: true, slots: slots, service: service, gap: gap, seconds: 3)
        // Now and then a burst is let in, to see whether it is all there is. Ten times the load fills a quarter of a second in
        // a tenth of it, and a little more.
        let bound = max(5, service) + service
        let inBursts = model.waits.filter { $0 > bound }
        #expect(inBursts.count * 20 < model.waits.count)
        #expect(inBursts.allSatisfy { $0 <= max(3 * max(5, service), 250 / 8) }, "\(inBursts.max() ?? 0) ms")
        #expect(Double(model.waits.count) >= 0.85 * 2000 / service * Double(slots))
        #expect(model.refused > 8 * model.waits.count)
        let patient = Model(shedsEarly: false, slots: slots, service: service, gap: gap, seconds: 3)
        #expect(patient.waits.allSatisfy { $0 <= 1000 + service } && (patient.waits.max() ?? 0) > 2 * bound)
    }

    @Test(arguments: [(4, 1.0), (2, 50.0), (16, 4.0)])
    func `at seven tenths of what can be done nobody is refused, nor in a burst`(
        slots: Int, service: Double
    ) {
        let calm = Model(
            shedsEarly: true, slots: slots, service: service, gap: service / Double(slots) / 0.7, seconds: 3)
        #expect(calm.refused == 0)
        var admission = Admission(waitMax: 1_000_000_000, shedsEarly: true)
        admission.noteServed(UInt64(service * 1_000_000))
        // As many at once as are served in a quarter of a second, less a little.
        let burst = max(1, Int(240 / service)) * slots
        #expect((0..<burst).allSatisfy { admission.admits(behind: $0, slots: slots, at: 5) })
    }

    /// Slots, milliseconds of service.
    @Test(arguments: [(4, 1.0), (4, 10.0), (16, 4.0)])
    func `an overload is over when little has to be refused`(slots: Int, service: Double) {
        var admission = Admission(waitMax: 1_000_000_000, shedsEarly: true)
        var now: UInt64 = 0
        let burst = max(1, Int(240 / service)) * slots
        /// For so long, ten refused for each one served.
        func overload(seconds: UInt64) {
            let end = now + seconds * 1_000_000_000
            while now < end {
                admission.noteServed(UInt64(service * 1_000_000))
                for _ in 0..<10 { _ = admission.admits(behind: 1_000, slots: slots, at: now) }
                now += UInt64(service * 1_000_000) / UInt64(slots)
            }
        }
        /// Whether the last of so many who come at once is let in.
        func letsIn(_ count: Int) -> Bool { admission.admits(behind: count - 1, slots: slots, at: now) }
        admission.noteServed(UInt64(service * 1_000_000))
        var answers = [letsIn(burst)]
        // An empty queue now and then does not end it while most are refused.
        for _ in 1...2 {
            overload(seconds: 2)
            answers += [letsIn(1), letsIn(burst)]
        }
        #expect(answers == [true, true, false, true, false])
        for _ in 1...700 {
            now += 1_000_000
            admission.noteServed(UInt64(service * 1_000_000))
            _ = letsIn(1)
        }
        let isLetIn = letsIn(burst)
        #expect(isLetIn)
        // Nor does it outlast a silence, whatever the last count was.
        overload(seconds: 2)
        now += 1_000_000_000
        let isLetInAfterSilence = letsIn(burst)
        #expect(isLetInAfterSilence)
    }

    /// How many ask, each again as soon as they are answered or refused; slots; milliseconds of service, of the first ones
    /// and of all others.
    @Test(arguments: [(32, 4, 30.0, 2.0), (64, 4, 40, 4), (64, 8, 300, 8), (12, 2, 200, 10)])
    func `those who could all be let in are, though they ask again at once and the first took long`(
        clients: Int, slots: Int, first: Double, service: Double
    ) {
        var admission = Admission(waitMax: 1_000_000_000, shedsEarly: true)
        /// Who is served, until when and since when; and who waits.
        var places: [(end: Double, start: Double, client: Int)?] = Array(repeating: nil, count: slots)
        var queue: [Int] = []
        var asksAt = Array(repeating: 0.0, count: clients)
        var (started, refusedLately, servedLately) = (0, 0, 0)
        for time in stride(from: 0, to: 5000, by: 0.5) {
            for (place, held) in places.enumerated() {
                if let held, held.end <= time {
                    admission.noteServed(UInt64((held.end - held.start) * 1_000_000))
                    asksAt[held.client] = time
                    places[place] = nil
                    if time > 3000 { servedLately += 1 }
                }
                guard places[place] == nil, !queue.isEmpty else { continue }
                places[place] = (time + (started < slots ? first : service), time, queue.removeFirst())
                started += 1
            }
            for client in 0..<clients where asksAt[client] <= time {
                let hasRoom = queue.isEmpty && places.contains { $0 == nil }
                if hasRoom || admission.admits(behind: queue.count, slots: slots, at: UInt64(time * 1_000_000)) {
                    queue.append(client)
                    asksAt[client] = .infinity
                } else {
                    asksAt[client] = time + 0.5
                    if time > 3000 { refusedLately += 1 }
                }
            }
        }
        #expect(refusedLately == 0)
        #expect(Double(servedLately) > 0.8 * 2000 / service * Double(slots))
    }

    /// Slots; how many are used after each 100 ms in which the loop was behind (`-`) or not (`+`).
    @Test(arguments: [
        (1, "-+-", [1, 1, 1]), (2, "--+", [2, 2, 2]), (4, "+--+", [4, 2, 2, 2]),
        (4, "-++++++++", [2, 2, 2, 3, 3, 3, 4, 4, 4]), (16, "-----+-", [8, 4, 2, 2, 2, 2, 2]),
    ])
    func `fewer slots are used while the loop is behind, and more again afterwards`(
        slots: Int, turns: String, expected: [Int]
    ) {
        var admission = Admission(waitMax: 1_000_000_000, shedsEarly: true)
        let used = turns.enumerated().map { number, turn in
            admission.usable(of: slots, isBehind: turn == "-", at: UInt64(number + 1) * 100_000_000)
        }
        #expect(used == expected)
    }

    /// Milliseconds of service, and for how long one may have waited who was let in.
    @Test(arguments: [(1, 250), (50, 250), (100, 400)])
    func `who waits for longer than a burst may is refused after all, where fewer slots are used`(
        service: UInt64, bound: UInt64
    ) {
        var admission = Admission(waitMax: 1_000_000_000, shedsEarly: true)
        admission.noteServed(service * 1_000_000)
        for (isBehind, now) in [(false, 100), (true, 200), (false, 1200)] as [(Bool, UInt64)] {
            let used = admission.usable(of: 4, isBehind: isBehind, at: now * 1_000_000)
            #expect(!admission.isTooLate(bound * 1_000_000))
            #expect(admission.isTooLate(bound * 1_000_000 + 1) == (used < 4))
        }
        // All are used again after so long a silence.
        #expect(!admission.isTooLate(.max))
    }

    @Test func `a lane asks for two at a time while its loop is behind, and for all once it is not`() async throws {
        try await withLane(.exclusive(connections: 4), { $0.shedsEarly = true }) { loop, lane in
            let end = Locked(false)
            let naps = (0..<8).map { _ in
                Task(executorPreference: loop) {
                    while !end.withLock({ $0 }) {
                        _ = try? await lane.run(.text("nap", "SELECT pg_sleep(0.005)::text"))
                        try await loop.sleep(.microseconds(500))
                    }
                }
            }
            /// The most that are on their way in a tenth of a second, asked for again until it is what is expected.
            func most(_ expected: Int) async throws -> Int {
                var most = 0
                for _ in 0..<100 where most != expected {
                    most = 0
                    for _ in 0..<50 {
                        try await loop.sleep(.milliseconds(2))
                        most = max(most, lane.counts.inFlight)
                    }
                }
                return most
            }
            #expect(try await most(4) == 4)
            var ends: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            write(ends[1], "x", 1)
            let copies = (0..<40).map { _ in dup(ends[0]) }
            let watches = try copies.map { try loop.watch($0, .readable, Idle()) }
            #expect(try await most(2) == 2)
            for watch in watches { watch.cancel() }
            #expect(try await most(4) == 4)
            end.withLock { $0 = true }
            for nap in naps { _ = await nap.result }
            for descriptor in copies + ends { close(descriptor) }
        }
    }

    @Test func `nothing is known before the first is served, and all may wait`() {
        var admission = Admission(waitMax: 1_000_000, shedsEarly: true)
        #expect((0..<1000).allSatisfy { admission.admits(behind: $0, slots: 1, at: UInt64($0)) })
    }

    @Test func `a lane that sheds early serves what it can and refuses the rest at once`() async throws {
        try await withLane(.exclusive(connections: 2), { $0.shedsEarly = true }) { loop, lane in
            _ = try await lane.run(.int("one", "SELECT 1"))
            // A hundred a second are possible, two thousand are wanted.
            let ended = await together(3000, on: loop) { number in
                try await loop.sleep(.microseconds(500 * number))
                let waiting = lane.counts.waiting
                let error = await failure { _ = try await lane.run(.text("nap", "SELECT pg_sleep(0.02)::text")) }
                if let error { #expect(error == .overloaded) }
                return (isServed: error == nil, waiting: waiting)
            }.compactMap { try? $0.get() }
            let served = ended.count { $0.isServed }
            #expect(ended.count == 3000 && served > 20 && served < 1000, "\(served) were served")
            // There was somebody in front of those who were refused, unless they were let in and then waited for too long.
            let alone = ended.count { !$0.isServed && $0.waiting == 0 }
            #expect(alone < 30, "\(alone) were refused who were the first in the queue")
            #expect(lane.counts.waiting == 0)
        }
    }
}

/// Leaves what is ready as it is.
private final class Idle: ReadinessHandler {
    func ready(_ readiness: Readiness) {}
}
