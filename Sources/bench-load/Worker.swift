import Glibc

/// One connection on a thread of its own.
///
/// `@unchecked Sendable`: its thread alone touches it from `start` on, everybody else after `join`.
final class Worker: @unchecked Sendable {
    private let number: Int
    private let schedule: Schedule
    private let maker: RequestMaker
    private let address: sockaddr_in
    /// Of the monotonic clock, in nanoseconds.
    private let beginning: UInt64
    private var thread = pthread_t()
    private var isRunning = false

    private(set) var latencies = LatencyHistogram()
    private(set) var errors = 0
    /// Of the first error.
    private(set) var reason: String?
    /// When the last answer was there, from the beginning.
    private(set) var end: UInt64 = 0

    init(_ number: Int, _ schedule: Schedule, _ maker: RequestMaker, _ address: sockaddr_in, beginning: UInt64) {
        self.number = number
        self.schedule = schedule
        self.maker = maker
        self.address = address
        self.beginning = beginning
    }

    /// False when the system gives no thread.
    func start() -> Bool {
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, me.toOpaque())
        if code != 0 { me.release() }
        isRunning = code == 0
        return isRunning
    }

    func join() {
        if isRunning { pthread_join(thread, nil) }
        isRunning = false
    }

    private func run() {
        var connection = try? BlockingConnection(address)
        // A server that is hopelessly behind ends the run with errors, not never.
        let last = UInt64(schedule.seconds * 2e9) + 5_000_000_000
        for request in schedule.requests(of: number) {
            let due = schedule.due(request)
            wait(until: beginning + due)
            guard monotonicNanoseconds() - beginning < last else {
                fail("not sent: too late")
                continue
            }
            do throws(BlockingConnection.Failure) {
                let (status, stays) = try exchange(maker.bytes(request), &connection)
                if !stays { connection = nil }
                end = monotonicNanoseconds() - beginning
                latencies.add(end - due)
                if !(200...299).contains(status) { fail("status \(status)") }
            } catch {
                connection = nil
                fail(error.text)
            }
        }
    }

    private func exchange(
        _ request: [UInt8], _ connection: inout BlockingConnection?
    ) throws(BlockingConnection.Failure) -> (status: Int, stays: Bool) {
        if let connection { return try connection.exchange(request) }
        let fresh = try BlockingConnection(address)
        connection = fresh
        return try fresh.exchange(request)
    }

    private func fail(_ text: String) {
        errors += 1
        if reason == nil { reason = text }
    }

    private func wait(until instant: UInt64) {
        var time = timespec(tv_sec: Int(instant / 1_000_000_000), tv_nsec: Int(instant % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil) == EINTR {}
    }
}

func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
