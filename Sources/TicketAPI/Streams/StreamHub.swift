import Digests
import Regulations
import Tickets

/// What the open streams of one loop share: each new event is read and written as JSON once, however many listen.
///
/// Nobody is told anything new before changes of tokens and users that may have come first were looked at.
///
/// Unchecked: used on its loop's thread only, but for being made.
final class StreamHub: @unchecked Sendable {
    /// Does not keep the stream alive: the server does, and a stream takes itself out at its end.
    private struct Member {
        let id: ObjectIdentifier
        unowned let stream: EventStream
    }

    private static let pageMax = 200
    private static let tokensMax = 500
    /// Seconds from one look at the feed to the next when nothing is heard of it.
    private static let feedSeconds = 5
    /// The same for tokens and users.
    private static let peopleSeconds = 30

    let store: any Store
    let limits: StreamLimits
    private let now: @Sendable () -> Instant
    private var members: [ObjectIdentifier: Member] = [:]
    private var byTicket: [TicketID: [Member]] = [:]
    private var recents = RecentEvents()
    /// Up to where the feed has been read here; nil: nobody listens, or it was not asked for yet.
    private(set) var end: Int?
    private var isFeedOld = false
    private var arePeopleOld = false
    private var isWorking = false
    private var hasPulse = false
    /// No stream is opened any more.
    private(set) var isStopped = false
    /// Since the first stream.
    private(set) var seconds = 0

    init(store: any Store, limits: StreamLimits, now: @escaping @Sendable () -> Instant) {
        self.store = store
        self.limits = limits
        self.now = now
    }

    /// Ends every stream, and lets none be opened again.
    func stop() {
        isStopped = true
        for member in members.values { member.stream.end() }
    }

    // MARK: Members

    func join(_ stream: EventStream) {
        if !hasPulse {
            hasPulse = true
            store.startPulses { [weak self] in await self?.hear($0) }
        }
        let member = Member(id: ObjectIdentifier(stream), stream: stream)
        members[member.id] = member
        if case .ticket(let id) = stream.source { byTicket[id, default: []].append(member) }
    }

    func leave(_ id: ObjectIdentifier, _ source: EventStream.Source) {
        members[id] = nil
        if case .ticket(let ticket) = source {
            byTicket[ticket]?.removeAll { $0.id == id }
            if byTicket[ticket]?.isEmpty ?? false { byTicket[ticket] = nil }
        }
        guard members.isEmpty else { return }
        end = nil
        recents = RecentEvents()
    }

    // MARK: What streams ask

    /// Up to where events come from here; whatever lies before is the database's.
    func head() async throws(StoreError) -> Int {
        if let end { return end }
        let end = try await store.feedEnd()
        // Somebody else may have asked at the same time, and have been told more.
        if self.end == nil { self.end = end }
        return self.end ?? end
    }

    /// The frames behind a place and the last place among them; nil: they are not remembered.
    func recent(after position: Int) -> (frames: [UInt8], last: Int)? { recents.frames(after: position) }

    // MARK: What is new

    private func hear(_ pulse: Pulse) async {
        switch pulse {
        case .feed: isFeedOld = true
        case .people: arePeopleOld = true
        case .second: passSecond()
        }
        guard !isWorking else { return }
        isWorking = true
        defer { isWorking = false }
        do {
            while !members.isEmpty {
                if arePeopleOld {
                    try await checkCallers()
                } else if isFeedOld, let end {
                    try await readFeed(after: end)
                } else {
                    return
                }
            }
        } catch {
            // What is old stays old: the next second tries again.
        }
    }

    private func passSecond() {
        seconds += 1
        if seconds % Self.feedSeconds == 0 { isFeedOld = true }
        if seconds % Self.peopleSeconds == 0 || !store.hearsOfPeople { arePeopleOld = true }
        let now = now()
        for member in members.values {
            if let expiresAt = member.stream.caller.expiresAt, expiresAt <= now { member.stream.end() }
            member.stream.tick(seconds)
        }
    }

    private func readFeed(after end: Int) async throws(StoreError) {
        isFeedOld = false
        let page: [FeedRecord]
        do { page = try await store.feed(after: end, limit: Self.pageMax) } catch {
            isFeedOld = true
            throw error
        }
        // Everybody may have gone meanwhile, and others come.
        guard self.end == end, let last = page.last else { return }
        if page.count == Self.pageMax { isFeedOld = true }
        self.end = last.feedSeq
        for item in page {
            recents.append(ServerSentEvent.frame(item), place: item.feedSeq)
            guard let listeners = byTicket[item.record.event.ticket] else { continue }
            let frame = ServerSentEvent.frame(item.record)
            for member in listeners { member.stream.hear(item, frame: frame) }
        }
        for member in members.values {
            if case .feed = member.stream.source { member.stream.look() }
        }
    }

    /// Ends the streams of those who may not listen any more.
    private func checkCallers() async throws(StoreError) {
        arePeopleOld = false
        let tokens = Array(Set(members.values.map(\.stream.token)))
        do {
            for start in stride(from: 0, to: tokens.count, by: Self.tokensMax) {
                let some = Array(tokens[start..<min(start + Self.tokensMax, tokens.count)])
                let callers = try await store.callers(tokens: some)
                let asked = Set(some)
                for member in members.values where asked.contains(member.stream.token) {
                    if !member.stream.isStill(callers[member.stream.token]) { member.stream.end() }
                }
            }
        } catch {
            arePeopleOld = true
            throw error
        }
    }
}
