public import Digests
public import Regulations

/// For whom the store is asked, and under which key a retry is recognised.
public struct Access: Sendable {
    /// Whose rows can be seen at all.
    public enum Scope: Sendable, Equatable {
        /// Employees, the job and the commands: everything.
        case staff
        /// A customer: one organization's, and only what is not internal.
        case customer(organization: String)
    }

    public let scope: Scope
    /// Who asks; nil for the service itself.
    public let user: UserID?
    /// Nil: the caller takes the risk of a retry.
    public let key: IdempotencyKey?
    /// The batch that a change of a ticket is an item of, to be noted along with it; nil: of none.
    public let item: FollowUpID?

    public init(scope: Scope, user: UserID?, key: IdempotencyKey? = nil, item: FollowUpID? = nil) {
        self.scope = scope
        self.user = user
        self.key = key
        self.item = item
    }

    public init(_ caller: Caller, key: IdempotencyKey? = nil, item: FollowUpID? = nil) {
        let organization = caller.role == .customer ? caller.user.organization ?? "" : nil
        self.init(scope: organization.map(Scope.customer) ?? .staff, user: caller.id, key: key, item: item)
    }

    /// The same caller without its key: for what is no part of the request's one effect.
    public var withoutKey: Access { Access(scope: scope, user: user) }

    /// The service itself.
    public static let staff = Access(scope: .staff, user: nil)
}

/// A caller's own name for one request.
public struct IdempotencyKey: Sendable, Equatable {
    public let caller: UserID
    public let key: String
    /// Over method, path, query and body bytes.
    public let request: Digest

    public init(caller: UserID, key: String, request: Digest) {
        self.caller = caller
        self.key = key
        self.request = request
    }
}

/// An answer as it was first given, kept with the effect it reports.
public struct KeptAnswer: Sendable, Equatable {
    public var status: Int
    public var contentType: String
    public var contentLanguage: String?
    public var location: String?
    public var etag: String?
    public var body: [UInt8]

    public init(
        status: Int, contentType: String, contentLanguage: String?, location: String?, etag: String?, body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.contentLanguage = contentLanguage
        self.location = location
        self.etag = etag
        self.body = body
    }
}

/// What the store answers instead of doing what was asked. Nothing has been written then.
public enum StoreError: Error, Sendable {
    /// The database cannot be reached, or was lost on the way: whether a write took effect is not known.
    case unavailable(String)
    /// Too many already wait.
    case overloaded
    /// The ticket, or what the change depends on, has moved on since it was read: read and decide again.
    case faster
    /// This very request was answered before.
    case replay(KeptAnswer)
    /// This very request was answered by a run or a follow-up: its result is the answer.
    case replayRun(JobRun)
    case replayPublication(Publication)
    case replayBatch([BatchResult], Language)
    /// The key was used for another request.
    case keyReused
    /// The first request under this key still runs.
    case keyInProgress
    /// A rule of the database itself, by the constraint's name.
    case violates(constraint: String)
    /// The database said something that no code here expects.
    case unexpected(String)
}
