public import Tickets

/// What is worth noticing; whoever listens makes log lines or figures of it. Nothing secret is ever in one.
public enum Observation: Sendable, Equatable {
    /// A request was answered.
    case answered(AnsweredRequest)
    /// Something broke inside while a request was answered; `what` names no value of it.
    case broke(requestID: String, what: String)
}

/// One line of the access log.
public struct AnsweredRequest: Sendable, Equatable {
    public let requestID: String
    /// Nil: nobody was recognised.
    public let user: UserID?
    public let token: TokenID?
    public let method: String
    /// The template, `/v1/tickets/{id}`; nil: no such path.
    public let route: String?
    public let status: Int
    public let microseconds: Int64
    public let remoteAddress: String
}
