import Glibc

/// A thread that may block, and can be waited for.
final class Worker: Sendable {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { work in
                if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                return nil
            }, work)
        precondition(code == 0, "a few dozen threads are not too many for any system")
        self.thread = thread
    }

    /// Once.
    func join() { pthread_join(thread, nil) }
}

/// Seconds of the clock that nobody sets.
func monotonic() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

func sleep(seconds: Double) { usleep(UInt32(max(seconds, 0) * 1e6)) }

/// Asks until it is so; false: it was not in time.
func wait(upTo seconds: Double, every pause: Double = 0.05, until isSo: () -> Bool) -> Bool {
    let end = monotonic() + seconds
    while !isSo() {
        if monotonic() > end { return false }
        sleep(seconds: pause)
    }
    return true
}

/// The words for the thread's errno.
func systemError() -> String { strerror(errno).map { String(cString: $0) } ?? "error \(errno)" }
