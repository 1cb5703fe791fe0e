import EventLoop
import Glibc
import Testing

/// Calls a closure; lives in the test's loop only.
final class Handler: ReadinessHandler {
    private let work: (Readiness) -> Void
    init(_ work: @escaping (Readiness) -> Void) { self.work = work }
    func ready(_ readiness: Readiness) { work(readiness) }
}

func pair() -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1])
}

@Suite struct WatchTests {
    @Test(arguments: [false, true])
    func `readable and the peer's end are told`(edgeTriggered: Bool) throws {
        let log = Log()
        try withLoop { loop in
            let (mine, theirs) = pair()
            var watch: Watch?
            watch = try loop.watch(
                mine, .readable, edgeTriggered: edgeTriggered,
                Handler { readiness in
                    var byte: UInt8 = 0
                    let count = read(mine, &byte, 1)
                    log.add("\(readiness.contains(.readable)) \(count)")
                    if count == 0 { watch?.cancel() }
                })
            write(theirs, "x", 1)
            try await loop.sleep(.milliseconds(2))
            close(theirs)
            try await loop.sleep(.milliseconds(2))
            close(mine)
        }
        #expect(log.all == ["true 1", "true 0"])
    }

    @Test func `what is urgent has its turn among many that are ready`() throws {
        let order = Log()
        try withLoop { loop in
            let many = (0..<200).map { _ in pair() }
            let (mine, theirs) = pair()
            var watches: [Watch] = []
            for (index, ends) in many.enumerated() {
                write(ends.1, "x", 1)
                let watch = try loop.watch(
                    ends.0, .readable, edgeTriggered: true,
                    Handler { _ in
                        order.add("usual")
                        if index == 0 { write(theirs, "x", 1) }
                    })
                watches.append(watch)
            }
            let urgent = try loop.watch(
                mine, .readable, urgent: true,
                Handler { _ in
                    var byte: UInt8 = 0
                    if recv(mine, &byte, 1, Int32(MSG_DONTWAIT)) == 1 { order.add("urgent") }
                })
            try await loop.sleep(.milliseconds(20))
            for watch in watches { watch.cancel() }
            urgent.cancel()
            try await loop.sleep(.milliseconds(2))
            for (one, other) in many + [(mine, theirs)] {
                close(one)
                close(other)
            }
        }
        #expect(order.all.count == 201)
        let place = try #require(order.all.firstIndex(of: "urgent"))
        #expect(place < 100, "it came after \(place) others")
    }

    /// Descriptors that are ready in each turn; whether that is more than a loop gets done.
    @Test(arguments: [(20, false), (64, true)])
    func `a loop is behind while many are ready turn after turn, not in a burst`(count: Int, isMuch: Bool) throws {
        try withLoop { loop in
            // However long it has been idle, one burst is not many turns.
            try await loop.sleep(.milliseconds(30))
            let ends = (0..<count).map { _ in pair() }
            var seen: [Bool] = []
            for (_, theirs) in ends { write(theirs, "x", 1) }
            let watches = try ends.map { mine, _ in
                try loop.watch(mine, .readable, Handler { _ in seen.append(loop.isBehind) })
            }
            try await loop.sleep(.milliseconds(60))
            #expect(!seen[0] && seen.last == isMuch)
            for watch in watches { watch.cancel() }
            try await loop.sleep(.milliseconds(2))
            #expect(!loop.isBehind)
            for (one, other) in ends {
                close(one)
                close(other)
            }
        }
    }

    @Test func `an update changes what is waited for`() throws {
        let log = Log()
        try withLoop { loop in
            let (mine, theirs) = pair()
            var watch: Watch?
            watch = try loop.watch(
                mine, [],
                Handler { readiness in
                    log.add(readiness == .writable ? "writable" : "other")
                    watch?.cancel()
                })
            try await loop.sleep(.milliseconds(2))
            #expect(log.all.isEmpty)
            try watch?.update(.writable)
            try await loop.sleep(.milliseconds(2))
            close(mine)
            close(theirs)
        }
        #expect(log.all == ["writable"])
    }

    @Test func `who is cancelled in a batch hears nothing of it, even if the descriptor is used anew`() throws {
        let log = Log()
        try withLoop { loop in
            let (one, onePeer) = pair()
            let (two, twoPeer) = pair()
            var watches: [Int32: Watch] = [:]
            // Whoever is told first cancels the other, closes it and opens a new one in its place.
            func handler(_ other: Int32, _ otherPeer: Int32) -> Handler {
                Handler { _ in
                    log.add("told")
                    for watch in watches.values { watch.cancel() }
                    watches = [:]
                    close(other)
                    let reused = dup(otherPeer)
                    if let watch = try? loop.watch(reused, .readable, Handler { _ in log.add("wrong") }) {
                        watches[reused] = watch
                    }
                }
            }
            watches[one] = try loop.watch(one, .readable, handler(two, twoPeer))
            watches[two] = try loop.watch(two, .readable, handler(one, onePeer))
            write(onePeer, "x", 1)
            write(twoPeer, "x", 1)
            try await loop.sleep(.milliseconds(3))
            for watch in watches.values { watch.cancel() }
        }
        #expect(log.all.first == "told")
        #expect(log.all.filter { $0 == "told" }.count == 1)
    }

    @Test func `watching what is no descriptor is an error`() throws {
        try withLoop { loop in
            #expect(throws: EventLoopError("epoll_ctl", code: EBADF)) {
                _ = try loop.watch(1_000_000, .readable, Handler { _ in })
            }
        }
    }
}
