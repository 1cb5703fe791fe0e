import Digests
import Tickets

/// One client that listens to events. What it has not taken yet lies in the database and nowhere else: a client that is
/// far behind, or slow, reads pages at its own pace.
///
/// Unchecked: used on its loop's thread only, its end included; the server cancels on that thread.
final class EventStream: @unchecked Sendable {
    enum Source: Sendable {
        /// The whole installation's history, for those who may see all of it.
        case feed
        /// What one ticket's caller may see of its history.
        case ticket(TicketID)
    }

    private enum Wake {
        case look
        case frame([UInt8])
        case heartbeat
    }

    private static let pageMax = 50

    let source: Source
    let caller: Caller
    /// The hash of the token, by which it is looked up again.
    let token: Digest
    private let hub: StreamHub
    /// The last event that the client has, or may not see.
    private var position: Int
    private var hasBegun = false
    private(set) var isOver = false
    /// A ticket's: there may be events that were not read.
    private var mayHaveMore = true
    /// The database did not answer: to be tried again with the next second.
    private var isOwedRetry = false
    private var waiter: UnsafeContinuation<Wake, Never>?
    private var heartbeatAt: Int

    /// `limits` have been asked already; the place is given back with the stream's memory, however it ends.
    init(_ source: Source, after position: Int, caller: Caller, token: Digest, hub: StreamHub) {
        self.source = source
        self.position = position
        self.caller = caller
        self.token = token
        self.hub = hub
        // Those who come back at the same moment are not all due at the same one.
        heartbeatAt = hub.seconds + Int.random(in: 1...hub.limits.heartbeatSeconds)
        hub.join(self)
    }

    deinit {
        hub.leave(ObjectIdentifier(self), source)
        hub.limits.giveBack(caller.token)
    }

    /// The next bytes, when there are some; nil at the end.
    func next() async -> [UInt8]? {
        if !hasBegun {
            hasBegun = true
            return ServerSentEvent.preamble
        }
        while !isOver {
            var frames = recent()
            if frames == nil { frames = await readApart() }
            if let frames {
                heartbeatAt = hub.seconds + hub.limits.heartbeatSeconds
                return frames
            }
            switch await wait() {
            case .look: if Task.isCancelled { return nil }
            case .frame(let frame): return frame
            case .heartbeat: return ServerSentEvent.heartbeat
            }
        }
        return nil
    }

    // MARK: What the hub says

    /// The caller's rights have ended or changed, or the service stops.
    func end() {
        isOver = true
        wake(.look)
    }

    /// The feed has grown.
    func look() { wake(.look) }

    /// Another second has passed.
    func tick(_ second: Int) {
        guard second >= heartbeatAt else {
            if isOwedRetry { wake(.look) }
            return
        }
        heartbeatAt = second + hub.limits.heartbeatSeconds
        wake(.heartbeat)
    }

    /// Something has happened to the ticket.
    func hear(_ item: FeedRecord, frame: [UInt8]) {
        let seq = item.record.event.seq
        guard seq > position else { return }
        guard waiter != nil, seq - 1 == position else {
            mayHaveMore = true
            return wake(.look)
        }
        position = seq
        if isVisible(item) { wake(.frame(frame)) }
    }

    /// Whether the caller of a fresh look-up may go on with what this stream was opened for.
    func isStill(_ now: Caller?) -> Bool {
        guard let now else { return false }
        return now.user.role == caller.user.role && now.user.organization == caller.user.organization
    }

    private func isVisible(_ item: FeedRecord) -> Bool {
        guard caller.role == .customer else { return true }
        return item.organization == caller.user.organization && !item.record.event.isInternal
    }

    // MARK: Waiting

    private func wait() async -> Wake {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if Task.isCancelled || isOver { return continuation.resume(returning: .look) }
                waiter = continuation
            }
        } onCancel: {
            wake(.look)
        }
    }

    private func wake(_ wake: Wake) {
        let waiting = waiter
        waiter = nil
        waiting?.resume(returning: wake)
    }

    // MARK: Reading

    private func recent() -> [UInt8]? {
        guard case .feed = source, let (frames, last) = hub.recent(after: position) else { return nil }
        position = last
        return frames
    }

    private var isBehind: Bool {
        guard let end = hub.end else { return true }
        return switch source {
        case .feed: position < end
        case .ticket: mayHaveMore
        }
    }

    /// What is in the database, read in a task of its own: what a task has needed once it keeps to its end, and that of a
    /// stream may be days away. Nil: nothing now.
    private func readApart() async -> [UInt8]? {
        guard isBehind else { return nil }
        return await withTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { await self.read() }
            return await group.next() ?? nil
        }
    }

    private func read() async -> [UInt8]? {
        isOwedRetry = false
        do {
            let head = try await hub.head()
            switch source {
            case .feed: return try await feed(until: head)
            case .ticket(let id): return try await history(of: id)
            }
        } catch {
            isOwedRetry = true
            return nil
        }
    }

    private func feed(until head: Int) async throws(StoreError) -> [UInt8]? {
        guard position < head, try await isAdmitted() else { return nil }
        let page = try await hub.store.feed(after: position, limit: Self.pageMax)
        guard let last = page.last else { return nil }
        position = last.feedSeq
        return page.flatMap { ServerSentEvent.frame($0) }
    }

    private func history(of id: TicketID) async throws(StoreError) -> [UInt8]? {
        guard mayHaveMore, try await isAdmitted() else { return nil }
        mayHaveMore = false
        let found: Page<EventRecord>?
        do {
            let request = PageRequest(limit: Self.pageMax, after: ["\(position)"])
            found = try await hub.store.events(id, request, Access(caller))
        } catch {
            mayHaveMore = true
            throw error
        }
        guard let page = found else { return nil }
        if page.next != nil { mayHaveMore = true }
        guard let last = page.items.last else { return nil }
        position = last.event.seq
        return page.items.flatMap { ServerSentEvent.frame($0) }
    }

    /// Reading may go on for long, and rights end meanwhile.
    private func isAdmitted() async throws(StoreError) -> Bool {
        if isStill(try await hub.store.caller(token: token)) { return true }
        isOver = true
        return false
    }
}
