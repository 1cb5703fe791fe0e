public import Digests
public import Regulations

/// Where tickets are kept: what the API, the job and the commands ask of PostgreSQL. One per event loop.
///
/// With a key in `Access`, every call that reads for a change throws `.replay…`, `.keyReused` or `.keyInProgress`
/// first; every write stores the answer under the key in the same transaction as its effect.
public protocol Store: TicketStoring, AttachmentStoring, PeopleStoring, ContractStoring, BatchStoring, JobStoring,
    FeedStoring
{
    /// Throws unless the database answers and has every migration.
    func checkReadiness() async throws(StoreError)
    /// Whether a list would be refused as `overloaded` at once.
    func isTurningListsAway(_ access: Access) -> Bool
    /// Whose token it is; nil: unknown, revoked, or its user deactivated. Expiry is the caller's to check.
    func caller(token: Digest) async throws(StoreError) -> Caller?
    /// What `caller` would say without asking the database; nil: it would ask.
    func remembered(_ token: Digest) -> Caller??
    /// Throws a replay when the key was used; returns when it is free.
    func lookUp(_ access: Access) async throws(StoreError)
    /// Keeps a refusal under the key.
    func keep(_ answer: KeptAnswer, _ access: Access) async throws(StoreError)
}

public protocol TicketStoring: Sendable {
    /// Nil: there is none that this caller may see. `now` decides which contract says who may confirm.
    func ticket(_ id: TicketID, at now: Instant, _ access: Access) async throws(StoreError) -> TicketRecord?
    /// The same for who has no key and takes no task: `finish` is called once, later, on the loop.
    func ticket(
        _ id: TicketID, at now: Instant, _ access: Access, finish: @escaping (Result<TicketRecord?, StoreError>) -> Void
    )
    func changeGround(_ id: TicketID, at now: Instant, _ access: Access) async throws(StoreError) -> ChangeGround?
    /// `day` is today in the policy's time zone.
    func registrationGround(
        _ draft: Draft, prefix: String, day: CalendarDate, _ access: Access
    ) async throws(StoreError) -> RegistrationGround
    /// Another ticket that a merge or a link names; nil: none that this caller may see.
    func otherTicket(_ id: TicketID, _ access: Access) async throws(StoreError) -> OtherTicket?
    /// The users with these identifiers, in no particular order.
    func users(_ ids: [UserID]) async throws(StoreError) -> [User]
    /// Writes a change and the answer that reports it. Throws `.faster` when the ticket, or what the
    /// change depends on, has moved on.
    func write(_ change: Change, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    /// Writes a solution of a whole, then does the same to its open parts, each in its own transaction.
    func write(
        _ change: Change, thenParts solving: Solving, waits: Bool, answer: KeptAnswer, _ access: Access
    ) async throws(StoreError)
    func tickets(_ query: TicketQuery, _ access: Access) async throws(StoreError) -> Page<TicketRecord>
    /// Oldest first, as all that belongs to a ticket. Nil: there is no such ticket that this caller may see.
    func comments(_ id: TicketID, _ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Comment>?
    func events(_ id: TicketID, _ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<EventRecord>?
    /// Nil: there is none that this caller may see.
    func explanationGround(
        _ id: TicketID, at now: Instant, _ access: Access
    ) async throws(StoreError) -> ExplanationGround?
    func queueSummary(at now: Instant) async throws(StoreError) -> QueueSummary
}

public protocol PeopleStoring: Sendable {
    func organizations(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Organization>
    func organization(_ code: String, _ access: Access) async throws(StoreError) -> Organization?
    /// Throws `.violates("organizations_pkey")` when the code is taken.
    func create(_ organization: Organization, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    /// Throws `.faster` when it is no longer what it was before; so do the other updates.
    func update(_ organization: Organization, from before: Organization, _ access: Access) async throws(StoreError)

    func users(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<User>
    func user(_ id: UserID, _ access: Access) async throws(StoreError) -> User?
    /// Throws `.violates("users_email_key")` or `.violates("users_organization_fkey")`.
    func create(_ user: User, at now: Instant, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    func update(_ user: User, from before: User, _ access: Access) async throws(StoreError)

    func tokens(of user: UserID, _ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Token>
    /// `hash` is the SHA-256 of the secret; the kept answer has no secret in it.
    func create(_ token: Token, hash: Digest, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    /// False: the user has no such token. In effect here when it returns, elsewhere within a second.
    func revoke(_ token: TokenID, of user: UserID, at now: Instant, _ access: Access) async throws(StoreError) -> Bool
}

public protocol ContractStoring: Sendable {
    func contracts(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Contract>
    func contract(_ id: ContractID, _ access: Access) async throws(StoreError) -> Contract?
    /// Throws `.violates("contracts_overlap")` or `.violates("contracts_organization_fkey")`.
    func create(_ contract: Contract, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    func update(_ contract: Contract, from before: Contract, _ access: Access) async throws(StoreError)

    func releases(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Release>
    func release(_ product: String, _ version: String, _ access: Access) async throws(StoreError) -> Release?
    /// Throws `.violates("releases_pkey")` when it exists.
    func create(_ release: Release, by user: UserID, answer: KeptAnswer, _ access: Access) async throws(StoreError)
    /// Publishes and solves every ticket that waits for it, each in its own transaction. Nil: it was published before.
    func publish(
        _ release: Release, by actor: User, at now: Instant, _ access: Access
    ) async throws(StoreError) -> Publication?
}

public protocol JobStoring: Sendable {
    /// Runs the nightly job to its end; `progress` hears how many are closed of how many.
    func runAutoClose(
        _ request: JobRequest, by user: UserID?, at now: Instant, _ access: Access,
        progress: @escaping @Sendable (_ closed: Int, _ due: Int) -> Void
    ) async throws(StoreError) -> JobOutcome
    /// Newest first.
    func runs(_ page: PageRequest) async throws(StoreError) -> Page<JobRun>
}
