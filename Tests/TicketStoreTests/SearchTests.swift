import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct SearchTests {
    /// What is written, what is searched for, whether it is found.
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        let query: String
        let isFound: Bool

        init(_ text: String, _ query: String, _ isFound: Bool = true) {
            self.text = text
            self.query = query
            self.isFound = isFound
        }

        var testDescription: String { "\(query) in \(text)" }
    }

    static let rows = [
        // Russian and English morphology, whatever the case.
        Row("Окно оператора зависает при входящем звонке", "окна операторов"),
        Row("Окно оператора зависает при входящем звонке", "ЗАВИСАЛО"),
        Row("Окно оператора зависает при входящем звонке", "входящие звонки"),
        Row("Окно оператора зависает при входящем звонке", "исходящие", false),
        Row("Ошибки при авторизации пользователей", "ошибка авторизация"),
        Row("Обновление не устанавливается", "обновления"),
        Row("Ещё раз: ёлка не горит", "еще елка"),
        Row("Еще раз: елка не горит", "ещё ёлка"),
        Row("The operators' windows were freezing", "operator window freezes"),
        Row("The operators' windows were freezing", "Freeze"),
        Row("The operators' windows were freezing", "froze", false),
        Row("Сервер отвечает timeouts по SIP", "серверы timeout sip"),
        // All words, in any order; or; without; side by side.
        Row("Нет звука после обновления", "обновление звук"),
        Row("Нет звука после обновления", "обновление видео", false),
        Row("Нет звука после обновления", "видео or звук"),
        Row("Нет звука после обновления", "видео OR картинка", false),
        Row("Нет звука после обновления", "звук -обновление", false),
        Row("Нет звука после обновления", "звук -видео"),
        Row("Нет звука после обновления", "\"звука после обновления\""),
        Row("Нет звука после обновления", "\"обновления звука\"", false),
        Row("Потеряно соединение с базой", "\"соединение с базой\""),
        Row("Потеряно соединение базой", "\"соединение с базой\"", false),
        // Numbers, versions, addresses, words with a hyphen or a slash.
        Row("После 4.2.1 не открывается", "4.2.1"),
        Row("После 4.2.1 не открывается", "4.2.2", false),
        Row("Код ошибки 0x80070057, строка 1517", "0x80070057 1517"),
        Row("Пишите на ivan.petrov@example.com", "ivan.petrov@example.com"),
        Row("Онлайн-касса не печатает", "онлайн-кассы"),
        Row("Онлайн-касса не печатает", "касса"),
        Row("Вход/выход, Windows/Linux", "выход linux"),
        Row("Открыт https://portal.example.com/login/sso", "https://portal.example.com/login/sso"),
        Row("Открыт https://portal.example.com/login/sso", "portal.example.com"),
        Row("Дубль OMNIVOX-1042", "OMNIVOX-1042"),
        Row("Дубль OMNIVOX-1042", "omnivox-104", false),
        // Stop words and punctuation leave nothing out; what looks like syntax is none.
        Row("Нет звука", "и the"),
        Row("Нет звука", "???"),
        Row("Нет звука", "звук & ! ( | :* <-> ' \\ \""),
        Row("Нет звука", "-видео"),
        Row("Нет звука", "-звук", false),
        Row("Нет звука", "---звук", false),
        Row("Нет звука", "- - -звук", false),
        Row("Нет звука", "--- звук", false),
        Row("Нет звука", "звук ---"),
    ]

    @Test func `words are found as people write them, by employees and by customers`() async throws {
        try await World.with { world in
            for row in Self.rows {
                let ticket = try await world.register(description: row.text)
                for access in [World.access(.ada), World.access(.carol)] {
                    let found = try await world.search(row.query, access)
                    #expect(found.contains(ticket.id) == row.isFound, "\(row.testDescription)")
                }
            }
        }
    }

    /// PostgreSQL's own reading of a search fails at 33 negations in a row.
    @Test func `nothing is wrong syntax`() async throws {
        try await World.with { world in
            let pieces = [
                "-", "-", "-", " ", "\"", "!", "(", ")", "&", "|", "or", "a", "и", "—", "\u{2003}", "\u{a0}", ":*",
            ]
            for _ in 0..<20 {
                let literals = (0..<200).map { number in
                    // Few kinds of pieces make long runs of one.
                    let some = (0...number % 3).map { _ in pieces.randomElement() ?? "-" } + ["-"]
                    return "'\((0..<120).map { _ in some.randomElement() ?? "-" }.joined())'"
                }.joined(separator: ",")
                let query = "SELECT count(search_query(text)) FROM unnest(ARRAY[\(literals)]) text"
                #expect(try await world.database.count(query) == 200, "\(query)")
            }
            for query in [String(repeating: "-", count: 256), String(repeating: "- ", count: 128) + "звук"] {
                _ = try await world.search(query, World.access(.carol))
            }
        }
    }

    @Test func `everything that a ticket says is searched, its number too`() async throws {
        try await World.with { world in
            let other = try await world.register(description: "Nothing of the kind")
            let ticket = try await world.register("omnivox", subject: "Subject alpha", description: "Description beta")
            var details = ticket.details
            details[try #require(details.keys.sorted().first)] = "gamma"
            try await world.take(.edit(TicketEdit(details: details)), on: ticket.id, by: .ada)
            try await world.take(.comment("Comment delta"), on: ticket.id, by: .carol)
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
            let solving = Solving(comment: "Solution epsilon", type: .individualWork, release: nil)
            try await world.take(.solve(solving), on: ticket.id, by: .ada)
            try await world.take(.edit(TicketEdit(subject: "Subject zeta")), on: ticket.id, by: .ada)
            for access in [World.access(.ada), World.access(.carol)] {
                for query in [
                    "zeta", "beta", "gamma", "delta", "epsilon", "zeta beta gamma delta epsilon",
                    "\(ticket.id)", "\(ticket.id.number)",
                ] {
                    let found = try await world.search(query, access)
                    #expect(found.contains(ticket.id) && !found.contains(other.id) || query == "1", "\(query)")
                }
                #expect(try await world.search("alpha", access) == [])
                // Phrases do not reach over the end of a text.
                #expect(try await world.search("\"zeta description\"", access) == [])
                #expect(try await world.search("\"beta comment\"", access) == [])
                #expect(try await world.search("\"delta solution\"", access) == [])
            }
        }
    }

    @Test func `what employees say among themselves is found by them alone`() async throws {
        try await World.with { world in
            let ticket = try await world.register(description: "Public words")
            try await world.take(.commentInternal("Secret words"), on: ticket.id, by: .ada)
            try await world.take(.comment("Later words"), on: ticket.id, by: .ada)
            #expect(try await world.search("public secret later", World.access(.ada)) == [ticket.id])
            #expect(try await world.search("public -secret", World.access(.ada)) == [])
            #expect(try await world.search("secret", World.access(.carol)) == [])
            #expect(try await world.search("public later -secret", World.access(.carol)) == [ticket.id])
        }
    }

    @Test func `nobody finds what belongs to another organization, whatever the statement says`() async throws {
        try await World.with { world in
            let ours = try await world.register(by: .carol, description: "Common word")
            let theirs = try await world.register(by: World.gina, description: "Common word")
            #expect(try await world.search("common", World.access(.carol)) == [ours.id])
            #expect(try await world.search("common", World.access(World.gina)) == [theirs.id])
            #expect(Set(try await world.search("common", World.access(.ada))) == [ours.id, theirs.id])
            // The function by itself, without any predicate of ours.
            let statement = Statement<String>("found", "SELECT search_tickets($1, NULL)") { (row) throws(RowError) in
                try row.text()
            }
            let lane = Lane(
                loop: world.loop, connectionString: world.database.ownerURL,
                options: .single("search", role: Roles.customer))
            for (organization, found) in [
                ("acme", [ours.id.description]), ("globex", [theirs.id.description]), ("", []),
            ] {
                let rows = try await lane.run(
                    Context.read, [.text(organization), ""], then: statement, ["common"]
                ).1
                #expect(rows == found)
            }
            await lane.close()
            for sql in [
                "SELECT everything FROM ticket_search", "SELECT search_all_tickets('x', 1, NULL)",
                "SELECT rebuild_ticket_search('x')",
            ] {
                _ = await #expect(throws: (any Error).self) {
                    try await world.asSuperuser("SET ROLE \(Roles.customer); \(sql)")
                }
            }
            for sql in ["UPDATE ticket_search SET shared = ''", "DELETE FROM ticket_search"] {
                _ = await #expect(throws: (any Error).self) {
                    try await world.asSuperuser("SET ROLE \(Roles.staff); \(sql)")
                }
            }
        }
    }
}

extension World {
    /// Everything that is found, in the order of the numbers.
    func search(_ text: String, _ access: Access) async throws -> [TicketID] {
        var query = TicketQuery(page: PageRequest(limit: 200), now: clock.now)
        query.text = text
        return try await store.tickets(query, access).items.map(\.ticket.id).sorted()
    }
}
