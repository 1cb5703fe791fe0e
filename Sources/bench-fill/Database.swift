import CLibPQ

/// One blocking connection of the superuser, for the thread that opened it alone.
final class Database {
    private let connection: OpaquePointer

    /// Triggers do not fire on it, and nothing waits for the disk: what is left of a killed filling is thrown away.
    init(_ url: String) throws(Failure) {
        guard let connection = PQconnectdb(url) else { throw Failure("no memory for a connection") }
        self.connection = connection
        guard PQstatus(connection) == CONNECTION_OK else {
            throw Failure("The database: \(String(cString: PQerrorMessage(connection)))")
        }
        try run(
            """
            SET client_min_messages = warning; SET session_replication_role = replica; SET synchronous_commit = off;
            SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'; SET TimeZone = 'UTC'
            """)
    }

    deinit { PQfinish(connection) }

    private func fault(_ sql: String) -> Failure {
        Failure("\(sql.prefix(200)): \(String(cString: PQerrorMessage(connection)))")
    }

    /// Any number of statements without parameters.
    func run(_ sql: String) throws(Failure) {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else { throw fault(sql) }
    }

    /// The rows of one statement; null is empty.
    func rows(_ sql: String, _ parameters: [String] = []) throws(Failure) -> [[String]] {
        let result = withCStrings(parameters) { values in
            PQexecParams(connection, sql, Int32(parameters.count), nil, values, nil, nil, 0)
        }
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK else { throw fault(sql) }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in String(cString: PQgetvalue(result, row, column)) }
        }
    }

    private func withCStrings<Value>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> Value) -> Value {
        func next(_ rest: ArraySlice<String>, _ pointers: [UnsafePointer<CChar>?]) -> Value {
            guard let first = rest.first else { return body(pointers) }
            return first.withCString { next(rest.dropFirst(), pointers + [$0]) }
        }
        return next(texts[...], [])
    }
}

extension Database {
    /// Empties a table and begins to fill it in the same transaction: then rows are written frozen, and without the log
    /// where `wal_level` is `minimal`.
    func beginCopy(_ table: String, _ columns: String) throws(Failure) {
        try run("BEGIN; TRUNCATE \(table)")
        let sql = "COPY \(table) (\(columns)) FROM STDIN WITH (FORMAT binary, FREEZE)"
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COPY_IN else { throw fault(sql) }
        try put(CopyRows.header)
    }

    func put(_ bytes: [UInt8]) throws(Failure) {
        // libpq buffers what the server does not take at once: small pieces keep that buffer small.
        var start = 0
        while start < bytes.count {
            let count = min(262_144, bytes.count - start)
            let sent = bytes[start..<start + count].withUnsafeBytes { raw in
                PQputCopyData(connection, raw.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(count))
            }
            guard sent == 1 else { throw fault("COPY") }
            start += count
        }
    }

    func endCopy() throws(Failure) {
        try put(CopyRows.trailer)
        guard PQputCopyEnd(connection, nil) == 1 else { throw fault("COPY") }
        var failure: Failure?
        while let result = PQgetResult(connection) {
            if PQresultStatus(result) != PGRES_COMMAND_OK { failure = fault("COPY") }
            PQclear(result)
        }
        if let failure { throw failure }
        try run("COMMIT")
    }
}
