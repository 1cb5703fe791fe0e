import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct SearchIndexTests {
    private static let words = [
        "окно", "звонки", "the", "и", "update", "4.2.1", "вход/выход", "<b>", "C++", "Ёж", "e-mail",
    ]

    /// Gives the same texts in every run.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64 = 7
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
    }

    @Test func `words that are added step by step are those that all texts together give`() async throws {
        try await World.with { world in
            var dice = Dice()
            func text() -> String {
                (0...Int.random(in: 1...12, using: &dice)).map { _ in Self.words.randomElement(using: &dice) ?? "" }
                    .joined(separator: " ")
            }
            for _ in 0..<8 {
                let ticket = try await world.register(subject: text(), description: text())
                for _ in 0..<Int.random(in: 0...8, using: &dice) {
                    switch Int.random(in: 0...3, using: &dice) {
                    case 0: try await world.take(.comment(text()), on: ticket.id, by: .carol)
                    case 1: try await world.take(.comment(text()), on: ticket.id, by: .ada)
                    case 2: try await world.take(.commentInternal(text()), on: ticket.id, by: .ada)
                    default: try await world.take(.edit(TicketEdit(subject: text())), on: ticket.id, by: .ada)
                    }
                }
            }
            #expect(try await world.count("ticket_search") == 8)
            try await world.asSuperuser(
                """
                CREATE TABLE before AS SELECT * FROM ticket_search;
                SELECT rebuild_ticket_search(id) FROM tickets;
                """)
            let differing = "(SELECT FROM before b JOIN ticket_search s USING (ticket) WHERE b IS DISTINCT FROM s) d"
            #expect(try await world.count(differing) == 0)
        }
    }

    /// 65,536 scalars of words that are all different, in the letters that take the most room.
    private static func longText(_ number: Int) -> String {
        var text = String.UnicodeScalarView()
        var value = number
        // 14 scalars a round; counting a view is a walk through it.
        for _ in 0..<4681 {
            value += 1
            for word in [value, value &* 31] {
                for shift in stride(from: 0, to: 24, by: 4) {
                    text.append(Unicode.Scalar(0x10428 + UInt32(word >> shift & 15)) ?? " ")
                }
                text.append(word == value ? "-" : " ")
            }
        }
        return String(text.prefix(65_500)) + " needle\(number)"
    }

    @Test func `the longest texts are taken, the newest words are found`() async throws {
        try await World.with { world in
            let ticket = try await world.register(
                subject: String(repeating: "s", count: 200), description: Self.longText(1_000_000))
            for number in 1...3 {
                let step: Step =
                    number % 3 == 0
                    ? .commentInternal(Self.longText(number * 10_000)) : .comment(Self.longText(number * 10_000))
                try await world.take(step, on: ticket.id, by: .ada)
            }
            try await world.take(.comment("newest of all"), on: ticket.id, by: .carol)
            for access in [World.access(.ada), World.access(.carol)] {
                #expect(try await world.search("newest \(ticket.id)", access) == [ticket.id])
            }
            let other = try await world.register(description: String(repeating: "длинный ", count: 8192))
            for number in 1...3 {
                try await world.take(
                    .comment(String(repeating: "слово\(number) ", count: 9000)), on: other.id, by: .carol)
            }
            #expect(try await world.search("длинное слово3 слово2", World.access(.carol)) == [other.id])
            // A word that is longer than any that is kept.
            let odd = try await world.register(
                subject: "odd", description: String(repeating: "я", count: 65_536))
            #expect(try await world.search("odd", World.access(.carol)) == [odd.id])
        }
    }

    @Test(arguments: [User.ada, .carol])
    func `whichever way tickets are found, the list is the same`(user: User) async throws {
        try await World.with { world in
            for number in 0..<24 {
                let words = ["common", number % 2 == 0 ? "even" : "odd", number % 7 == 0 ? "rare" : "usual"]
                let ticket = try await world.register(description: words.joined(separator: " "))
                if number % 5 == 0 { try await world.take(.commentInternal("inside"), on: ticket.id, by: .ada) }
                if number % 3 == 0 { try await world.take(.withdraw(nil), on: ticket.id, by: .carol) }
                world.clock.advance(hours: 1)
            }
            let plain = SearchBounds(firstWalk: 100, secondWalk: 100, few: 100)
            let ways = [
                SearchBounds(sample: 0, common: 0, firstWalk: 0, secondWalk: 100, few: 0),
                SearchBounds(sample: 0, common: 1, firstWalk: 0, secondWalk: 0, few: 100),
                SearchBounds(sample: 1, common: 1, firstWalk: 2, secondWalk: 9, few: 3),
                SearchBounds(sample: 3, common: 2, firstWalk: 7, secondWalk: 0, few: 0),
            ]
            let searches: [(String, TicketSort)] = [
                ("common", .newestFirst), ("rare", .triage), ("even -rare", .autoClose), ("-even", .oldestFirst),
                ("inside or rare", .updatedFirst), ("nowhere", .newestFirst), ("и", .triage),
            ]
            for (text, sort) in searches {
                var query = TicketQuery(page: PageRequest(limit: 10), now: world.clock.now)
                query.text = text
                query.sort = sort
                if text == "common" { (query.states, query.organization) = ([.closed], "acme") }
                let expected = try await world.all(query, plain, World.access(user))
                for bounds in ways {
                    #expect(try await world.all(query, bounds, World.access(user)) == expected, "\(text) \(bounds)")
                }
            }
        }
    }

    /// With no room for what the index finds: only what was walked through can be the answer.
    @Test(arguments: TicketSort.allCases, [User.ada, .carol])
    func `a walk that comes to the list's end is the answer, and one that does not is none`(
        sort: TicketSort, user: User
    ) async throws {
        try await World.with { world in
            for number in 0..<12 {
                _ = try await world.register(
                    ["smartivr", "omnivox"][number % 2], description: number < 6 ? "early common" : "late common")
                world.clock.advance(hours: 1)
            }
            var query = TicketQuery(page: PageRequest(limit: 10), now: world.clock.now)
            (query.product, query.sort, query.text) = ("omnivox", sort, "early")
            let early = try await world.all(query, SearchBounds(), World.access(user))
            #expect(early.count == 3)
            query.text = nil
            let six = try await world.all(query, SearchBounds(), World.access(user))
            #expect(six.count == 6)
            // Words that the index does not know of any more.
            try await world.asSuperuser(
                """
                UPDATE ticket_search SET organization = 'globex';
                ALTER POLICY ticket_search_customer ON ticket_search USING (true);
                ALTER FUNCTION search_all_tickets RENAME TO gone;
                CREATE FUNCTION search_all_tickets(query text, most bigint, whose text) RETURNS SETOF text LANGUAGE sql
                AS $$ SELECT ''::text WHERE false $$;
                GRANT EXECUTE ON FUNCTION search_all_tickets TO reglament_staff
                """)
            func found(_ text: String, _ most: Int, after: [String]? = nil) async throws -> [TicketID] {
                (query.text, query.page.after) = (text, after)
                let bounds = SearchBounds(sample: most, common: .max, few: 0)
                return try await world.store.tickets(query, bounds: bounds, World.access(user)).items.map(\.ticket.id)
            }
            for most in 1...7 {
                #expect(try await found("early", most) == (most < 6 ? [] : early), "\(most)")
                #expect(try await found("common", most) == (most < 6 ? [] : six), "\(most)")
                // Stop words leave nothing out, however few were looked at.
                #expect(try await found("и", most) == six, "\(most)")
            }
            query.page.limit = 2
            query.text = nil
            let next = try await world.store.tickets(query, World.access(user)).next
            for most in 1...5 {
                let rest = early.filter { !six.prefix(2).contains($0) }
                #expect(
                    try await found("early", most, after: next) == (most < 4 ? [] : Array(rest.prefix(2))), "\(most)")
            }
        }
    }

    @Test(arguments: TicketSort.allCases, [User.ada, .carol])
    func `pages of a search give everything once while tickets are added`(sort: TicketSort, user: User) async throws {
        try await World.with { world in
            var wanted: Set<TicketID> = []
            for number in 0..<25 {
                let isWanted = number % 3 != 0
                let ticket = try await world.register(
                    description: isWanted ? "wanted words" : "other words", blocking: number % 4 == 0)
                if isWanted { wanted.insert(ticket.id) }
                if number % 2 == 0 { world.clock.advance(hours: 1) }
            }
            var query = TicketQuery(page: PageRequest(limit: 3), now: world.clock.now)
            query.text = "wanted"
            query.sort = sort
            var seen: [TicketID] = []
            while true {
                let page = try await world.store.tickets(query, World.access(user))
                seen += page.items.map(\.ticket.id)
                guard let next = page.next else { break }
                query.page.after = next
                // One more, which the order may show or not.
                if seen.count < 12 {
                    _ = try await world.register(description: "wanted later")
                    world.clock.advance(hours: 1)
                }
            }
            #expect(Set(seen).count == seen.count && wanted.isSubset(of: seen), "\(sort)")
        }
    }
}

extension World {
    /// The tickets of all pages.
    func all(_ query: TicketQuery, _ bounds: SearchBounds, _ access: Access) async throws -> [TicketID] {
        var query = query
        var tickets: [TicketID] = []
        while true {
            let page = try await store.tickets(query, bounds: bounds, access)
            tickets += page.items.map(\.ticket.id)
            guard let next = page.next else { return tickets }
            query.page.after = next
        }
    }

    /// How many rows something has, for the superuser.
    func count(_ source: String) async throws -> Int {
        let lane = Lane(
            loop: loop, connectionString: database.ownerURL,
            options: .single("count"))
        let statement = Statement<Int>("count", "SELECT count(*)::integer FROM \(source)") { (row) throws(RowError) in
            try row.int()
        }
        let rows: Result<[Int], any Error>
        do { rows = .success(try await lane.run(statement, [])) } catch { rows = .failure(error) }
        await lane.close()
        return try rows.get().first ?? -1
    }
}
