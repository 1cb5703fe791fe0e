import Glibc

/// A value behind a mutex of the C library: ThreadSanitizer knows it, unlike `Synchronization.Mutex`, whose futex it
/// takes for a race.
///
/// Unchecked: `value` is touched only while `mutex` is held.
public final class Locked<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Nothing that blocks, or takes the same lock, belongs in `body`.
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
