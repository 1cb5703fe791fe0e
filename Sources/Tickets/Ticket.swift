public import Digests
public import Regulations

/// Where a ticket can be. Raw values live in the database and in the API: never rename one.
public enum State: String, CaseIterable, Sendable {
    case registered, assigned
    case awaitingInformation = "awaiting_information"
    case solved = "solved_awaiting_confirmation"
    case closed

    public var isOpen: Bool { self != .closed }

    /// Its place among all.
    var index: Int {
        switch self {
        case .registered: 0
        case .assigned: 1
        case .awaitingInformation: 2
        case .solved: 3
        case .closed: 4
        }
    }
}

/// Why a ticket is closed.
public enum CloseReason: String, CaseIterable, Sendable {
    case confirmed
    case noResponse = "no_response"
    case withdrawn, duplicate
}

/// From the most urgent to the least.
public enum Priority: String, CaseIterable, Sendable, Comparable {
    case critical, high, normal, low

    /// 0 is the most urgent.
    public var rank: Int {
        switch self {
        case .critical: 0
        case .high: 1
        case .normal: 2
        case .low: 3
        }
    }

    public static func < (left: Priority, right: Priority) -> Bool { left.rank < right.rank }
}

/// How a fault was fixed (R16).
public enum SolutionType: String, CaseIterable, Sendable {
    case individualWork = "individual_work"
    case massUpdate = "mass_update"
}

/// What was given to the customer, or will be when its release is published.
public struct Solution: Sendable, Equatable {
    public var comment: String
    public var type: SolutionType
    public var release: String?
    public var by: UserID
    public var at: Instant

    public init(comment: String, type: SolutionType, release: String?, by: UserID, at: Instant) {
        self.comment = comment
        self.type = type
        self.release = release
        self.by = by
        self.at = at
    }
}

/// When the regulation closes a ticket that nobody answers, and how that was counted.
public struct AutoClose: Sendable, Equatable {
    /// How many working days the customer has.
    public var workingDays: Int
    /// Nil: the calendar does not reach that far yet.
    public var at: Instant?
    public var calendar: String
    public var calendarVersion: String
    /// The counted days, first to last.
    public var days: [CalendarDate]

    public init(workingDays: Int, at: Instant?, calendar: String, calendarVersion: String, days: [CalendarDate]) {
        self.workingDays = workingDays
        self.at = at
        self.calendar = calendar
        self.calendarVersion = calendarVersion
        self.days = days
    }
}

/// How two tickets belong together. Raw values live in the database and in the API.
public enum LinkType: String, CaseIterable, Sendable {
    case follows
    case duplicateOf = "duplicate_of"
    case partOf = "part_of"

    /// What the other end shows.
    public var inverse: String {
        switch self {
        case .follows: "followed_by"
        case .duplicateOf: "duplicated_by"
        case .partOf: "has_part"
        }
    }
}

/// One end's view of a link.
public struct Link: Sendable, Equatable {
    public var type: LinkType
    public var ticket: TicketID
    /// True: seen from the end that the link points at (`has_part`).
    public var isInverse: Bool

    public init(type: LinkType, ticket: TicketID, isInverse: Bool = false) {
        self.type = type
        self.ticket = ticket
        self.isInverse = isInverse
    }

    public var name: String { isInverse ? type.inverse : type.rawValue }
}

/// A request for support. A value: changing it changes nothing until a store writes the `Change` that says so.
public struct Ticket: Sendable, Equatable {
    public var id: TicketID
    public var product: String
    public var policyVersion: Int
    public var organization: String
    /// The contract in force when the ticket was registered.
    public var contract: ContractID
    /// The plan of that contract on that day; nil: no times are promised.
    public var plan: String?
    public var kind: String
    public var subject: String
    public var description: String
    /// Salts the digest of the description in the register event; nil: erased.
    public var descriptionSalt: String?
    public var details: [String: String]
    public var blocking: Bool
    public var priority: Priority
    public var state: State
    public var closeReason: CloseReason?
    public var channel: String
    public var reporter: UserID
    public var registeredBy: UserID
    public var assignees: [UserID]
    public var solution: Solution?
    public var tags: [String]
    public var registeredAt: Instant
    public var assignedAt: Instant?
    public var firstResponseAt: Instant?
    public var solvedAt: Instant?
    public var closedAt: Instant?
    public var firstResponseDueAt: Instant?
    public var solutionDueAt: Instant?
    public var autoClose: AutoClose?
    /// When the solution clock stood still; the last one may be open.
    public var pauses: [Pause]
    public var disputeCount: Int
    /// What clients see of changes; rises by one with each public change.
    public var version: Int
    public var updatedAt: Instant
    /// The number and the hash of the last event, internal ones included.
    public var eventSeq: Int
    public var eventHash: Digest

