import Regulations

/// Something that somebody wants to do to a ticket, already well-formed.
public enum Step: Sendable, Equatable {
    case assign([UserID], priority: Priority?)
    case comment(String)
    case commentInternal(String)
    /// A file whose bytes lie staged.
    case attach(Attachment, AttachmentQuota)
    case edit(TicketEdit)
    case requestInformation(String)
    /// A solution that holds at once.
    case solve(Solving)
    /// A solution that waits for its release.
    case planSolution(Solving)
    case confirm(String?)
    case dispute(String)
    case withdraw(String?)
    case merge(into: TicketID)
    case link(Link)
    case unlink(Link)
    /// The release that the ticket waited for is out.
    case publishSolution
    case autoClose
    case recalculateDeadline(AutoClose)

    /// The step as the lifecycle knows it.
    public var action: Action {
        switch self {
        case .assign: .assign
        case .comment: .comment
        case .commentInternal: .commentInternal
        case .attach: .attach
        case .edit(let edit): edit.isPriorityAlone ? .setPriority : .edit
        case .requestInformation: .requestInformation
        case .solve, .publishSolution: .solve
        case .planSolution: .planSolution
        case .confirm: .confirm
        case .dispute: .dispute
        case .withdraw: .withdraw
        case .merge: .merge
        case .link: .link
        case .unlink: .unlink
        case .autoClose: .autoClose
        case .recalculateDeadline: .recalculateDeadline
        }
    }
}

/// What a solution says.
public struct Solving: Sendable, Equatable {
    public let comment: String
    public let type: SolutionType
    /// Named by a mass update alone.
    public let release: String?

    public init(comment: String, type: SolutionType, release: String?) {
        self.comment = comment
        self.type = type
        self.release = release
    }
}

/// New values of what may be edited; nil leaves a field alone.
public struct TicketEdit: Sendable, Equatable {
    public var subject: String?
    public var priority: Priority?
    public var tags: [String]?
    public var details: [String: String]?

    public init(
        subject: String? = nil, priority: Priority? = nil, tags: [String]? = nil, details: [String: String]? = nil
    ) {
        self.subject = subject
        self.priority = priority
        self.tags = tags
        self.details = details
    }

    /// The same without what the ticket already says.
    public func effective(on ticket: Ticket) -> TicketEdit {
        TicketEdit(
            subject: FieldValue(subject).isIdentical(to: .text(ticket.subject)) ? nil : subject,
            priority: priority == ticket.priority ? nil : priority,
            tags: tags.map { FieldValue.list($0).isIdentical(to: .list(ticket.tags)) } == true ? nil : tags,
            details: details.map { FieldValue.record($0).isIdentical(to: .record(ticket.details)) } == true
                ? nil : details)
    }

    public var isEmpty: Bool { subject == nil && priority == nil && tags == nil && details == nil }
    var isPriorityAlone: Bool { priority != nil && subject == nil && tags == nil && details == nil }
}

/// Why a step is taken that its own lifecycle does not offer.
public enum Cause: Sendable, Equatable {
    /// Somebody called it on this very ticket.
    case call
    /// It follows from a step on the whole that this ticket is a part of, or from a published release.
    case following
    /// It was read in another system's history, which says so in `changes`.
    case imported
}
