import CLinux
import Glibc

/// Sends what is due and takes what comes, all connections on the calling thread: sixty-four threads took as much of the machine as
/// the service that was measured, and their own waiting was taken for its.
struct Generator {
    private let schedule: Schedule
    private let maker: RequestMaker
    private let address: sockaddr_in
    private let countsRefusals: Bool

    private(set) var latencies = LatencyHistogram()
    /// Of answers 503, where they are no errors but what is looked at.
    private(set) var refusals = LatencyHistogram()
    private(set) var errors = 0
    /// Of the first error.
    private(set) var reason: String?
    /// When the last answer was there, in nanoseconds from the beginning.
    private(set) var end: UInt64 = 0

    /// One connection and what is to be sent on it.
    private struct Line {
        var connection: ClientConnection?
        /// The request that is on its way; nil: none.
        var current: Int?
        /// Due, and waiting for the one on its way.
        var waiting: ArraySlice<Int> = []
    }

    private let epoll = epoll_create1(0)
    private var lines: [Line]

    init(_ schedule: Schedule, _ maker: RequestMaker, _ address: sockaddr_in, countsRefusals: Bool = false) {
        self.countsRefusals = countsRefusals
        self.schedule = schedule
        self.maker = maker
        self.address = address
        lines = Array(repeating: Line(), count: schedule.connections)
    }

    /// Returns when every request is answered or has failed; a server that is hopelessly behind ends it with errors, not never.
    mutating func run() {
        for index in lines.indices { open(index) }
        let beginning = monotonicNanoseconds()
        let last = UInt64(schedule.seconds * 2e9) + 5_000_000_000
        var next = 0
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while next < schedule.count || lines.contains(where: { $0.current != nil || !$0.waiting.isEmpty }) {
            let now = monotonicNanoseconds() - beginning
            if now > last { break }
            while next < schedule.count, schedule.due(next) <= now {
                lines[next % lines.count].waiting.append(next)
                serve(next % lines.count)
                next += 1
            }
            let until = next < schedule.count ? schedule.due(next) : now + 100_000_000
            let since = monotonicNanoseconds() - beginning
            var time = timespec(tv_sec: 0, tv_nsec: Int(until > since ? min(until - since, 100_000_000) : 0))
            let count = Int(epoll_pwait2(epoll, &events, Int32(events.count), &time, nil))
            for event in events.prefix(max(count, 0)) {
                take(Int(withUnsafePointer(to: event) { clinux_event_token($0) }), beginning)
            }
        }
        for line in lines {
            let left = line.waiting.count + (line.current == nil ? 0 : 1)
            for _ in 0..<left { fail("no answer in time") }
        }
        for _ in next..<schedule.count { fail("not sent: too late") }
        lines = []
        close(epoll)
    }

    private mutating func open(_ index: Int) {
        do throws(ClientConnection.Failure) {
            let connection = try ClientConnection(address)
            // A descriptor that is closed is watched no more.
            var event = clinux_event(EPOLLIN.rawValue, UInt64(index))
            _ = epoll_ctl(epoll, EPOLL_CTL_ADD, connection.descriptor, &event)
            lines[index].connection = connection
        } catch {
            fail(error.text)
        }
    }

    /// Sends the next request, unless one is on its way.
    private mutating func serve(_ index: Int) {
        while lines[index].current == nil, let request = lines[index].waiting.popFirst() {
            if lines[index].connection == nil { open(index) }
            // Opening has failed, and that is counted.
            guard let connection = lines[index].connection else { continue }
            do throws(ClientConnection.Failure) {
                try connection.send(maker.bytes(request))
                lines[index].current = request
            } catch {
                lines[index].connection = nil
                fail(error.text)
            }
        }
    }

    private mutating func take(_ index: Int, _ beginning: UInt64) {
        guard let connection = lines[index].connection else { return }
        do throws(ClientConnection.Failure) {
            guard let answer = try connection.receive() else { return }
            guard let request = lines[index].current else { throw ClientConnection.Failure(text: "an answer too many") }
            lines[index].current = nil
            end = monotonicNanoseconds() - beginning
            if answer.status == 503, countsRefusals {
                refusals.add(end - schedule.due(request))
            } else {
                latencies.add(end - schedule.due(request))
            }
            if !(200...299).contains(answer.status), answer.status != 503 || !countsRefusals {
                fail("status \(answer.status)")
            }
            if answer.closes { lines[index].connection = nil }
        } catch {
            lines[index].connection = nil
            // Between requests a server may hang up.
            if lines[index].current != nil { fail(error.text) }
            lines[index].current = nil
        }
        serve(index)
    }

    private mutating func fail(_ text: String) {
        errors += 1
        if reason == nil { reason = text }
    }
}

func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
