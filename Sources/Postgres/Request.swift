/// One statement of a request with its parameters and whoever takes its result.
struct Step {
    let name: String
    let sql: String
    let parameters: [Parameter]
    /// Called with the PGresult of a success; its last word counts when the request is sent again.
    let take: (OpaquePointer) throws(RowError) -> Void

    init<Row>(_ statement: Statement<Row>, _ parameters: [Parameter], into rows: Rows<Row>) {
        name = statement.name
        sql = statement.sql
        self.parameters = parameters
        take = { (result) throws(RowError) in try rows.fill(from: result, statement.read) }
    }
}

/// What is sent under one Sync and answered once: a step, a context step and a step, or many alike. Loop thread only.
final class Request {
    let steps: [Step]
    private let finish: (PostgresError?) -> Void

    /// Of the flight under way: statements prepared in it, and how many results have come.
    var preparing: [String] = []
    /// The names under which its steps run on the server.
    var serverNames: [String] = []
    var results = 0
    var failure: PostgresError?
    /// The server has forgotten a statement or its columns have changed: prepared anew, it may go well.
    var isStale = false
    var isRetriable = true
    /// In nanoseconds of the loop's clock.
    var since: UInt64 = 0

    init(_ steps: [Step], finish: @escaping (PostgresError?) -> Void) {
        self.steps = steps
        self.finish = finish
    }

    /// Tells the one who waits; called exactly once.
    func end(_ error: PostgresError?) { finish(error) }
}

/// Statements that are sent under one Sync: one round trip and one transaction. What one of them sets for the transaction,
/// those behind it see, and an error of any undoes all.
public struct Pipeline {
    private(set) var steps: [Step] = []

    public init() {}

    /// What its parameters take, roughly.
    var byteCount: Int { steps.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + $1.byteCount } } }

    /// The rows are there once all has been answered without an error.
    @discardableResult
    public mutating func append<Row>(_ statement: Statement<Row>, _ parameters: [Parameter] = []) -> Rows<Row> {
        let rows = Rows<Row>()
        steps.append(Step(statement, parameters, into: rows))
        return rows
    }

    mutating func append(_ other: Pipeline) { steps += other.steps }
}

/// Where the rows of a step are kept until the request ends.
public final class Rows<Row> {
    public private(set) var rows: [Row] = []

    func fill(
        from result: OpaquePointer, _ read: (inout ResultRow) throws(RowError) -> Row
    ) throws(RowError) {
        let count = ResultRow.count(of: result)
        rows = []
        rows.reserveCapacity(count)
        for index in 0..<count {
            var row = try ResultRow(result: result, row: Int32(index))
            rows.append(try read(&row))
        }
    }
}
