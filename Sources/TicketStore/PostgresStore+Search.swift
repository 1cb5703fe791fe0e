import Postgres
import Tickets

/// What is known of a search before it is made.
struct SearchSize: Sendable {
    /// False for stop words and punctuation alone.
    let hasWords: Bool
    /// False when nothing has to be in the text: `-word` alone.
    let isIndexed: Bool
    /// Few tickets have the words.
    let isSmall: Bool
}

/// Where one way of finding tickets gives way to the next.
struct SearchBounds: Sendable {
    /// How many tickets are looked at to learn whether the words are common.
    var sample = 100
    /// So many of the sample have words that are.
    var common = 3
    /// How many tickets are looked at for common words before the index is asked: of a word that one in ten has, twice a page.
    var firstWalk = 1000
    /// How many are looked at when the index has many.
    var secondWalk = 20_000
    /// How many are looked up and sorted at once.
    var few = 2000
}

/// What a walk through the beginning of a list has found.
private struct Walk {
    let hits: [TicketRecord]
    /// The list may go on behind what was walked through.
    let goesOn: Bool

    /// Through a list that does not say where it ends.
    init(endless hits: [TicketRecord]) {
        self.hits = hits
        goesOn = true
    }

    init(_ rows: [TicketRecord?]) {
        hits = rows.compactMap(\.self)
        goesOn = hits.count < rows.count
    }

    /// Whether nothing is left to look for: there is more than a page, or no more of the list.
    func isEnough(for page: PageRequest) -> Bool { !goesOn || hits.count > page.limit }
}

// PostgreSQL plans a search by how common it believes the words to be, and is wrong about all but the most common ones:
// it looked at every ticket for a word that one in ten thousand has. So nothing is left to its belief. Of a hundred tickets
// at the beginning of the list's order some have the words, if they are common, and of the first thousand then so many that
// they make a page. If not, the index is asked how many tickets have the words; a few are looked up and sorted; of more, the
// order is walked further; and only when tickets at the order's other end alone have so common words, all of them are looked
// up after all. To ask the index first would be quick for rare words, and for common ones take as long as they are common.
// Filters that leave less than a walk goes through need no index: what the walk has found is all.
extension PostgresStore {
    /// The rows of a list, one more than the page. What is planned once is bounded by the largest page or walk.
    func records(
        _ query: TicketQuery, _ parameters: ListParameters, _ bounds: SearchBounds, _ access: Access
    ) async throws(StoreError) -> [TicketRecord] {
        func plain(_ source: TicketSource, _ own: [Parameter]) -> PlainList? { PlainList(query, source, own, access) }
        func all(_ own: [Parameter]) -> [Parameter] { parameters.filters + own + parameters.position }
        func list(_ source: TicketSource, _ own: [Parameter]) async throws(StoreError) -> [TicketRecord] {
            if let plain = plain(source, own) {
                return try await read(access, plain.statement, plain.parameters, slow: true, isPlannedOnce: true)
            }
            return try await read(access, TicketLists.statement(query.sort, source), all(own), slow: true)
        }
        guard let text = query.text else { return try await list(.of(query, access), []) }
        let isCustomer = access.scope != .staff
        let found = isCustomer ? TicketSource.foundByCustomer : .found
        let walked = isCustomer ? TicketSource.walkedByCustomer : .walked
        /// Nil: through everything.
        func walk(_ most: Int?) async throws(StoreError) -> Walk {
            let own: [Parameter] = [.text(text), .optional(most)]
            if most != nil, let plain = plain(walked, own) {
                return Walk(
                    endless: try await read(
                        access, plain.statement, plain.parameters, slow: true, isPlannedOnce: true))
            }
            return Walk(try await read(access, TicketLists.statement(query.sort, walked).walk, all(own), slow: true))
        }
        let sample = try await walk(bounds.sample)
        if sample.isEnough(for: query.page) { return sample.hits }
        if sample.hits.count >= bounds.common {
            let first = try await walk(bounds.firstWalk)
            if first.isEnough(for: query.page) { return first.hits }
        }
        let size = try await size(text, query.organization, few: bounds.few, access)
        if !size.hasWords { return try await list(.of(query, access), []) }
        if !size.isIndexed { return try await walk(nil).hits }
        if !size.isSmall {
            let second = try await walk(bounds.secondWalk)
            if second.isEnough(for: query.page) { return second.hits }
        }
        return try await list(found, [.text(text)])
    }

    private func size(
        _ text: String, _ organization: String?, few: Int, _ access: Access
    ) async throws(StoreError) -> SearchSize {
        let statement = access.scope == .staff ? Statements.searchSize : Statements.searchSizeCustomer
        let whose: [Parameter] = access.scope == .staff ? [.optional(organization)] : []
        let rows = try await read(access, statement, [.text(text), .integer(few)] + whose, slow: true)
        guard let size = rows.first else { throw .unexpected("a search has a size") }
        return size
    }
}

extension Statements {
    /// $1 words, $2 how many are few, $3 organization
    static let searchSize = searchSize("search_size", "search_all_tickets($1, $2::bigint + 1, $3::text)")
    /// $1 words, $2 how many are few
    static let searchSizeCustomer = searchSize("search_size_customer", "search_tickets($1, $2::bigint + 1)")

    private static func searchSize(_ name: String, _ found: String) -> Statement<SearchSize> {
        Statement(
            name,
            """
            SELECT numnode(query) > 0, querytree(query) <> 'T',
                   numnode(query) > 0 AND querytree(query) <> 'T' AND (SELECT count(*) FROM \(found)) <= $2
              FROM search_query($1) AS query
            """
        ) { (row) throws(RowError) in
            SearchSize(hasWords: try row.bool(), isIndexed: try row.bool(), isSmall: try row.bool())
        }
    }
}
