public import Digests
public import Regulations

/// An event at its place in the installation's one order.
public struct FeedRecord: Sendable, Equatable {
    /// From 1, without gaps.
    public var feedSeq: Int
    public var record: EventRecord
    /// Whose ticket it is.
    public var organization: String

    public init(feedSeq: Int, record: EventRecord, organization: String) {
        self.feedSeq = feedSeq
        self.record = record
        self.organization = organization
    }
}

/// How far the sequencer is behind those who write.
public struct FeedLag: Sendable, Equatable {
    /// Events that are committed and not yet in the feed; counting ends at 10,000.
    public var pending: Int
    /// When the one that has waited longest happened, by the service's clock; nil: none waits.
    public var oldest: Instant?

    public init(pending: Int, oldest: Instant?) {
        self.pending = pending
        self.oldest = oldest
    }
}

/// What makes whoever streams events look again.
public enum Pulse: Sendable {
    /// The feed has grown, or may have while nobody was heard.
    case feed
    /// A token or a user has changed, or may have while nobody was heard.
    case people
    /// A second has passed.
    case second
}

public protocol FeedStoring: Sendable {
    /// Up to `limit` events behind a place, in their order. For those who may see everything.
    func feed(after: Int, limit: Int) async throws(StoreError) -> [FeedRecord]
    /// The last place that is taken; 0: none is.
    func feedEnd() async throws(StoreError) -> Int
    func feedLag() async throws(StoreError) -> FeedLag
    /// Whose these tokens are, straight from the database; those that are nobody's any more are left out.
    func callers(tokens: [Digest]) async throws(StoreError) -> [Digest: Caller]
    /// Whether changes of tokens and users are heard of at this moment.
    var hearsOfPeople: Bool { get }
    /// Calls `hear` on the loop at every pulse from now on, until the store is closed; the latest call counts.
    func startPulses(_ hear: @escaping @Sendable (Pulse) async -> Void)
}
