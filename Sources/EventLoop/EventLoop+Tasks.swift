extension EventLoop {
    /// Suspends the task; throws `CancellationError` as soon as it is cancelled. From any thread.
    public func sleep(_ delay: Duration) async throws {
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                execute { sleeper.start(on: self, delay, continuation) }
            }
        } onCancel: {
            execute { sleeper.cancel() }
        }
    }
}

/// Unchecked: touched only in work executed by its loop.
private final class Sleeper: @unchecked Sendable {
    private var timer: LoopTimer?
    private var continuation: CheckedContinuation<Void, any Error>?
    private var isCancelled = false

    func start(on loop: EventLoop, _ delay: Duration, _ continuation: CheckedContinuation<Void, any Error>) {
        if isCancelled {
            continuation.resume(throwing: CancellationError())
            return
        }
        self.continuation = continuation
        timer = loop.after(delay) {
            self.continuation = nil
            continuation.resume()
        }
    }

    func cancel() {
        isCancelled = true
        timer?.cancel()
        continuation?.resume(throwing: CancellationError())
        continuation = nil
    }
}

/// Runs an async function on a fresh loop on the calling thread, which it blocks, and returns its result: for
/// commands and tests.
@discardableResult
public func withLoop<T: Sendable>(
    name: String = "loop", _ body: @escaping @Sendable (EventLoop) async throws -> T
) throws -> T {
    let loop = try EventLoop(name: name)
    let result = Locked<Result<T, any Error>?>(nil)
    Task(executorPreference: loop) {
        let outcome: Result<T, any Error>
        do {
            outcome = .success(try await body(loop))
        } catch {
            outcome = .failure(error)
        }
        result.withLock { $0 = outcome }
        loop.stop()
    }
    loop.run()
    guard let outcome = result.withLock({ $0 }) else {
        preconditionFailure("The loop stops after the result is stored, unless the body itself stopped it.")
    }
    return try outcome.get()
}
