public import Digests
import EventLoop
import Postgres
import Synchronization
public import Tickets

/// Who a token is, remembered for at most a second, and only while changes are heard of.
///
/// What another loop of this process revokes is seen at once, through `revision`.
///
/// Unchecked: used on the thread of the one loop that the store belongs to.
final class CallerCache: @unchecked Sendable {
    private static let revision = Atomic<UInt64>(0)
    private static let nanosecondsMax: UInt64 = 1_000_000_000
    private static let entriesMax = 10_000

    /// `until` in nanoseconds of the monotonic clock.
    private var entries: [Digest: (caller: Caller?, until: UInt64)] = [:]
    private var seenRevision: UInt64 = 0

    /// Whatever anybody remembers in this process is old from now on.
    static func invalidateAll() { revision.wrappingAdd(1, ordering: .sequentiallyConsistent) }

    static var currentRevision: UInt64 { revision.load(ordering: .sequentiallyConsistent) }

    func empty() { entries.removeAll(keepingCapacity: true) }

    /// Nil: not remembered. An inner nil: remembered as nobody's.
    func caller(_ token: Digest) -> Caller?? {
        let revision = Self.currentRevision
        if revision != seenRevision {
            seenRevision = revision
            empty()
        }
        guard let entry = entries[token], entry.until > EventLoop.clock() else { return nil }
        return .some(entry.caller)
    }

    /// `revision` is the one before the look-up, so that what was revoked meanwhile is not remembered; `asked` is when it began: an
    /// answer that was long on its way is as old as that, and another instance may have revoked what it says.
    func remember(_ caller: Caller?, token: Digest, since revision: UInt64, asked: UInt64) {
        guard revision == Self.currentRevision else { return }
        if entries.count >= Self.entriesMax { empty() }
        entries[token] = (caller, asked + Self.nanosecondsMax)
    }
}

extension PostgresStore {
    public func remembered(_ token: Digest) -> Caller?? {
        connections.listener.isConnected ? callers.caller(token) : nil
    }

    public func caller(token: Digest) async throws(StoreError) -> Caller? {
        if let known = remembered(token) { return known }
        let listens = connections.listener.isConnected
        let revision = CallerCache.currentRevision
        let asked = EventLoop.clock()
        let caller: Caller?
        do {
            caller = try await connections.staff.reads.run(Statements.callerByToken, [.bytes(token.bytes)]).first
        } catch { throw StoreError(error) }
        if listens { callers.remember(caller, token: token, since: revision, asked: asked) }
        return caller
    }
}

extension Statements {
    static let callerByToken = Statement<Caller>(
        "caller_by_token",
        "SELECT token_id, expires_at, user_id, email, name, role, organization FROM caller_by_token($1)"
    ) { (row) throws(RowError) in try row.caller() }
}

extension ResultRow {
    mutating func caller() throws(RowError) -> Caller {
        let token: TokenID = try id()
        let expiresAt = try optionalInstant()
        let user = User(
            id: try id(), email: try text(), name: try text(),
            role: try parsed { Role(rawValue: $0) }, organization: try optionalText())
        return Caller(user: user, token: token, expiresAt: expiresAt)
    }
}
