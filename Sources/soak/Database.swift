import CLibPQ

/// One blocking connection of the superuser, past the service. For the thread that opened it alone.
final class Database {
    private let connection: OpaquePointer

    init(_ url: String) throws(Failure) {
        guard let connection = PQconnectdb(url) else { throw Failure("no memory for a connection") }
        self.connection = connection
        // A server that is killed says goodbye, and libpq would print it.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        guard PQstatus(connection) == CONNECTION_OK else {
            throw Failure("The database: \(String(cString: PQerrorMessage(connection)))")
        }
    }

    deinit { PQfinish(connection) }

    /// What the last of these statements gives; null is empty.
    @discardableResult
    func rows(_ sql: String) throws(Failure) -> [[String]] {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            throw Failure("\(sql.prefix(200)): \(String(cString: PQerrorMessage(connection)))")
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in String(cString: PQgetvalue(result, row, column)) }
        }
    }

    func count(_ sql: String) throws(Failure) -> Int { try rows(sql).first?.first.flatMap { Int($0) } ?? 0 }
}
