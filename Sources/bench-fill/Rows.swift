import Digests
import JSONText
import Regulations
import Tickets

/// What a life of tickets puts into each table.
struct Rows: Sendable {
    var tickets = CopyRows()
    var links = CopyRows()
    var comments = CopyRows()
    var events = CopyRows()
    /// In no order; the feed is written by time.
    var feed: [FeedEntry] = []

    static let ticketColumns = """
        id, product, number, policy_version, organization, contract, plan, kind, subject, description, description_salt,
        details, blocking, priority, state, close_reason, channel, reporter, registered_by, assignees, solution_comment,
        solution_type, solution_release, solution_by, solution_at, tags, registered_at, assigned_at, first_response_at,
        solved_at, closed_at, first_response_due_at, solution_due_at, due_at, auto_close_working_days, auto_close_at,
        auto_close_calendar, auto_close_calendar_version, auto_close_days, pauses, dispute_count, version, updated_at,
        event_seq, event_hash
        """
    static let linkColumns = "ticket, type, other, organization"
    static let commentColumns = "id, ticket, seq, organization, body, salt, internal, author, author_role, at"
    static let eventColumns = """
        ticket, seq, organization, internal, at, actor, actor_role, action, clause, from_state, to_state, comment_id,
        hash, changes, salts, text_digest
        """

    /// Each table once, in the order of its columns above.
    mutating func add(_ changes: [Change], product: Int) {
        guard let ticket = changes.last?.ticket else { return }
        add(ticket)
        let id = ticket.id.description
        for change in changes {
            let event = change.event
            feed.append(FeedEntry(at: event.at.milliseconds, product: product, ticket: ticket.id, seq: event.seq))
            add(event, id, ticket.organization)
            if let comment = change.comment { add(comment, id, event.seq, ticket.organization) }
            for link in change.linked {
                links.begin(columns: 4)
                links.text(id)
                links.text(link.type.rawValue)
                links.text(link.ticket.description)
                links.text(ticket.organization)
            }
        }
    }

    private mutating func add(_ event: Event, _ ticket: String, _ organization: String) {
        events.begin(columns: 16)
        events.text(ticket)
        events.integer(event.seq)
        events.text(organization)
        events.bool(event.isInternal)
        events.timestamp(event.at.microseconds)
        events.text(event.actor.id?.text)
        events.text(event.actor.role.rawValue)
        events.text(event.action.rawValue)
        events.text(event.clause)
        events.text(event.from?.rawValue)
        events.text(event.to?.rawValue)
        events.text(event.comment?.text)
        events.bytea(event.hash.bytes)
        let isChanged = !event.changes.isEmpty
        events.text(isChanged ? event.changes.map { "\($0.field)\t\($0.from)\t\($0.to)" }.joined(separator: "\n") : nil)
        events.bytea(isChanged ? event.changes.flatMap { $0.salt.withBytes { Array($0) } } : nil)
        events.bytea(event.textDigest?.bytes)
    }

    private mutating func add(_ comment: Comment, _ ticket: String, _ seq: Int, _ organization: String) {
        comments.begin(columns: 10)
        comments.text(comment.id.text)
        comments.text(ticket)
        comments.integer(seq)
        comments.text(organization)
        comments.text(comment.body)
        comments.text(comment.salt)
        comments.bool(comment.isInternal)
        comments.text(comment.author.id?.text)
        comments.text(comment.author.role.rawValue)
        comments.timestamp(comment.at.microseconds)
    }

    private mutating func add(_ ticket: Ticket) {
        var details = JSONWriter(capacity: 128)
        FieldValue.record(ticket.details).write(to: &details)
        tickets.begin(columns: 45)
        tickets.text(ticket.id.description)
        tickets.text(ticket.product)
        tickets.bigint(ticket.id.number)
        tickets.integer(ticket.policyVersion)
        tickets.text(ticket.organization)
        tickets.text(ticket.contract.text)
        tickets.text(ticket.plan)
        tickets.text(ticket.kind)
        tickets.text(ticket.subject)
        tickets.text(ticket.description)
        tickets.text(ticket.descriptionSalt)
        tickets.jsonb(details.bytes)
        tickets.bool(ticket.blocking)
        tickets.text(ticket.priority.rawValue)
        tickets.text(ticket.state.rawValue)
        tickets.text(ticket.closeReason?.rawValue)
        tickets.text(ticket.channel)
        tickets.text(ticket.reporter.text)
        tickets.text(ticket.registeredBy.text)
        tickets.texts(ticket.assignees.map(\.text))
        tickets.text(ticket.solution?.comment)
        tickets.text(ticket.solution?.type.rawValue)
        tickets.text(ticket.solution?.release)
        tickets.text(ticket.solution?.by.text)
        tickets.timestamp(ticket.solution?.at.microseconds)
        tickets.texts(ticket.tags)
        tickets.timestamp(ticket.registeredAt.microseconds)
        for instant in [
            ticket.assignedAt, ticket.firstResponseAt, ticket.solvedAt, ticket.closedAt, ticket.firstResponseDueAt,
            ticket.solutionDueAt, ticket.dueAt,
        ] { tickets.timestamp(instant?.microseconds) }
        tickets.integer(ticket.autoClose?.workingDays)
        tickets.timestamp(ticket.autoClose?.at?.microseconds)
        tickets.text(ticket.autoClose?.calendar)
        tickets.text(ticket.autoClose?.calendarVersion)
        tickets.dates(ticket.autoClose.map { $0.days.map(\.daysSince1970) })
        tickets.timestamps(ticket.pauses.flatMap { [$0.from.microseconds] + ($0.to.map { [$0.microseconds] } ?? []) })
        tickets.integer(ticket.disputeCount)
        tickets.integer(ticket.version)
        tickets.timestamp(ticket.updatedAt.microseconds)
        tickets.integer(ticket.eventSeq)
        tickets.bytea(ticket.eventHash.bytes)
    }
}

/// One event's place in the feed, small enough to wait for its time by the million.
struct FeedEntry: Sendable {
    /// Milliseconds since 1970.
    let at: Int64
    let number: Int32
    let seq: Int16
    let product: UInt8

    init(at: Int64, product: Int, ticket: TicketID, seq: Int) {
        self.at = at
        self.number = Int32(ticket.number)
        self.seq = Int16(seq)
        self.product = UInt8(product)
    }
}
