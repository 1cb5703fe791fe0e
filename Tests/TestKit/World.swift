public import EventLoop
public import Regulations
import Synchronization
public import TicketStore
public import Tickets

/// A clock that a test turns by hand.
public final class TestClock: Sendable {
    private let milliseconds: Mutex<Int64>

    public init(_ start: Instant = Samples.noon) { milliseconds = Mutex(start.milliseconds) }

    public var now: Instant { Instant(milliseconds: milliseconds.withLock { $0 }) }

    public func advance(hours: Double) { milliseconds.withLock { $0 += Int64(hours * 3_600_000) } }

    public func set(_ instant: Instant) { milliseconds.withLock { $0 = instant.milliseconds } }
}

/// A migrated database with the five policies, two organizations, their people and contracts; a store on a loop.
public struct World: Sendable {
    public let database: TestDatabase
    public let loop: EventLoop
    public let store: PostgresStore
    public let clock: TestClock

    /// Organization acme: Carol and Colin; globex: Gina. Employees: Ada the engineer, Grace the lead.
    public static let colin = User(
        id: UserID(stored: "u_colin00000000000000000"), email: "colin@example.com", name: "Colin", role: .customer,
        organization: "acme")
    public static let gina = User(
        id: UserID(stored: "u_gina000000000000000000"), email: "gina@example.com", name: "Gina", role: .customer,
        organization: "globex")

    public static func with<T: Sendable>(
        at start: Instant = Samples.noon, _ body: @escaping @Sendable (World) async throws -> T
    ) async throws -> T {
        try await TestDatabase.with(.populated) { database in
            try await onLoop { loop in
                let clock = TestClock(start)
                let store = PostgresStore(
                    loop: loop, connections: ConnectionOptions(url: database.ownerURL, waitMax: .seconds(60)),
                    rulebook: { Samples.rulebook },
                    now: { clock.now })
                let result: Result<T, any Error>
                do {
                    try await store.keepIdempotencyDays()
                    result = .success(try await body(World(database: database, loop: loop, store: store, clock: clock)))
                } catch { result = .failure(error) }
                await store.close()
                return try result.get()
            }
        }
    }

    public static let noAnswer = KeptAnswer(
        status: 200, contentType: "application/json", contentLanguage: "en", location: nil, etag: nil,
        body: Array("{}".utf8))

    public static func access(_ user: User, key: IdempotencyKey? = nil) -> Access {
        Access(Caller(user: user, token: .make(), expiresAt: nil), key: key)
    }

    /// Registers a ticket as somebody of the customer's.
    public func register(
        _ product: String = "smartivr", by user: User = .carol, subject: String = "Window freezes",
        description: String = "It does.", details: [String: String]? = nil, tags: [String] = [],
        partOf: TicketID? = nil, blocking: Bool = false, reporter: User? = nil, answer: KeptAnswer = noAnswer,
        key: IdempotencyKey? = nil
    ) async throws -> Ticket {
        let rules = Samples.rules(product)
        let draft = Draft(
            product: product, kind: rules.policy.kinds[0], subject: subject, description: description,
            details: details ?? Samples.details(product), blocking: blocking, tags: tags,
            organization: user.organization ?? "acme",
            reporter: (reporter ?? (user.role == .customer ? user : .carol)).id,
            partOf: partOf)
        let access = Self.access(user, key: key)
        let ground = try await store.registrationGround(
            draft, prefix: rules.policy.prefix, day: rules.day(of: clock.now), access)
        guard let contract = ground.contract else { throw Refusal.noContractInForce }
        let change = Registration.decide(
            draft, number: ground.number, contract: contract, by: Actor(user), at: clock.now, rules: rules)
        try await store.write(change, answer: answer, access)
        return change.ticket
    }

    /// Takes one step, once.
    @discardableResult
    public func take(
        _ step: Step, on id: TicketID, by user: User, key: IdempotencyKey? = nil
    ) async throws -> Ticket {
        let access = Self.access(user, key: key)
        guard let ground = try await store.changeGround(id, at: clock.now, access) else {
            throw StoreError.unexpected("not visible")
        }
        let change = try Lifecycle.decide(
            step, on: ground.record.ticket, by: Actor(user), at: clock.now,
            rules: Samples.rules(ground.record.ticket.product),
            contract: ground.contract)
        try await store.write(change, answer: Self.noAnswer, access)
        return change.ticket
    }

    /// A ticket that was solved just now.
    public func solved(_ product: String = "call-to-visit") async throws -> Ticket {
        let ticket = try await register(product)
        try await take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
        return try await take(
            .solve(Solving(comment: "Restart", type: .individualWork, release: nil)), on: ticket.id, by: .ada)
    }

    /// As the superuser, whom no rule of ours binds.
    public func asSuperuser(_ sql: String) async throws { try await database.run(sql) }
}

extension TestTemplate {
    /// `migrated` with policies, organizations, people and contracts.
    public static let populated = TestTemplate("populated") { url in
        try await onLoop { loop in
            _ = try await Migrator(url: url, migrations: try Repository.migrations(), loop: loop).up { _ in }
            let store = PostgresStore(
                loop: loop, connections: ConnectionOptions(url: url), rulebook: { Samples.rulebook },
                now: { Samples.noon })
            for product in Samples.products {
                let bytes = try Repository.bytes("Config/policies/\(product).json")
                _ = try await store.install(
                    Samples.rules(product).policy, document: bytes, sha256: "test")
            }
            for code in ["acme", "globex"] {
                try await store.create(Organization(code: code, name: code), answer: World.noAnswer, .staff)
            }
            for user in [User.ada, .grace, .carol, World.colin, World.gina] {
                try await store.create(user, at: Samples.noon, answer: World.noAnswer, .staff)
            }
            for organization in ["acme", "globex"] {
                for product in Samples.products {
                    guard let from = CalendarDate(iso: "2026-01-01") else { continue }
                    let contract = Contract(
                        id: .make(), organization: organization, product: product, plan: nil, validFrom: from,
                        validTo: nil,
                        autoCloseAfterWorkingDays: nil,
                        responsibleContacts: organization == "acme" ? [User.carol.id] : [])
                    try await store.create(contract, answer: World.noAnswer, .staff)
                }
            }
            await store.close()
        }
    }
}
