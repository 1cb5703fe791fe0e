import Digests
import EventLoop
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// What employees' requests send, which no condition of ours narrows down, sent as a customer's role with nothing but
/// the session's settings: every predicate of the application is taken away at once, and row-level security is left.
@Suite struct PredicateTests {
    private static let secret = "canary"

    /// Two organizations with everything that a ticket can have. What is not acme's, or is internal, says so.
    private struct Scene: Sendable {
        let world: World
        let ours: Ticket
        let theirs: Ticket
        let file: Tickets.Attachment

        static func with(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
            try await World.with { world in
                let ours = try await world.register(by: .carol, subject: "ours alone")
                try await world.take(.commentInternal("\(secret) among us"), on: ours.id, by: .ada)
                let theirs = try await world.register(
                    by: World.gina, subject: "\(secret) subject", description: "\(secret) text")
                let access = World.access(World.gina)
                var file = Tickets.Attachment(
                    id: .make(), ticket: theirs.id, organization: "globex", filename: "\(secret).bin",
                    mediaType: "text/plain", size: 6, sha256: Digest(of: secret))
                file.ticket = theirs.id
                try await world.store.stage(Array(secret.utf8), number: 0, of: file.id, organization: "globex", access)
                try await world.take(.attach(file, AttachmentQuota()), on: theirs.id, by: World.gina)
                try await world.take(.assign([User.ada.id], priority: nil), on: theirs.id, by: .ada)
                let solving = Solving(comment: "\(secret) solution", type: .individualWork, release: nil)
                try await world.take(.solve(solving), on: theirs.id, by: .ada)
                try await world.asSuperuser(
                    """
                    UPDATE organizations SET name = '\(secret) Ltd' WHERE code = 'globex';
                    UPDATE users SET name = '\(secret) Gina', email = '\(secret)@example.com' WHERE organization = 'globex';
                    """)
                try await world.store.create(
                    Token(
                        id: .make(), user: World.gina.id, name: "\(secret) token", createdAt: world.clock.now,
                        expiresAt: nil), hash: Digest(of: "token"), answer: World.noAnswer, .staff)
                let at = world.clock.now
                try await world.store.create(
                    Release(
                        product: "smartivr", version: "9.9", notes: "\(secret) notes", createdAt: at, publishedAt: nil),
                    by: User.ada.id, answer: World.noAnswer, .staff)
                let theirsNow = try await world.store.ticket(theirs.id, at: at, .staff)?.ticket
                try await body(
                    Scene(world: world, ours: ours, theirs: try #require(theirsNow), file: file))
            }
        }

        /// The same database; employees' lanes are a customer's of acme.
        func asCarol<T: Sendable>(_ body: (PostgresStore) async throws -> T) async throws -> T {
            var options = ConnectionOptions(url: world.database.ownerURL, waitMax: .seconds(60))
            options.staffRole = Roles.customer
            options.staffSettings = ["reglament.organization": "acme", "reglament.user": User.carol.id.text]
            let clock = world.clock
            let store = PostgresStore(
                loop: world.loop, connections: options, rulebook: { Samples.rulebook }, now: { clock.now })
            let result: Result<T, any Error>
            do { result = .success(try await body(store)) } catch { result = .failure(error) }
            await store.close()
            return try result.get()
        }

        /// Whether something tells of globex or of what employees say among themselves.
        func leaks(_ text: String) -> Bool {
            [secret, "globex", theirs.id.description, World.gina.id.text, file.id.text].contains { text.contains($0) }
        }
    }

    private typealias Read = @Sendable (PostgresStore, Scene) async throws -> Any

    /// Not the length of the pages that are read by statements of their own, which name the organization themselves.
    private static let page = PageRequest(limit: 49)

    /// All that somebody who is handed this can see in it.
    private static func told(_ value: Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }

    private static func query(_ set: (inout TicketQuery) -> Void) -> TicketQuery {
        var query = TicketQuery(page: page, now: Samples.noon)
        set(&query)
        return query
    }

    private struct Attempt: Sendable {
        let name: String
        /// An employee hears by it of globex or of what is internal.
        let isTold: Bool
        let read: Read
    }

    private static let found: [Attempt] = [
        Attempt(name: "ticket", isTold: true) { try await $0.ticket($1.theirs.id, at: Samples.noon, .staff) as Any },
        Attempt(name: "ground", isTold: true) {
            try await $0.changeGround($1.theirs.id, at: Samples.noon, .staff) as Any
        },
        Attempt(name: "otherTicket", isTold: true) { try await $0.otherTicket($1.theirs.id, .staff) as Any },
        Attempt(name: "explanationGround", isTold: true) {
            try await $0.explanationGround($1.theirs.id, at: Samples.noon, .staff) as Any
        },
        Attempt(name: "comments", isTold: true) { try await $0.comments($1.theirs.id, page, .staff) as Any },
        Attempt(name: "comments, internal", isTold: true) { try await $0.comments($1.ours.id, page, .staff) as Any },
        Attempt(name: "events", isTold: true) { try await $0.events($1.theirs.id, page, .staff) as Any },
        // Without the look at the ticket, which another policy hides.
        Attempt(name: "events alone", isTold: true) {
            let parameters: [Parameter] = [.text($1.theirs.id.description), 0, 50, .bool(true)]
            return try await $0.read(.staff, Statements.events, parameters)
        },
        Attempt(name: "attachment", isTold: true) { try await $0.attachment($1.file.id, .staff) as Any },
        Attempt(name: "attachments", isTold: true) { try await $0.attachments($1.theirs.id, page, .staff) as Any },
        Attempt(name: "attachmentBytes", isTold: true) {
            let bytes = try await $0.attachmentBytes($1.file.id, number: 0, offset: 0, count: 9, .staff)
            return String(decoding: bytes, as: UTF8.self)
        },
    ]

    private static let people: [Attempt] = [
        Attempt(name: "users", isTold: true) { store, _ in try await store.users(page, .staff) },
        Attempt(name: "users by id", isTold: true) { store, _ in try await store.users([World.gina.id]) },
        Attempt(name: "user", isTold: true) { store, _ in try await store.user(World.gina.id, .staff) as Any },
        Attempt(name: "organizations", isTold: true) { store, _ in try await store.organizations(page, .staff) },
        Attempt(name: "organization", isTold: true) { store, _ in
            try await store.organization("globex", .staff) as Any
        },
        Attempt(name: "contracts", isTold: true) { store, _ in try await store.contracts(page, .staff) },
        Attempt(name: "tokens", isTold: true) { store, _ in try await store.tokens(of: World.gina.id, page, .staff) },
        Attempt(name: "releases", isTold: true) { store, _ in try await store.releases(page, .staff) },
        Attempt(name: "release", isTold: true) { store, _ in
            try await store.release("smartivr", "9.9", .staff) as Any
        },
        Attempt(name: "feed", isTold: true) { store, _ in try await store.feed(after: 0, limit: 50) },
        Attempt(name: "feedEnd", isTold: false) { store, _ in try await store.feedEnd() },
        Attempt(name: "queueSummary", isTold: false) { store, _ in try await store.queueSummary(at: Samples.noon) },
        Attempt(name: "runs", isTold: false) { store, _ in try await store.runs(page) },
    ]

    private static let lists: [Attempt] = {
        var queries: [(String, TicketQuery)] = TicketSort.allCases.map { sort in
            ("sorted \(sort)", query { $0.sort = sort })
        }
        queries.append(("of an organization", query { $0.organization = "globex" }))
        queries.append(("in a state", query { $0.states = [.solved] }))
        queries.append(("with a word", query { $0.text = secret }))
        queries.append(("of an engineer", query { $0.assignee = .user(User.ada.id) }))
        return queries.map { name, query in
            Attempt(name: "list \(name)", isTold: true) { store, _ in try await store.tickets(query, .staff) }
        }
    }()

    /// Every read of the store as an employee sends it.
    private static var reads: [Attempt] { found + people + lists }

    @Test func `without a predicate of ours a customer's role reads nothing that is not its own`() async throws {
        try await Scene.with { scene in
            try await scene.world.asSuperuser("SELECT sequence_feed(1000)")
            // The employee hears of it: what follows would see a leak.
            for attempt in Self.reads where attempt.isTold {
                let text = Self.told(try await attempt.read(scene.world.store, scene))
                #expect(scene.leaks(text), "\(attempt.name) does not show an employee what is to be hidden")
            }
            try await scene.asCarol { store in
                for attempt in Self.reads {
                    do {
                        let text = Self.told(try await attempt.read(store, scene))
                        #expect(!scene.leaks(text), "\(attempt.name): \(text)")
                    } catch {
                        // It may name what the caller has named.
                        #expect(!"\(error)".contains(Self.secret), "\(attempt.name): \(error)")
                    }
                }
                // And it does read: its own is there.
                let own = try await store.tickets(Self.query { _ in }, .staff).items
                #expect(own.map(\.ticket.id) == [scene.ours.id])
                #expect(try await store.ticket(scene.ours.id, at: Samples.noon, .staff)?.ticket.subject == "ours alone")
            }
        }
    }

    @Test func `with any one policy opened something is read that should not be`() async throws {
        try await Scene.with { scene in
            for table in [
                "tickets", "comments", "events", "attachments", "attachment_chunks", "users", "organizations",
                "contracts", "tokens",
            ] {
                let names = try await scene.world.database.count(
                    "SELECT count(*) FROM pg_policies WHERE policyname = '\(table)_customer' AND cmd = 'ALL'")
                #expect(names == 1, "\(table) has another policy than this test opens")
                let own = try await RightsTests.column(
                    "SELECT qual FROM pg_policies WHERE policyname = '\(table)_customer'", scene.world.database)
                try await scene.world.asSuperuser("ALTER POLICY \(table)_customer ON \(table) USING (true)")
                let leaks = try await scene.asCarol { store in
                    var leaks = 0
                    for attempt in Self.reads {
                        if let value = try? await attempt.read(store, scene), scene.leaks(Self.told(value)) {
                            leaks += 1
                        }
                    }
                    return leaks
                }
                #expect(leaks > 0, "\(table): nobody would see that its policy is gone")
                try await scene.world.asSuperuser(
                    "ALTER POLICY \(table)_customer ON \(table) USING (\(try #require(own.first)))")
            }
        }
    }

    @Test func `without a predicate of ours a customer's role changes nothing that is not its own`() async throws {
        try await Scene.with { scene in
            let world = scene.world
            let ground = try await world.store.changeGround(scene.theirs.id, at: world.clock.now, .staff)
            let contract = try #require(ground).contract
            let steps: [(Step, User)] = [
                (.comment("no"), .ada), (.commentInternal("no"), .ada), (.confirm(nil), World.gina),
                (.dispute("It does not work."), World.gina),
            ]
            var changes = try steps.map { step, user in
                try Lifecycle.decide(
                    step, on: scene.theirs, by: Actor(user), at: world.clock.now, rules: Samples.rules("smartivr"),
                    contract: contract)
            }
            // A registration in globex's name.
            let rules = Samples.rules("smartivr")
            let draft = Draft(
                product: "smartivr", kind: rules.policy.kinds[0], subject: "no", description: "no",
                details: Samples.details("smartivr"), blocking: false, organization: "globex", reporter: World.gina.id)
            changes.append(
                Registration.decide(
                    draft, number: 4711, contract: contract, by: Actor(User.ada), at: world.clock.now, rules: rules))
            try await scene.asCarol { store in
                for change in changes {
                    for access in [Access.staff, World.access(.carol)] {
                        await #expect(throws: StoreError.self) {
                            try await store.write(change, answer: World.noAnswer, access)
                        }
                    }
                }
                // What only employees do at all.
                let at = world.clock.now
                let calls: [@Sendable () async throws -> Void] = [
                    {
                        try await store.create(Organization(code: "evil", name: "Evil"), answer: World.noAnswer, .staff)
                    },
                    {
                        try await store.update(
                            Organization(code: "globex", name: "Evil"),
                            from: Organization(code: "globex", name: "Globex"),
                            .staff)
                    },
                    {
                        let user = User(
                            id: .make(), email: "evil@example.com", name: "Evil", role: .admin, organization: nil)
                        try await store.create(user, at: at, answer: World.noAnswer, .staff)
                    },
                    {
                        var user = User.carol
                        user.role = .admin
                        user.organization = nil
                        try await store.update(user, from: .carol, .staff)
                    },
                    {
                        let token = Token(id: .make(), user: User.ada.id, name: "evil", createdAt: at, expiresAt: nil)
                        try await store.create(token, hash: Digest(of: "evil"), answer: World.noAnswer, .staff)
                    },
                    {
                        let release = Release(
                            product: "smartivr", version: "6.6", notes: nil, createdAt: at, publishedAt: nil)
                        try await store.create(release, by: User.ada.id, answer: World.noAnswer, .staff)
                    },
                    { _ = try await store.runAutoClose(.close, by: nil, at: at, .staff) { _, _ in } },
                ]
                for (index, call) in calls.enumerated() {
                    await #expect(throws: StoreError.self, "call \(index)") { try await call() }
                }
                await store.discard(scene.file.id, .staff)
            }
            let after = try await world.store.ticket(scene.theirs.id, at: world.clock.now, .staff)?.ticket
            #expect(after == scene.theirs)
            #expect(try await world.database.count("SELECT count(*) FROM tickets") == 2)
            let evil = """
                SELECT (SELECT count(*) FROM organizations WHERE name = 'Evil') + (SELECT count(*) FROM tokens WHERE name = 'evil')
                     + (SELECT count(*) FROM users WHERE name = 'Evil' OR (id = '\(User.carol.id)' AND role <> 'customer'))
                     + (SELECT count(*) FROM releases WHERE version = '6.6') + (SELECT count(*) FROM job_runs)
                """
            #expect(try await world.database.count(evil) == 0)
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }
}
