import Postgres
public import Regulations
public import Tickets

extension PostgresStore {
    /// `$1` and `$2` of the statements that read tickets.
    static func viewer(_ access: Access, _ now: Instant) -> [Parameter] {
        if case .customer = access.scope { return [.id(access.user), .instant(now)] }
        return [nil, .instant(now)]
    }

    public func ticket(
        _ id: TicketID, at now: Instant, _ access: Access
    ) async throws(StoreError) -> TicketRecord? {
        let record =
            access.key == nil
            ? try await ticketReads.ticket(id, at: now, access)
            : try await read(access, Statements.ticket, Self.viewer(access, now) + [.text(id.description)]).first
        return seen(record, access)
    }

    public func ticket(
        _ id: TicketID, at now: Instant, _ access: Access, finish: @escaping (Result<TicketRecord?, StoreError>) -> Void
    ) {
        ticketReads.ticket(id, at: now, access) { [self] in finish($0.map { seen($0, access) }) }
    }

    private func seen(_ record: TicketRecord?, _ access: Access) -> TicketRecord? {
        record.flatMap { sees(access, $0.ticket.organization) ? $0 : nil }
    }

    public func changeGround(
        _ id: TicketID, at now: Instant, _ access: Access
    ) async throws(StoreError) -> ChangeGround? {
        let ground = try await read(access, Statements.changeGround, Self.viewer(access, now) + [.text(id.description)])
            .first
        return ground.flatMap { sees(access, $0.record.ticket.organization) ? $0 : nil }
    }

    public func otherTicket(_ id: TicketID, _ access: Access) async throws(StoreError) -> OtherTicket? {
        let other = try await read(access, Statements.otherTicket, [.text(id.description)]).first
        return other.flatMap { sees(access, $0.organization) ? $0 : nil }
    }

    public func registrationGround(
        _ draft: Draft, prefix: String, day: CalendarDate, _ access: Access
    ) async throws(StoreError) -> RegistrationGround {
        let parameters: [Parameter] = [
            .text(draft.organization), .id(draft.reporter), .text(draft.product), .date(day.iso),
            .optional(draft.follows?.description), .optional(draft.partOf?.description), .text(prefix),
        ]
        guard var ground = try await read(access, Statements.registrationGround, parameters).first else {
            throw .unexpected("the ground of a registration is always one row")
        }
        if let follows = ground.follows, !sees(access, follows.organization) { ground.follows = nil }
        if let whole = ground.partOf, !sees(access, whole.organization) { ground.partOf = nil }
        return ground
    }

    /// The application's own look at what row-level security says independently.
    func sees(_ access: Access, _ organization: String) -> Bool {
        switch access.scope {
        case .staff: true
        case .customer(let own): own == organization
        }
    }

    public func users(_ ids: [UserID]) async throws(StoreError) -> [User] {
        try await read(.staff, Statements.usersByID, [.texts(ids.map(\.text))])
    }

    public func write(_ change: Change, answer: KeptAnswer, _ access: Access) async throws(StoreError) {
        try await write(change, answer: answer, extras: WriteExtras(itemOf: access.item), access)
    }

    public func write(
        _ change: Change, thenParts solving: Solving, waits: Bool, answer: KeptAnswer, _ access: Access
    ) async throws(StoreError) {
        let followUp = NewFollowUp(id: .make(), kind: waits ? .planParts : .solveParts, solving: solving)
        let extras = WriteExtras(beginsFollowUp: followUp, itemOf: access.item)
        try await write(change, answer: answer, extras: extras, access)
        try await finishFollowUp(followUp.id)
    }

    func write(
        _ change: Change, answer: KeptAnswer?, extras: WriteExtras, _ access: Access
    ) async throws(StoreError) {
        let write = WriteStatement.of(change, access.scope)
        let key = KeySQL.parameters(access.key, answer: answer, at: now())
        // Whether a ticket is a part or a whole stands in other rows than the one that is guarded.
        var lock: String?
        switch change.condition {
        case .whole: lock = "reglament parts \(change.ticket.organization)"
        // Two files on two tickets must not both take the organization's last room.
        case .room(let quota) where quota.perOrganizationBytes != nil:
            lock = "reglament attachments \(change.ticket.organization)"
        default: break
        }
        let parameters = write.parameters(change, key: key, extras: extras)
        try await self.write(write.statement, parameters, lock: lock, isShort: change.attachment == nil, access)
    }

    public func comments(
        _ id: TicketID, _ page: PageRequest, _ access: Access
    ) async throws(StoreError) -> Page<Comment>? {
        let after = page.after?.first.flatMap { Int($0) } ?? 0
        let rows = try await readOf(
            id, access, Statements.comments,
            [.text(id.description), .integer(after), .integer(page.limit + 1), .bool(access.scope == .staff)])
        return rows.map { page.cut($0) { ["\($0.seq)"] }.map(\.comment) }
    }

    public func events(
        _ id: TicketID, _ page: PageRequest, _ access: Access
    ) async throws(StoreError) -> Page<EventRecord>? {
        let after = page.after?.first.flatMap { Int($0) } ?? 0
        let rows = try await readOf(
            id, access, Statements.events,
            [.text(id.description), .integer(after), .integer(page.limit + 1), .bool(access.scope == .staff)])
        return rows.map { page.cut($0) { ["\($0.event.seq)"] } }
    }

