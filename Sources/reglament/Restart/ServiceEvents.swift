import EventLoop
import Glibc

/// What the world wants of a running service, in the order in which it comes.
struct ServiceEvents: Sendable {
    enum Event: Sendable, Equatable {
        /// SIGTERM or SIGINT, or SIGHUP because the terminal has gone.
        case stop
        /// SIGHUP.
        case reload
        /// Another process serves on the listening sockets.
        case takenOver(by: pid_t)
    }

    /// For one reader at a time.
    let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let isStopped = Locked(false)
    private let signals: Signals

    /// Unchecked: made and cancelled on the control loop.
    private struct Signals: @unchecked Sendable { let watch: SignalWatch }

    init(on control: EventLoop) throws {
        let (stream, continuation) = AsyncStream<Event>.makeStream()
        let isStopped = isStopped
        let hadTerminal = isatty(STDERR_FILENO) == 1
        self.stream = stream
        self.continuation = continuation
        signals = Signals(
            watch: try control.watchSignals([SIGTERM, SIGINT, SIGHUP]) { number in
                // A terminal that was closed is none any more; then nobody is left who could stop the service.
                let isReload = number == SIGHUP && !(hadTerminal && isatty(STDERR_FILENO) == 0)
                if !isReload { isStopped.withLock { $0 = true } }
                continuation.yield(isReload ? .reload : .stop)
            })
    }

    /// Whether it was told to stop already, perhaps before anybody read the stream.
    var hasStop: Bool { isStopped.withLock { $0 } }

    func add(_ event: Event) { continuation.yield(event) }

    /// Control loop only.
    func cancel() { signals.watch.cancel() }
}

/// One thing that is read anew on SIGHUP.
struct Reload: Sendable {
    /// What goes on being used when it cannot be done.
    let old: String
    /// Leaves everything as it was when it throws.
    let work: @Sendable () async throws -> Void

    /// Whether it was done; if not, the log says why.
    func run(_ log: Log) async -> Bool {
        do {
            try await work()
            return true
        } catch Failure.failed(let reasons) {
            for reason in reasons.split(separator: "\n") { say(reason, log) }
        } catch { say("\(error)", log) }
        return false
    }

    private func say(_ reason: some StringProtocol, _ log: Log) {
        log.say("SIGHUP: went on with \(old): \(reason)")
    }
}
