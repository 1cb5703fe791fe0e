import Digests
import Foundation
import Regulations
import TestKit
import Testing
import TicketStore
import Tickets

/// Personal data as an operator deals with it: one document of all of it, and none of it in a dump afterwards.
@Suite(.serialized) struct PersonTests {
    private static let places = [
        "name", "address", "subject", "earlier", "description", "comment", "thought", "solution", "list", "detail",
        "tag",
        "file", "bytes", "token", "answer", "others",
    ]

    /// A word that stands in one place and nowhere else.
    private static func word(_ place: String) -> String { "marzipan\(place)" }

    /// Whose words they are.
    private static let author = User(
        id: .make(), email: "\(word("address"))@example.com", name: word("name"), role: .engineer, organization: nil)

    private struct Desk: Sendable {
        let world: World
        let binary: Runner
        let folder: PrivateFolder

        func run(_ words: String...) async throws -> BuiltProgram.Result {
            try await BuiltProgram.run(words, binary.settings)
        }

        /// What a dump has of the words: as they are, or as the hexadecimal of bytes.
        func places() async throws -> [String] {
            let dump = try await BuiltProgram.run(
                ["--dbname", world.database.ownerURL, "--file", "\(folder.path)/dump"], [:],
                executable: "/usr/bin/pg_dump")
            #expect(dump.status == 0, "\(dump.errors)")
            let text = try folder.text("dump").lowercased()
            return PersonTests.places.filter { place in
                let word = PersonTests.word(place)
                return text.contains(word) || text.contains(Hex.encode(Array(word.utf8)))
            }
        }
    }

