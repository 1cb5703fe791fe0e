/// Why a request brought no rows. No case ever holds the value of a parameter: errors travel into logs.
public enum PostgresError: Error, Equatable, Sendable {
    /// No connection could be had, or it was lost before the answer came. Whether the statement took effect is then
    /// unknown; it is never sent a second time by itself.
    case unavailable(String)
    /// The server refused the statement.
    case server(ServerError)
    /// The lane's queue is full, or the request waited in it for longer than the lane allows. It was never sent.
    case overloaded
    /// The statement ran into the lane's time limit and was rolled back.
    case timedOut(statement: String)
    /// A row does not look as its reader says.
    case decoding(statement: String, RowError)
    /// Parameter `index` (from 1) holds a NUL character, which no text of PostgreSQL can.
    case parameter(statement: String, index: Int)
}

/// What the server said. `detail` is left out: it quotes values.
public struct ServerError: Error, Equatable, Sendable {
    public let sqlstate: String
    public let message: String
    /// The constraint that was violated, nil when none was.
    public let constraint: String?
    /// The name of the statement, as its author wrote it.
    public let statement: String

    public init(sqlstate: String, message: String, constraint: String?, statement: String) {
        self.sqlstate = sqlstate
        self.message = message
        self.constraint = constraint
        self.statement = statement
    }
}

extension ServerError {
    /// Nobody here asks for a transaction that only reads: the server has become a standby, or never was anything else.
    var isOfReadOnlyServer: Bool { sqlstate == "25006" }
}

extension PostgresError {
    /// The five characters of the server's answer, nil when there was none.
    public var sqlstate: String? {
        if case .server(let error) = self { error.sqlstate } else { nil }
    }

    /// The violated constraint's name, nil when there is none.
    public var constraint: String? {
        if case .server(let error) = self { error.constraint } else { nil }
    }

    /// PostgreSQL manual, appendix A: what says that the server goes away is no verdict on the statement.
    init(_ error: ServerError) {
        switch error.sqlstate {
        case "57014": self = .timedOut(statement: error.statement)
        case "57P01", "57P02", "57P03", "57P05": self = .unavailable(error.message)
        case _ where error.isOfReadOnlyServer: self = .unavailable(error.message)
        case let state where state.hasPrefix("08"): self = .unavailable(error.message)
        default: self = .server(error)
        }
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let reason): "PostgreSQL is unavailable: \(reason)"
        case .server(let error):
            "\(error.statement): \(error.message) (SQLSTATE \(error.sqlstate)"
                + (error.constraint.map { ", constraint \($0))" } ?? ")")
        case .overloaded: "Too many requests wait for PostgreSQL."
        case .timedOut(let statement): "\(statement): the time limit is over."
        case .decoding(let statement, let error): "\(statement): column \(error.column) \(error.reason)."
        case .parameter(let statement, let index): "\(statement): parameter $\(index) holds a NUL character."
        }
    }
}

/// A column that cannot be read as its reader asks; `column` counts from 1.
public struct RowError: Error, Equatable, Sendable {
    public let column: Int
    public let reason: String

    public init(column: Int, reason: String) {
        self.column = column
        self.reason = reason
    }
}
