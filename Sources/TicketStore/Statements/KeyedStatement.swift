import Postgres

extension Statement where Row == Int {
    /// A writing statement with its key: `change` is an INSERT or UPDATE without RETURNING, to whose condition
    /// `\(free)` is added; its own parameters are `$1 … $n`.
    static func keyed(_ name: String, parameters count: Int, _ change: (_ free: String) -> String) -> Statement<Int> {
        var numbers = Numbers()
        for _ in 0..<count { _ = numbers.next("") }
        let key = KeySQL(&numbers)
        return Statement(
            name,
            """
            WITH changed AS (
                \(change(key.isFree)) RETURNING 1
            ), \(key.insertion())
            SELECT count(*)::integer FROM changed
            """
        ) { (row) throws(RowError) in try row.int() }
    }
}