    /// A database in which one person has left a word in every place that takes one.
    private static func with(_ body: @escaping @Sendable (Desk) async throws -> Void) async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await World.with { world in
            try await fill(world)
            // By the world's clock kept answers are of today.
            let settings = [
                "REGLAMENT_DATABASE_URL": world.database.ownerURL, "REGLAMENT_DATA": folder.path,
                "REGLAMENT_CLOCK": world.clock.now.rfc3339,
            ]
            try await body(Desk(world: world, binary: Runner(settings: settings), folder: folder))
        }
    }

    private static func fill(_ world: World) async throws {
        // The program compares the policies by their checksums.
        try await world.asSuperuser("UPDATE policy_versions SET sha256 = encode(sha256(document), 'hex')")
        try await world.store.create(author, at: world.clock.now, answer: World.noAnswer, .staff)
        let token = Token(
            id: .make(), user: author.id, name: word("token"), createdAt: world.clock.now, expiresAt: nil)
        try await world.store.create(token, hash: Digest(of: "secret"), answer: World.noAnswer, .staff)
        var answer = World.noAnswer
        answer.body = Array(#"{"subject":"\#(word("answer"))"}"#.utf8)
        let details = Samples.details("omnivox").mapValues { _ in word("detail") }
        let ticket = try await world.register(
            "omnivox", by: author, subject: word("earlier"), description: word("description"), details: details,
            tags: [word("tag")], reporter: author, answer: answer,
            key: IdempotencyKey(caller: author.id, key: "key", request: Digest(of: "request")))
        try await world.take(.edit(TicketEdit(subject: word("subject"))), on: ticket.id, by: .ada)
        try await world.take(.assign([author.id], priority: nil), on: ticket.id, by: .ada)
        try await world.take(.comment(word("comment")), on: ticket.id, by: author)
        try await world.take(.commentInternal(word("thought")), on: ticket.id, by: author)
        try await attach(to: ticket.id, world)
        try await world.take(
            .solve(Solving(comment: word("solution"), type: .individualWork, release: nil)), on: ticket.id, by: author)
        let other = try await world.register(subject: "Another's")
        try await world.take(.edit(TicketEdit(tags: [word("others")])), on: other.id, by: author)
        try await world.take(.comment("Another's words"), on: other.id, by: .carol)
        try await world.asSuperuser(
            """
            INSERT INTO follow_ups (id, kind, ticket, comment, type, actor, at, finished_at)
            VALUES ('f_1', 'solve_parts', '\(ticket.id)', '\(word("list"))', 'individual_work', '\(author.id)', now(), now())
            """)
    }

    private static func attach(to ticket: TicketID, _ world: World) async throws {
        let bytes = Array(word("bytes").utf8)
        let attachment = Tickets.Attachment(
            id: .make(), ticket: ticket, organization: "acme", filename: "\(word("file")).txt", mediaType: "text/plain",
            size: bytes.count, sha256: Digest(of: bytes))
        try await world.store.stage(
            bytes, number: 0, of: attachment.id, organization: "acme", World.access(author))
        try await world.take(.attach(attachment, AttachmentQuota()), on: ticket, by: author)
    }

    @Test func `nothing of an erased person is in a dump, and every history holds`() async throws {
        try await Self.with { desk in
            #expect(try await desk.places() == Self.places)
            let anchors = "\(desk.folder.path)/anchors.jsonl"
            #expect(try await desk.run("anchor", "--file", anchors).status == 0)

            let told = try await desk.run("person", "erase", Self.author.email, "--attachments", "--dry-run")
            #expect(try await desk.places() == Self.places)
            let done = try await desk.run("person", "erase", Self.author.email, "--attachments")
            #expect(done.status == 0, "\(done.errors)")
            #expect(
                done.output == """
                    \(Self.author.id) is erased: 2 tickets, 5 texts, 3 comments, 2 solutions, 6 changes, 1 attachments, \
                    1 kept answers

                    """)
            #expect(told.output == done.output.replacing("is erased", with: "would be erased"))
            #expect(try await desk.places() == [])

            let verified = try await desk.run("verify", "--anchor", anchors)
            #expect(verified.status == 0 && verified.lines.last?.hasSuffix(" 0 breaks") == true, "\(verified.output)")
            let script = Repository.root.appending(path: "Scripts/verify-chains").path
            let chains = try await BuiltProgram.run(
                [script, "--anchor", anchors, desk.world.database.ownerURL], [:], executable: "/usr/bin/python3")
            #expect(chains.status == 0, "\(chains.output)\(chains.errors)")
            #expect(
                try await desk.world.database.count(
                    "SELECT count(*)::integer FROM comments WHERE body = 'Another''s words'") == 1)
        }
    }

    @Test func `the API shows that something was erased, and not what`() async throws {
        try await Self.with { desk in
            #expect(try await desk.run("person", "erase", Self.author.email, "--attachments").status == 0)
            let made = try await desk.run("token", "create", "--email", "ada@example.com", "--role", "engineer")
            let token = try #require(made.lines.first)
            let service = try await RunningService.start(desk.binary.settings, in: desk.folder)
            func get(_ path: String) async throws -> RunningService.Answer {
                try await service.insist("GET", "/v1/\(path)", token: token)
            }
            let ticket = try await get("tickets/OMNIVOX-1")
            #expect(ticket.status == 200)
            #expect(try ticket.member("subject", as: String.self) == "[erased]")
            #expect(try ticket.member("details", as: [String: String].self) == [:])
            let reporter = try ticket.member("registered_by", as: [String: String].self)
            #expect(reporter == ["id": Self.author.id.text, "name": "erased person"])
            let files = try #require(
                try await get("tickets/OMNIVOX-1/attachments").member("items", as: [[String: Any]].self))
            #expect(files.first?["size"] as? Int == 0)
            #expect(try await get("attachments/\(files.first?["id"] as? String ?? "")").status == 404)
            for path in ["", "/events", "/comments", "/attachments", "/explain"] {
                let answer = try await get("tickets/OMNIVOX-1\(path)")
                #expect(answer.status == 200, "\(path)")
                #expect(!String(decoding: answer.body, as: UTF8.self).contains("marzipan"), "\(path)")
            }
            #expect(
                try await get("tickets?q=\(Self.word("description"))").member("items", as: [Any].self)?.isEmpty == true)
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `an export has all that is erased, and no secret`() async throws {
        try await Self.with { desk in
            let export = try await desk.run("person", "export", Self.author.id.text)
            #expect(export.status == 0, "\(export.errors)")
            #expect(try await desk.run("person", "export", Self.author.email).output == export.output)
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(export.output.utf8)) as? [String: [[String: Any]]])
            // A file's bytes are the file's, and what an answer says is told where it comes from.
            for place in Self.places where place != "bytes" && place != "answer" {
                #expect(export.output.contains(Self.word(place)), "\(place)")
            }
            #expect(document["idempotency_keys"]?.first?["count"] as? Int == 1)
            #expect(document["events"]?.count == 6)
            #expect(!export.output.contains(Hex.encode(Digest(of: "secret").bytes)))
            #expect(!export.output.contains("Another's words"))
        }
    }

    @Test func `more than a cursor's rows are exported one after the other`() async throws {
        try await Self.with { desk in
            let ticket = try await desk.world.register(by: World.colin)
            for number in 1...120 {
                try await desk.world.take(.comment("Number \(number)"), on: ticket.id, by: World.colin)
            }
            let export = try await desk.run("person", "export", World.colin.email)
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(export.output.utf8)) as? [String: [[String: Any]]])
            #expect(document["comments"]?.compactMap { $0["body"] as? String } == (1...120).map { "Number \($0)" })
        }
    }

    private static let mistakes: [([String], Int32)] = [
        (["person", "export"], 2), (["person", "erase"], 2), (["person", "erase", "nobody@example.com"], 1),
        (["person", "export", "u_nobody"], 1), (["retention"], 2), (["retention", "--apply", "--dry-run"], 2),
    ]

    @Test(arguments: mistakes)
    func `words that make no sense, and people who are not there, are told so`(words: [String], status: Int32)
        async throws
    {
        try await Self.with { desk in
            let result = try await BuiltProgram.run(words, desk.binary.settings)
            #expect(result.status == status, "\(result.output)\(result.errors)")
            #expect(result.output.isEmpty)
            #expect(try await desk.places() == Self.places)
        }
    }

    @Test func `a login that may not become the owner erases nothing`() async throws {
        try await Self.with { desk in
            let login = "service_\(UInt32.random(in: 0 ... .max))"
            try await desk.world.asSuperuser("CREATE ROLE \(login) LOGIN IN ROLE reglament_staff, reglament_customer")
            var settings = desk.binary.settings
            settings["REGLAMENT_MIGRATE_URL"] = desk.world.database.url(user: login)
            let result = try await BuiltProgram.run(["person", "erase", Self.author.email], settings)
            try await desk.world.asSuperuser("DROP ROLE \(login)")
            #expect(result.status == 1)
            #expect(try await desk.places() == Self.places)
        }
    }

    @Test func `retention is off unless it is set, and counts whole days`() async throws {
        try await Self.with { desk in
            let ticket = try await desk.world.register(subject: "Old")
            try await desk.world.take(.withdraw(nil), on: ticket.id, by: .carol)
            let closed = desk.world.clock.now
            func run(_ word: String, _ days: String?, after milliseconds: Int64) async throws -> BuiltProgram.Result {
                var settings = desk.binary.settings
                settings["REGLAMENT_RETENTION_CLOSED_TEXTS"] = days
                // The program's clock runs on from here: a minute for its start.
                settings["REGLAMENT_CLOCK"] = closed.adding(milliseconds: milliseconds).rfc3339
                return try await BuiltProgram.run(["retention", word], settings)
            }
            let day: Int64 = 86_400_000
            #expect(try await run("--apply", nil, after: 900 * day).output.contains("is off"))
            #expect(try await run("--apply", "30d", after: 30 * day - 60_000).output.contains(" 0 tickets"))
            #expect(
                try await run("--dry-run", "30d", after: 30 * day + 1).output.contains("would be erased: 1 tickets"))
            #expect(try await desk.world.database.count("SELECT count(*)::integer FROM erasures") == 0)
            #expect(try await run("--apply", "30d", after: 30 * day + 1).output.contains(", erased: 1 tickets"))
            #expect(
                try await desk.world.database.count(
                    "SELECT count(*)::integer FROM tickets WHERE subject = '[erased]'") == 1)
            #expect(try await desk.run("verify").status == 0)
        }
    }
}
