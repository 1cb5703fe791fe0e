/// The indexes and constraints of the tables that are filled: taken away before, made again after, word for word as
/// PostgreSQL itself tells them, so that nothing here repeats the migrations.
struct Schema: Sendable {
    static let tables = ["tickets", "links", "comments", "events", "feed", "ticket_search"]

    private struct Object: Sendable {
        let table: String
        let drop: String
        let create: String
    }

    /// Primary keys, unique constraints and further indexes.
    private let indexes: [Object]
    private let foreignKeys: [Object]

    private static let list = "ARRAY[\(tables.map { "'\($0)'::regclass" }.joined(separator: ", "))]"

    init(_ database: Database) throws(Failure) {
        let constraints = """
            SELECT conrelid::regclass, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
                   format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
              FROM pg_constraint
            """
        func objects(_ sql: String) throws(Failure) -> [Object] {
            try database.rows(sql).map { Object(table: $0[0], drop: $0[1], create: $0[2]) }
        }
        foreignKeys = try objects(
            """
            \(constraints)
             WHERE contype = 'f' AND (conrelid = ANY (\(Self.list)) OR confrelid = ANY (\(Self.list)))
             ORDER BY oid
            """)
        indexes =
            try objects("\(constraints) WHERE contype IN ('p', 'u') AND conrelid = ANY (\(Self.list)) ORDER BY oid")
            + objects(
                """
                SELECT indrelid::regclass, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
                  FROM pg_index
                 WHERE indrelid = ANY (\(Self.list))
                   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
                 ORDER BY indexrelid
                """)
    }

    func drop(_ database: Database) throws(Failure) {
        for object in foreignKeys + indexes { try database.run(object.drop) }
    }

    func createIndexes(of table: String, _ database: Database) throws(Failure) {
        for object in indexes where object.table == table { try database.run(object.create) }
    }

    /// Every row is looked at: a generator that breaks a reference is found out here.
    func createForeignKeys(_ database: Database) throws(Failure) {
        for object in foreignKeys { try database.run(object.create) }
    }
}
