import Synchronization
import Tickets

/// The files that are on their way in or out at this moment, in the whole process: each holds a piece in memory, so
/// their number is bounded. Shared by the APIs of all loops.
public final class Transfers: Sendable {
    private struct State {
        var count = 0
        var byCaller: [UserID: Int] = [:]
        var keys: Set<Key> = []
    }

    fileprivate struct Key: Hashable {
        let caller: UserID
        let key: String
    }

    private let state = Mutex(State())
    private let max: Int
    private let perCallerMax: Int

    /// `max` at once, of which one caller may have a quarter.
    public init(max: Int = 64) {
        self.max = max
        perCallerMax = Swift.max(1, max / 4)
    }

    /// One file on its way; it is over when nobody holds this any longer.
    final class Transfer: Sendable {
        private let transfers: Transfers
        private let caller: UserID
        private let key: Key?

        fileprivate init(_ transfers: Transfers, _ caller: UserID, _ key: Key?) {
            self.transfers = transfers
            self.caller = caller
            self.key = key
        }

        deinit { transfers.end(caller, key) }
    }

    /// Throws when there are too many already, or one of this caller with the same idempotency key.
    func begin(_ caller: UserID, key: String? = nil) throws(Problem) -> Transfer {
        let key = key.map { Key(caller: caller, key: $0) }
        try state.withLock { (state) throws(Problem) in
            if let key, state.keys.contains(key) { throw Problem(.idempotencyKeyInProgress) }
            guard state.count < max, state.byCaller[caller, default: 0] < perCallerMax else {
                throw Problem(.overloaded)
            }
            state.count += 1
            state.byCaller[caller, default: 0] += 1
            if let key { state.keys.insert(key) }
        }
        return Transfer(self, caller, key)
    }

    /// Whether an upload with this key is on its way.
    func isRunning(_ caller: UserID, key: String) -> Bool {
        state.withLock { $0.keys.contains(Key(caller: caller, key: key)) }
    }

    private func end(_ caller: UserID, _ key: Key?) {
        state.withLock { state in
            state.count -= 1
            let left = state.byCaller[caller, default: 1] - 1
            state.byCaller[caller] = left > 0 ? left : nil
            if let key { state.keys.remove(key) }
        }
    }

    /// How many there are at this moment.
    public var count: Int { state.withLock(\.count) }
}
