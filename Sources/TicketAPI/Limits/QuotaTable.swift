import Glibc

/// When whose quota is full again. For all loops of the process; bounded, whoever comes.
final class QuotaTable: Sendable {
    private static let shardCount = 64
    private let shards: [QuotaShard]

    /// At least 64 entries.
    init(entriesMax: Int) {
        let each = max(1, entriesMax / Self.shardCount)
        shards = (0..<Self.shardCount).map { _ in QuotaShard(entriesMax: each) }
    }

    func take(_ key: UInt64, _ quota: Quota, at now: UInt64) -> Quota.Standing {
        shard(key).change(key, at: now) { quota.take(&$0, at: now) }
    }

    func giveBack(_ key: UInt64, _ quota: Quota, at now: UInt64) -> Quota.Standing {
        shard(key).change(key, at: now) { quota.giveBack(&$0, at: now) }
    }

    func force(_ key: UInt64, _ quota: Quota, at now: UInt64) {
        shard(key).change(key, at: now) { quota.force(&$0, at: now) }
    }

    /// Nil: nothing is known of it.
    func fullAt(_ key: UInt64) -> UInt64? { shard(key).value(key) }

    func forget(_ key: UInt64) { shard(key).remove(key) }

    var count: Int { shards.reduce(0) { $0 + $1.count } }

    private func shard(_ key: UInt64) -> QuotaShard {
        // Fibonacci hashing: the six highest bits of the product depend on all bits of the key.
        shards[Int((key &* 0x9E37_79B9_7F4A_7C15) >> 58)]
    }
}

/// Unchecked: `entries` is touched only while `mutex` is held. A mutex of the C library, because ThreadSanitizer takes
/// the futex of `Synchronization.Mutex` for a race.
private final class QuotaShard: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var entries: [UInt64: UInt64] = [:]
    private let entriesMax: Int

    init(entriesMax: Int) {
        self.entriesMax = entriesMax
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func change<Result>(_ key: UInt64, at now: UInt64, _ body: (inout UInt64) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if entries.count >= entriesMax, entries[key] == nil { makeRoom(at: now) }
        return body(&entries[key, default: now])
    }

    func value(_ key: UInt64) -> UInt64? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return entries[key]
    }

    func remove(_ key: UInt64) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        entries[key] = nil
    }

    var count: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return entries.count
    }

    /// Drops those whose quota is full, which loses nothing; if none is, the one that is nearest to it.
    private func makeRoom(at now: UInt64) {
        let before = entries.count
        entries = entries.filter { $0.value > now }
        guard entries.count == before, let nearest = entries.min(by: { $0.value < $1.value }) else { return }
        entries[nearest.key] = nil
    }
}
