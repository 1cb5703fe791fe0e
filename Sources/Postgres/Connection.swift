import CLibPQ

/// One connection lent by `Lane.withConnection`, for as long as that call lasts.
///
/// Without `begin()` every `run` is a transaction of its own. Unchecked: used on the lane's loop only, which sending
/// checks.
public final class Connection: @unchecked Sendable {
    let session: Session
    private let lane: Lane
    var isOver = false

    init(_ session: Session, lane: Lane) {
        self.session = session
        self.lane = lane
    }

    /// Runs one statement and returns its rows.
    public func run<Row>(
        _ statement: Statement<Row>, _ parameters: [Parameter] = []
    ) async throws(PostgresError) -> [Row] {
        let rows = Rows<Row>()
        try await send([Step(statement, parameters, into: rows)], noting: lane) { (request) in self.submit(request) }
        return rows.rows
    }

    /// Runs two statements in one round trip; outside `begin()` and `commit()` they are one transaction.
    public func run<First, Row>(
        _ context: Statement<First>, _ contextParameters: [Parameter], then statement: Statement<Row>,
        _ parameters: [Parameter]
    ) async throws(PostgresError) -> ([First], [Row]) {
        let first = Rows<First>()
        let rows = Rows<Row>()
        let steps = [Step(context, contextParameters, into: first), Step(statement, parameters, into: rows)]
        try await send(steps, noting: lane) { (request) in self.submit(request) }
        return (first.rows, rows.rows)
    }

    /// Runs a pipeline; its rows are there afterwards. Outside `begin()` and `commit()` it is one transaction.
    public func run(_ pipeline: Pipeline) async throws(PostgresError) {
        guard !pipeline.steps.isEmpty else { return }
        try await send(pipeline.steps, noting: lane) { (request) in self.submit(request) }
    }

    /// Runs SQL of any number of statements, without parameters and rows; `name` is what errors call it.
    public func script(_ sql: String, name: String = "script") async throws(PostgresError) {
        precondition(!isOver, "A lent connection is not kept.")
        try await runScript(name, sql)
    }

    public func begin() async throws(PostgresError) { _ = try await run(Statement("begin", "BEGIN")) }

    /// Throws and has changed nothing when the transaction had failed before; `unavailable` means that nobody knows.
    public func commit() async throws(PostgresError) {
        // The server answers COMMIT of a failed transaction with a rollback and no error.
        if session.transaction == .failed {
            try await rollback()
            throw .server(
                ServerError(
                    sqlstate: "25P02", message: "the transaction had failed before and was rolled back",
                    constraint: nil, statement: "commit"))
        }
        _ = try await run(Statement("commit", "COMMIT"))
    }

    public func rollback() async throws(PostgresError) { _ = try await run(Statement("rollback", "ROLLBACK")) }

    /// Closes the connection: for one whose session has been changed in a way that the next user must not see.
    public func discard() { session.lose("it was discarded") }

    func runScript(_ name: String, _ sql: String) async throws(PostgresError) {
        let failure: PostgresError? = await withUnsafeContinuation { continuation in
            session.send(Script(name, sql) { continuation.resume(returning: $0) })
        }
        if let failure { throw failure }
    }

    private func submit(_ request: Request) {
        precondition(!isOver, "A lent connection is not kept.")
        session.send(request)
    }
}
