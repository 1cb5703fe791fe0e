import EventLoop

/// How many connections each address has, over all loops; an entry lives as long as one of its connections.
final class NetworkCounts: Sendable {
    private let counts = Locked<[IPAddress: Int]>([:])

    /// One more; returns how many that makes.
    func add(_ network: IPAddress) -> Int {
        counts.withLock { counts in
            let count = (counts[network] ?? 0) + 1
            counts[network] = count
            return count
        }
    }

    func remove(_ network: IPAddress) {
        counts.withLock { counts in
            guard let count = counts[network] else { preconditionFailure("Only what was added is removed.") }
            counts[network] = count > 1 ? count - 1 : nil
        }
    }
}
