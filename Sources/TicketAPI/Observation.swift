public import Tickets

/// What is worth noticing; whoever listens makes log lines or figures of it. Nothing secret is ever in one.
public enum Observation: Sendable, Equatable {
    /// A request was answered.
    case answered(AnsweredRequest)
    /// Something broke inside while a request was answered; `what` names no value of it.
    case broke(requestID: String, what: String)
}

/// One line of the access log. Durations are microseconds.
public struct AnsweredRequest: Sendable, Equatable {
    /// Whose token it was.
    public struct Principal: Sendable, Equatable {
        public var user: UserID
        public var token: TokenID
        public var role: Role

        public init(user: UserID, token: TokenID, role: Role) {
            self.user = user
            self.token = token
            self.role = role
        }
    }

    public var requestID: String
    /// Nil: nobody was recognised.
    public var principal: Principal?
    /// The peer's, as the server understood it.
    public var remoteAddress: String
    /// Nil: the server refused before it could know.
    public var method: String?
    /// The template, `/v1/tickets/{id}`; nil: no such path, or not known yet.
    public var route: String?
    public var status: Int
    /// The type of the problem that was answered, or `client-gone` when a streamed body was not taken to its end; nil: all
    /// went well.
    public var problem: String?
    /// Of the body, before any content coding; the head does not count, and what HEAD leaves out neither.
    public var bodyBytes = 0
    /// In all, until the response was handed to the server; of a streamed one until its last piece was.
    public var microseconds: Int64 = 0
    public var parse: Int64 = 0
    public var database: Int64 = 0
    public var encode: Int64 = 0
    /// Nil: the server refused before it could know.
    public var trace: TraceContext?

    public init(requestID: String, remoteAddress: String, status: Int) {
        self.requestID = requestID
        self.remoteAddress = remoteAddress
        self.status = status
    }

    /// What stands for a body that the client did not take.
    public static let clientGone = "client-gone"
}
