public import Regulations

/// What a batch does to each of its tickets. Raw values live in the database and in the API: never rename one.
public enum BatchAction: String, CaseIterable, Sendable {
    case assign
    case requestInformation = "request_information"
    case solve, merge
    case setPriority = "set_priority"
}

/// One call on many tickets, as it was accepted: each is then done by itself, as if it had been called alone.
public struct Batch: Sendable, Equatable {
    public static let ticketsMax = 500

    public var id: FollowUpID
    public var actor: User
    public var action: BatchAction
    /// The body of each single call, as JSON.
    public var body: [UInt8]
    /// In which problems are told.
    public var language: Language
    /// The UUID of the request, which problems name.
    public var instance: String
    public var at: Instant
    /// Distinct, as they were given; not each must be a registration number.
    public var tickets: [String]

    public init(
        id: FollowUpID, actor: User, action: BatchAction, body: [UInt8], language: Language, instance: String,
        at: Instant, tickets: [String]
    ) {
        self.id = id
        self.actor = actor
        self.action = action
        self.body = body
        self.language = language
        self.instance = instance
        self.at = at
        self.tickets = tickets
    }
}

/// What became of one ticket of a batch.
public struct BatchResult: Sendable, Equatable {
    public var ticket: String
    /// What the single call would have answered.
    public var status: Int
    /// The problem's JSON; nil below 400.
    public var problem: [UInt8]?

    public init(ticket: String, status: Int, problem: [UInt8]?) {
        self.ticket = ticket
        self.status = status
        self.problem = problem
    }
}

public protocol BatchStoring: Sendable {
    /// Keeps the list, under the caller's key if there is one, and does nothing yet.
    func accept(_ batch: Batch, _ access: Access) async throws(StoreError)
    /// Nil: finished.
    func unfinishedBatch(_ id: FollowUpID) async throws(StoreError) -> Batch?
    /// What is done, in the order given. A write whose `Access` names the list is noted with its effect.
    func results(of batch: FollowUpID) async throws(StoreError) -> [BatchResult]
    /// Notes what had no effect; nothing when the ticket's result is there already.
    func keep(_ result: BatchResult, of batch: FollowUpID) async throws(StoreError)
    /// Ends what still follows from its tickets, then the list itself.
    func finish(_ batch: FollowUpID) async throws(StoreError)
    /// What a killed process left; `seconds` leaves those alone that have just begun; two at one list do no harm.
    func abandonedBatches(olderThan seconds: Int) async throws(StoreError) -> [FollowUpID]
}
