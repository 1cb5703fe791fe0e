import CLinux
import Glibc

/// A peer that is gone is an error of `write`, not the end of the process; call it first thing.
public func ignoreSIGPIPE() {
    signal(SIGPIPE, SIG_IGN)
}

extension EventLoop {
    /// Calls `work` on the loop with each of `signals` that arrives, until the watch is cancelled; loop thread only.
    ///
    /// One watch per signal and process: a second one takes the signal over.
    public func watchSignals(_ signals: [Int32], _ work: @escaping (Int32) -> Void) throws(EventLoopError)
        -> SignalWatch
    {
        var ends: [Int32] = [0, 0]
        guard clinux_pipe(&ends) == 0 else { throw EventLoopError("pipe2") }
        let watch = SignalWatch(readEnd: ends[0], writeEnd: ends[1], signals: signals, work: work)
        do throws(EventLoopError) {
            try watch.start(on: self)
        } catch {
            watch.cancel()
            throw error
        }
        return watch
    }
}

/// The signals that a loop listens to; loop thread only. It lives until it is cancelled.
public final class SignalWatch: ReadinessHandler {
    private let readEnd: Int32
    private let writeEnd: Int32
    private let signals: [Int32]
    private let work: (Int32) -> Void
    private var watch: Watch?
    private var isCancelled = false

    fileprivate init(readEnd: Int32, writeEnd: Int32, signals: [Int32], work: @escaping (Int32) -> Void) {
        self.readEnd = readEnd
        self.writeEnd = writeEnd
        self.signals = signals
        self.work = work
    }

    fileprivate func start(on loop: EventLoop) throws(EventLoopError) {
        watch = try loop.watch(readEnd, .readable, self)
        for number in signals where clinux_watch_signal(number, writeEnd) != 0 { throw EventLoopError("sigaction") }
    }

    public func ready(_ readiness: Readiness) {
        var numbers = [UInt8](repeating: 0, count: 64)
        let count = read(readEnd, &numbers, numbers.count)
        guard count > 0 else { return }  // EINTR or EAGAIN: level-triggered, so it is told again.
        for number in numbers[..<count] where !isCancelled { work(Int32(number)) }
    }

    /// Gives the signals their default actions again.
    public func cancel() {
        guard !isCancelled else { return }
        isCancelled = true
        for number in signals { clinux_unwatch_signal(number) }
        watch?.cancel()
        close(readEnd)
        close(writeEnd)
    }
}