    /// What belongs to a ticket, in one round trip with a look at the ticket itself: an empty page is no proof that there is
    /// one. Nil: none that this caller may see.
    func readOf<Row: Sendable>(
        _ id: TicketID, _ access: Access, _ statement: Statement<Row>, _ parameters: [Parameter]
    ) async throws(StoreError) -> [Row]? {
        var pipeline = Pipeline()
        if access.scope == .staff {
            pipeline.append(Context.plannedOnce)
        } else {
            pipeline.append(Context.readPlannedOnce, Self.whom(access))
        }
        let organizations = pipeline.append(Statements.organizationOfTicket, [.text(id.description)])
        let rows = pipeline.append(statement, parameters)
        do { try await lanes(access).slow.run(pipeline) } catch { throw StoreError(error) }
        guard let organization = organizations.rows.first, sees(access, organization) else { return nil }
        return rows.rows
    }

    public func explanationGround(
        _ id: TicketID, at now: Instant, _ access: Access
    ) async throws(StoreError) -> ExplanationGround? {
        let parameters = Self.viewer(access, now) + [.text(id.description)]
        let ground = try await read(access, Statements.explanationGround, parameters).first
        return ground.flatMap { sees(access, $0.record.ticket.organization) ? $0 : nil }
    }
}

extension PageRequest {
    /// A page out of one row more than was asked for.
    func cut<Item: Sendable>(_ rows: [Item], keys: (Item) -> [String]) -> Page<Item> {
        guard rows.count > limit else { return Page(items: rows, next: nil) }
        let items = Array(rows.prefix(limit))
        return Page(items: items, next: items.last.map(keys))
    }
}

struct CommentRow: Sendable {
    let seq: Int
    let comment: Comment
}

extension Statements {
    /// $1 ticket, $2 after, $3 limit, $4 whether internal ones too
    static let comments = Statement<CommentRow>(
        "comments",
        """
        SELECT c.seq, c.id, c.ticket, c.body, c.internal, c.author,
               (SELECT p.name FROM people p WHERE p.id = c.author), c.author_role, c.at, c.salt
          FROM comments c
         WHERE c.ticket = $1 AND c.seq > $2::bigint AND ($4 OR NOT c.internal)
         ORDER BY c.seq
         LIMIT $3
        """
    ) { (row) throws(RowError) in
        CommentRow(
            seq: try row.int(),
            comment: Comment(
                id: try row.id(), ticket: try row.parsed { TicketID($0) }, body: try row.text(),
                isInternal: try row.bool(), author: try row.actor(), at: try row.instant(), salt: try row.optionalText()
            ))
    }
}

extension Statements {
    /// What an `EventRecord` is read from; `e` is the event. Names are looked up one by one: joined, they were got by reading
    /// all people, half of what a page of history took with three thousand of them.
    static let eventValues = """
        e.ticket, e.seq, e.at, e.actor, (SELECT p.name FROM people p WHERE p.id = e.actor), e.actor_role, e.action, e.clause, e.from_state, e.to_state, e.comment_id,
               e.digests, e.hash, e.changes, e.salts, e.text_digest, c.salt,
               CASE WHEN e.seq = 1 THEN (SELECT t.description_salt FROM tickets t WHERE t.id = e.ticket) END
        """
    /// By the event's own key: a ticket's comments lie together there, and far apart by their random identifiers.
    static let eventJoins = "LEFT JOIN comments c ON c.ticket = e.ticket AND c.seq = e.seq"

    /// An `EventRecord` of each event, but for the condition.
    static let eventColumns = """
        SELECT \(eventValues)
          FROM events e
          \(eventJoins)
        """

    /// $1 ticket, $2 after, $3 limit, $4 whether internal ones too
    static let events = Statement<EventRecord>(
        "events",
        """
        \(eventColumns)
         WHERE e.ticket = $1 AND e.seq > $2::bigint AND ($4 OR NOT e.internal)
         ORDER BY e.seq
         LIMIT $3
        """
    ) { (row) throws(RowError) in try row.eventRecord() }
}

extension ResultRow {
    /// An identifier, a name and a role; without an identifier the job or the calendar.
    mutating func actor() throws(RowError) -> Actor {
        let id: UserID? = try optionalID()
        let name = try optionalText()
        let role = try parsed { Role(rawValue: $0) }
        return Actor(id: id, name: name ?? (id == nil ? "" : User.unseenName), role: role)
    }

    mutating func eventRecord() throws(RowError) -> EventRecord {
        let ticket = try parsed { TicketID($0) }
        let seq = try int()
        let at = try instant()
        var actor = try actor()
        let action = try parsed { Action(rawValue: $0) }
        if actor.id == nil { actor = action == .autoClose ? .autoClose : .calendar }
        let clause = try optionalText()
        let from = try optionalParsed { State(rawValue: $0) }
        let to = try optionalParsed { State(rawValue: $0) }
        let comment: CommentID? = try optionalID()
        var digests: [ValueDigest] = []
        try forEachText { text in
            if let digest = ValueDigest(stored: text) { digests.append(digest) }
        }
        let hash = try digest()
        let changes = StoredChanges.read(try optionalText(), salts: try optionalBytes())
        if let text = try optionalDigest() {
            digests.append(ValueDigest(name: comment == nil ? "description" : "comment", digest: text))
        }
        StoredChanges.addDigests(of: changes, to: &digests)
        let event = Event(
            ticket: ticket, seq: seq, at: at, actor: actor, action: action, clause: clause, from: from, to: to,
            changes: changes, comment: comment, digests: digests, hash: hash)
        return EventRecord(event: event, commentSalt: try optionalText(), descriptionSalt: try optionalText())
    }
}
