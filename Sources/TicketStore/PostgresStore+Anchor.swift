public import Digests
import EventLoop
import Postgres
import Tickets

/// What the whole history was up to one place of the feed; `docs/reference/hash-chain.md` has the recipe, which is final.
public struct Anchor: Sendable, Equatable {
    /// The last place that it covers, 0: nothing yet.
    public private(set) var place: Int
    public private(set) var root: Digest

    public init(place: Int, root: Digest) {
        self.place = place
        self.root = root
    }

    public static let beginning = Anchor(place: 0, root: Digest(of: "reglament-anchor-v1"))

    mutating func take(_ event: PlacedEvent) {
        place = event.place
        root = Digest(of: "\(root.hex)\n\(event.place) \(event.ticket) \(event.seq) \(event.hash?.hex ?? "-")")
    }
}

/// The last event of a chain between two anchors, which vouches for all before it.
public struct ChainHead: Sendable, Equatable {
    public let ticket: String
    public let seq: Int
    /// The first 16 hexadecimal digits of its hash: the root covers all of it, this only says which chain was changed.
    public let hash: String

    public init(ticket: String, seq: Int, hash: String) {
        self.ticket = ticket
        self.seq = seq
        self.hash = hash
    }
}

/// An event where the feed has it; no hash: the event is gone.
struct PlacedEvent: Sendable {
    let place: Int
    let ticket: String
    let seq: Int
    let hash: Digest?
}

extension PostgresStore {
    /// So many places are held in memory at a time.
    private static let anchorPage = 10_000

    /// Goes on from an anchor to the present end of the feed. `taken` hears of each page: the anchor at its end, and the
    /// heads of the chains that have events on it, in the order of their tickets.
    public func anchor(
        from start: Anchor, taken: (Anchor, [ChainHead]) throws -> Void
    ) async throws -> Anchor {
        try await settleFeed()
        let end = try await feedEnd()
        return try await anchor(from: start, to: end, taken: taken)
    }

    fileprivate func anchor(
        from start: Anchor, to end: Int, taken: (Anchor, [ChainHead]) throws -> Void
    ) async throws -> Anchor {
        var anchor = start
        while anchor.place < end {
            let page = try await read(
                .staff, Statements.placedEvents, [.integer(anchor.place), .integer(end), .integer(Self.anchorPage)],
                slow: true)
            if page.isEmpty { break }
            var heads: [String: ChainHead] = [:]
            for event in page {
                anchor.take(event)
                let hash = String((event.hash?.hex ?? "-").prefix(16))
                heads[event.ticket] = ChainHead(ticket: event.ticket, seq: event.seq, hash: hash)
            }
            try taken(anchor, heads.values.sorted { $0.ticket < $1.ticket })
        }
        return anchor
    }

    /// Gives what is committed by now its place in the feed, or waits for whoever holds the sequencer's lock to do it.
    private func settleFeed() async throws {
        let newest = try await read(.staff, Statements.newestPending, []).first ?? 0
        for _ in 0..<100 {
            if try await read(.staff, Statements.isPending, [.integer(newest)]).first == false { return }
            try await sequenceOnce()
            try await loop.sleep(.milliseconds(50))
        }
        throw StoreError.unavailable("new events do not get into the feed")
    }
}

/// Holds the present history against one anchor after the other, in their order.
public struct AnchorCheck: Sendable {
    private let store: PostgresStore
    private var reached = Anchor.beginning
    private var named: Set<String> = []
    private var hasEnded = false

    public init(_ store: PostgresStore) { self.store = store }

    /// One sentence for each chain that is no longer what it was, and one when the order of all events is not. A chain is
    /// named once, by the first anchor that it breaks. `at`: when the anchor was made, for people.
    public mutating func breaks(_ anchor: Anchor, _ heads: [ChainHead], at: String) async throws -> [String] {
        var found: [String] = []
        let wrong = try await store.read(
            .staff, Statements.wrongHeads,
            [
                .texts(heads.map(\.ticket)), .integers(heads.map { Int64($0.seq) }), .texts(heads.map(\.hash)),
            ], slow: true)
        for head in wrong where named.insert(head.ticket).inserted {
            let fault = head.isGone ? "is gone" : "is another one"
            found.append("\(head.ticket): event \(head.seq), which the anchor of \(at) knows, \(fault)")
        }
        reached = try await store.anchor(from: reached, to: anchor.place) { _, _ in }
        if reached.place < anchor.place, !hasEnded {
            hasEnded = true
            found.append("feed: it ends at place \(reached.place), and the anchor of \(at) knows \(anchor.place)")
        } else if reached.place == anchor.place, reached.root != anchor.root {
            found.append("feed: up to place \(anchor.place) it is not what the anchor of \(at) knows")
            // What comes after it is held against what was true at the time.
            reached = anchor
        }
        return found
    }
}

struct WrongHead: Sendable {
    let ticket: String
    let seq: Int
    let isGone: Bool
}

extension Statements {
    /// $1 after, $2 the last place, $3 how many at most
    static let placedEvents = Statement<PlacedEvent>(
        "placed_events",
        """
        SELECT f.feed_seq, f.ticket, f.seq, e.hash
          FROM (SELECT feed_seq, ticket, seq FROM feed WHERE feed_seq > $1 AND feed_seq <= $2 ORDER BY feed_seq LIMIT $3) f
          LEFT JOIN events e ON e.ticket = f.ticket AND e.seq = f.seq
         ORDER BY f.feed_seq
        """
    ) { (row) throws(RowError) in
        PlacedEvent(
            place: try row.int(), ticket: try row.text(), seq: try row.int(),
            hash: try row.optionalBytes().flatMap { Digest(bytes: $0) })
    }

    /// $1 tickets, $2 numbers of their events, $3 what their hashes begin with
    static let wrongHeads = Statement<WrongHead>(
        "wrong_heads",
        """
        SELECT h.ticket, h.seq, e.hash IS NULL
          FROM unnest($1::text[], $2::integer[], $3::text[]) AS h (ticket, seq, hash)
          LEFT JOIN events e ON e.ticket = h.ticket AND e.seq = h.seq
         WHERE e.hash IS NULL OR left(encode(e.hash, 'hex'), 16) <> h.hash
        """
    ) { (row) throws(RowError) in WrongHead(ticket: try row.text(), seq: try row.int(), isGone: try row.bool()) }

    static let newestPending = Statement<Int>("newest_pending", "SELECT coalesce(max(id), 0) FROM feed_pending") {
        (row) throws(RowError) in try row.int()
    }

    /// $1 the newest of those that were looked at
    static let isPending = Statement<Bool>("is_pending", "SELECT EXISTS (SELECT FROM feed_pending WHERE id <= $1)") {
        (row) throws(RowError) in try row.bool()
    }
}