    public init(
        id: TicketID, product: String, policyVersion: Int, organization: String, contract: ContractID, plan: String?,
        kind: String, subject: String, description: String, descriptionSalt: String?, details: [String: String],
        blocking: Bool, priority: Priority, state: State, closeReason: CloseReason?, channel: String,
        reporter: UserID, registeredBy: UserID, assignees: [UserID], solution: Solution?, tags: [String],
        registeredAt: Instant, assignedAt: Instant?, firstResponseAt: Instant?, solvedAt: Instant?,
        closedAt: Instant?, firstResponseDueAt: Instant?, solutionDueAt: Instant?, autoClose: AutoClose?,
        pauses: [Pause], disputeCount: Int, version: Int, updatedAt: Instant, eventSeq: Int, eventHash: Digest
    ) {
        self.id = id
        self.product = product
        self.policyVersion = policyVersion
        self.organization = organization
        self.contract = contract
        self.plan = plan
        self.kind = kind
        self.subject = subject
        self.description = description
        self.descriptionSalt = descriptionSalt
        self.details = details
        self.blocking = blocking
        self.priority = priority
        self.state = state
        self.closeReason = closeReason
        self.channel = channel
        self.reporter = reporter
        self.registeredBy = registeredBy
        self.assignees = assignees
        self.solution = solution
        self.tags = tags
        self.registeredAt = registeredAt
        self.assignedAt = assignedAt
        self.firstResponseAt = firstResponseAt
        self.solvedAt = solvedAt
        self.closedAt = closedAt
        self.firstResponseDueAt = firstResponseDueAt
        self.solutionDueAt = solutionDueAt
        self.autoClose = autoClose
        self.pauses = pauses
        self.disputeCount = disputeCount
        self.version = version
        self.updatedAt = updatedAt
        self.eventSeq = eventSeq
        self.eventHash = eventHash
    }

    /// A solution that waits for its release is on a ticket that is not solved.
    public var isWaitingForRelease: Bool { solution != nil && solvedAt == nil }

    /// The nearest time that is promised and still owed; nil: none.
    public var dueAt: Instant? {
        guard state.isOpen else { return nil }
        let response = firstResponseAt == nil ? firstResponseDueAt : nil
        let solution = state == .solved ? nil : solutionDueAt
        switch (response, solution) {
        case (let response?, let solution?): return min(response, solution)
        case (let response, let solution): return response ?? solution
        }
    }
}

/// A ticket with what a reader needs beside it. A class, because it goes through many hands as it is: copies of all
/// that is in it took an eighth of what a list costs.
public final class TicketRecord: Sendable, Equatable {
    public let ticket: Ticket
    /// The names of everybody the ticket mentions.
    public let people: Names
    public let links: [Link]
    /// Whether this caller is among those who may confirm, whatever the state.
    public let mayConfirm: Bool

    public init(ticket: Ticket, people: Names, links: [Link], mayConfirm: Bool) {
        self.ticket = ticket
        self.people = people
        self.links = links
        self.mayConfirm = mayConfirm
    }

    public static func == (left: TicketRecord, right: TicketRecord) -> Bool {
        left.ticket == right.ticket && left.people == right.people && left.links == right.links
            && left.mayConfirm == right.mayConfirm
    }
}

/// The names of a few people: looked through sooner than hashed.
public struct Names: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    private var people: [(id: UserID, name: String)] = []

    public init(dictionaryLiteral elements: (UserID, String)...) {
        for (id, name) in elements { self[id] = name }
    }

    /// Nil: nobody of that identifier is here.
    public subscript(id: UserID) -> String? {
        get { people.first { $0.id == id }?.name }
        set {
            people.removeAll { $0.id == id }
            if let newValue { people.append((id, newValue)) }
        }
    }

    public static func == (left: Names, right: Names) -> Bool {
        left.people.count == right.people.count && left.people.allSatisfy { right[$0.id] == $0.name }
    }
}

/// Something said on a ticket.
public struct Comment: Sendable, Equatable {
    public var id: CommentID
    public var ticket: TicketID
    public var body: String
    /// True: for employees alone.
    public var isInternal: Bool
    public var author: Actor
    public var at: Instant
    /// Salts the digest of the body in the event; nil: erased.
    public var salt: String?

    public init(
        id: CommentID, ticket: TicketID, body: String, isInternal: Bool, author: Actor, at: Instant, salt: String?
    ) {
        self.id = id
        self.ticket = ticket
        self.body = body
        self.isInternal = isInternal
        self.author = author
        self.at = at
        self.salt = salt
    }
}
