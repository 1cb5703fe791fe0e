import CLinux
import Glibc

/// A bounded number of threads for what must block: files, name look-ups, big compression.
///
/// Threads start when they are first needed and end with the pool; work waits in the order of the calls.
public final class WorkerPool: Sendable {
    private let queue: Queue

    /// `threadsMax` is at least one; `name` names the threads.
    public init(name: String = "worker", threadsMax: Int) {
        precondition(threadsMax > 0, "A pool without threads would never do anything.")
        queue = Queue(name: name, threadsMax: threadsMax)
    }

    deinit { queue.close() }

    /// Runs `work` on a thread of the pool and comes back to the caller's executor; throws what `work` throws, and an
    /// `EventLoopError` when the system gives not even one thread.
    public func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = queue.add { continuation.resume(with: Result(catching: work)) }
            if !isTaken { continuation.resume(throwing: EventLoopError("pthread_create", code: EAGAIN)) }
        }
    }
}

/// Unchecked: every variable is behind `mutex`.
private final class Queue: @unchecked Sendable {
    private let name: String
    private let threadsMax: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [@Sendable () -> Void] = []
    private var first = 0
    private var threads = 0
    private var idle = 0
    private var isClosed = false

    init(name: String, threadsMax: Int) {
        self.name = name
        self.threadsMax = threadsMax
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// False: there is no thread that could do it.
    func add(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let isShort = idle < waiting.count + 1 - first && threads < threadsMax
        if isShort, startThread() { threads += 1 }
        guard threads > 0 else { return false }
        waiting.append(work)
        pthread_cond_signal(condition)
        return true
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    private func startThread() -> Bool {
        var thread = pthread_t()
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let queue = Unmanaged<Queue>.fromOpaque(argument).takeRetainedValue()
                clinux_name_thread(String(queue.name.prefix(15)))
                while let work = queue.take() { work() }
                return nil
            }, me.toOpaque())
        guard code == 0 else {
            me.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    /// The next piece of work; nil when the pool is closed and nothing waits.
    private func take() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while first == waiting.count {
            if isClosed { return nil }
            idle += 1
            pthread_cond_wait(condition, mutex)
            idle -= 1
        }
        let work = waiting[first]
        waiting[first] = {}  // What it holds ends with it.
        first += 1
        if first == waiting.count || first > 1024 {
            waiting.removeFirst(first)
            first = 0
        }
        return work
    }
}
