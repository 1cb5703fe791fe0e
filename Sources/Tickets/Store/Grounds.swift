public import Regulations

/// All that a step on a ticket is decided on, read at once.
public struct ChangeGround: Sendable {
    public var record: TicketRecord
    /// The contract in force on the day of the step, else the one of the registration.
    public var contract: ContractTerms

    public init(record: TicketRecord, contract: ContractTerms) {
        self.record = record
        self.contract = contract
    }
}

/// Another ticket that a request names, as far as the rules look at it.
public struct OtherTicket: Sendable, Equatable {
    public var id: TicketID
    public var product: String
    public var organization: String
    public var state: State
    public var blocking: Bool
    /// Whether it is itself a part of a whole.
    public var isPart: Bool
    /// Whether it has parts.
    public var isWhole: Bool
    /// Links that lead to it, or `Linking.max` when there are more.
    public var links: Int

    public init(
        id: TicketID, product: String, organization: String, state: State, blocking: Bool, isPart: Bool, isWhole: Bool,
        links: Int
    ) {
        self.id = id
        self.product = product
        self.organization = organization
        self.state = state
        self.blocking = blocking
        self.isPart = isPart
        self.isWhole = isWhole
        self.links = links
    }
}

/// All that a registration is decided on, read at once.
public struct RegistrationGround: Sendable {
    public var organizationExists: Bool
    /// Nil: no such user.
    public var reporter: User?
    /// Nil: none in force on the day.
    public var contract: ContractTerms?
    public var follows: OtherTicket?
    public var partOf: OtherTicket?
    /// The product's next number, taken for this request alone.
    public var number: Int64

    public init(
        organizationExists: Bool, reporter: User?, contract: ContractTerms?, follows: OtherTicket?,
        partOf: OtherTicket?, number: Int64
    ) {
        self.organizationExists = organizationExists
        self.reporter = reporter
        self.contract = contract
        self.follows = follows
        self.partOf = partOf
        self.number = number
    }
}

/// Since when a ticket is in its state and which clause put it there.
public struct StateOrigin: Sendable, Equatable {
    public var since: Instant
    public var clause: String?

    public init(since: Instant, clause: String?) {
        self.since = since
        self.clause = clause
    }
}

/// All that is said when a ticket is explained, read at once.
public struct ExplanationGround: Sendable {
    public var record: TicketRecord
    public var origin: StateOrigin

    public init(record: TicketRecord, origin: StateOrigin) {
        self.record = record
        self.origin = origin
    }
}

/// An event as a reader sees it: erased values are nil, the comment's salt comes along.
public struct EventRecord: Sendable, Equatable {
    public var event: Event
    /// Salts the digest called `comment`; nil: no comment, or erased.
    public var commentSalt: String?
    /// Salts the digest called `description`; nil: not the first event, or erased.
    public var descriptionSalt: String?

    public init(event: Event, commentSalt: String?, descriptionSalt: String?) {
        self.event = event
        self.commentSalt = commentSalt
        self.descriptionSalt = descriptionSalt
    }
}
