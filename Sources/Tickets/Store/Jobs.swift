public import Regulations

/// One run of the nightly job.
public struct JobRun: Sendable, Equatable {
    public var id: JobRunID
    public var asOf: Instant
    public var dryRun: Bool
    /// Who started it; nil: the schedule or the command line.
    public var startedBy: UserID?
    public var startedAt: Instant
    /// Nil: still running, or its process died and another will finish it.
    public var finishedAt: Instant?
    public var due: Int
    public var closed: Int
    /// Names the due tickets and their deadlines.
    public var plan: String
    /// The first 1,000, in the order of their deadlines.
    public var tickets: [TicketID]
    /// Products whose tickets it leaves alone: their night had not come when the schedule began it.
    public var leftOut: [String]

    public init(
        id: JobRunID, asOf: Instant, dryRun: Bool, startedBy: UserID?, startedAt: Instant, finishedAt: Instant?,
        due: Int, closed: Int, plan: String, tickets: [TicketID], leftOut: [String] = []
    ) {
        self.id = id
        self.asOf = asOf
        self.dryRun = dryRun
        self.startedBy = startedBy
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.due = due
        self.closed = closed
        self.plan = plan
        self.tickets = tickets
        self.leftOut = leftOut
    }
}

/// What a run is asked to do.
public enum JobRequest: Sendable, Equatable {
    /// Counts what is due at an instant and changes nothing.
    case dryRun(asOf: Instant)
    /// Closes all that is due now.
    case close
    /// Closes just what a dry run planned.
    case plan(String)
}

/// What became of a run.
public enum JobOutcome: Sendable, Equatable {
    case done(JobRun)
    /// The due tickets are no longer those of the plan; nothing was closed.
    case planChanged
}

/// The durable list behind a call that reaches further tickets.
public struct FollowUp: Sendable, Equatable {
    public enum Kind: String, Sendable {
        /// Parts of a solved whole.
        case solveParts = "solve_parts"
        /// Parts of a whole whose solution waits for a release.
        case planParts = "plan_parts"
        /// Tickets that waited for a release.
        case publish
    }

    public var id: FollowUpID
    public var kind: Kind

    public init(id: FollowUpID, kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// What publishing a release did.
public struct Publication: Sendable, Equatable {
    public var release: Release
    public var solved: [TicketID]

    public init(release: Release, solved: [TicketID]) {
        self.release = release
        self.solved = solved
    }
}
