import Digests
import Regulations

/// Everything that one step does, to be written at once or not at all.
public struct Change: Sendable, Equatable {
    /// The event that must still be the ticket's last; nil for a new ticket.
    public let follows: Int?
    /// The ticket afterwards.
    public let ticket: Ticket
    public let event: Event
    /// What the step said, if anything.
    public let comment: Comment?
    /// The file that the step put on the ticket, if any; its bytes lie staged.
    public let attachment: Attachment?
    public let linked: [Link]
    public let unlinked: Link?
    /// What else must still be so when it is written.
    public let condition: Condition?

    /// What must hold beside the ticket in the moment of writing, or nothing is written.
    public enum Condition: Sendable, Equatable {
        /// Another ticket is still open.
        case open(TicketID)
        /// Another ticket may still become this one's whole: open, blocking, itself no part.
        case whole(TicketID)
        /// A release is still to come.
        case unpublished(product: String, version: String)
        /// The new attachment fits.
        case room(AttachmentQuota)
    }
}

/// Puts a change together: the event, its digests, its hash.
struct ChangeBuilder {
    var ticket: Ticket
    let before: Ticket?
    let actor: Actor
    let now: Instant
    var fields: [FieldChange] = []
    var comment: Comment?
    var attachment: Attachment?
    var linked: [Link] = []
    var unlinked: Link?
    var condition: Change.Condition?

    /// History is in the order of its times, whatever the clocks of two instances say.
    init(_ ticket: Ticket, by actor: Actor, at now: Instant) {
        self.ticket = ticket
        before = ticket
        self.actor = actor
        self.now = max(now, ticket.updatedAt)
    }

    init(new ticket: Ticket, by actor: Actor, at now: Instant) {
        self.ticket = ticket
        before = nil
        self.actor = actor
        self.now = now
    }

    /// Notes a field that became something else; nothing when it did not.
    mutating func note(_ field: String, _ from: FieldValue, _ to: FieldValue) {
        if !from.isIdentical(to: to) { fields.append(FieldChange(field, from: from, to: to)) }
    }

    mutating func say(_ body: String?, internally: Bool = false) {
        guard let body else { return }
        comment = Comment(
            id: .make(), ticket: ticket.id, body: body, isInternal: internally, author: actor, at: now,
            salt: HashChain.makeSalt())
        if !internally && actor.role.isEmployee && ticket.firstResponseAt == nil { ticket.firstResponseAt = now }
    }

    /// `movesState`: the event tells from where to where.
    consuming func finish(_ action: Action, clause: String?, movesState: Bool) -> Change {
        if action != .commentInternal {
            ticket.version += before == nil ? 0 : 1
            ticket.updatedAt = now
        }
        let from = movesState ? before?.state : nil
        let to = movesState ? ticket.state : nil
        let digests = digests()
        let previous = before.map { $0.eventHash.hex } ?? HashChain.root(of: ticket.id)
        ticket.eventSeq += 1
        ticket.eventHash = HashChain.hash(
            previous: previous, seq: ticket.eventSeq, at: now, actor: actor.id, action: action, clause: clause,
            from: from, to: to, digests: digests)
        let event = Event(
            ticket: ticket.id, seq: ticket.eventSeq, at: now, actor: actor, action: action, clause: clause,
            from: from, to: to, changes: fields, comment: comment?.id, digests: digests, hash: ticket.eventHash)
        return Change(
            follows: before?.eventSeq, ticket: ticket, event: event, comment: comment,
            attachment: attachment, linked: linked, unlinked: unlinked, condition: condition)
    }

    private func digests() -> [ValueDigest] {
        var digests = fields.map { ValueDigest(name: $0.field, digest: $0.digest) }
        if let comment, let salt = comment.salt {
            digests.append(ValueDigest(name: "comment", digest: HashChain.digest(of: comment.body, salt: salt)))
        }
        if before == nil, let salt = ticket.descriptionSalt {
            let digest = HashChain.digest(of: ticket.description, salt: salt)
            digests.append(ValueDigest(name: "description", digest: digest))
        }
        return digests.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
