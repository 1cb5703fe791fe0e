/// One SQL statement with the reader of its rows.
///
/// It is prepared under its name, once per connection, in the same flight as its first use. A name stands for one text
/// in the whole program.
public struct Statement<Row: Sendable>: Sendable {
    public let name: String
    public let sql: String
    let read: @Sendable (inout ResultRow) throws(RowError) -> Row

    /// `read` takes the columns in their order and throws what it cannot read.
    public init(_ name: String, _ sql: String, read: @escaping @Sendable (inout ResultRow) throws(RowError) -> Row) {
        self.name = name
        self.sql = sql
        self.read = read
    }
}

extension Statement where Row == Void {
    /// A statement whose rows, if it has any, nobody reads.
    public init(_ name: String, _ sql: String) {
        self.init(name, sql) { (_: inout ResultRow) throws(RowError) in }
    }
}
