import Digests
import Glibc
import Regulations
import TicketStore
import Tickets

/// An installation to look at: customers with contracts, people in every role, tickets of all five products in every
/// state. Everybody and everything in it is invented.
struct Demonstration: Sendable {
    let session: Session
    /// Where the tokens are kept from one start to the next.
    let dataFolder: String

    /// Somebody to try the service as.
    struct Person: Sendable {
        let email: String
        let name: String
        let role: Role
        var organization: String?
    }

    struct Cast: Sendable {
        let user: User
        let token: String
    }

    static let customer = Person(
        email: "vera.lugovaya@romashka.example.com", name: "Vera Lugovaya", role: .customer, organization: "romashka")
    static let engineer = Person(email: "igor.stepnoy@example.com", name: "Igor Stepnoy", role: .engineer)
    static let service = Person(email: "nightly-job@example.com", name: "Nightly job", role: .service)

    static let people: [Person] = [
        customer,
        Person(
            email: "lev.polevoy@romashka.example.com", name: "Lev Polevoy", role: .customer, organization: "romashka"),
        Person(
            email: "nina.tikhaya@sever-bank.example.com", name: "Nina Tikhaya", role: .customer,
            organization: "sever-bank"),
        Person(
            email: "oleg.yasnev@sever-bank.example.com", name: "Oleg Yasnev", role: .customer,
            organization: "sever-bank"),
        Person(email: "rita.morskaya@volna.example.com", name: "Rita Morskaya", role: .customer, organization: "volna"),
        engineer,
        Person(email: "maya.rechnaya@example.com", name: "Maya Rechnaya", role: .engineer),
        Person(email: "stepan.gorny@example.com", name: "Stepan Gorny", role: .lead),
        Person(email: "admin@example.com", name: "Alla Zimina", role: .admin),
        service,
    ]

    private static let organizations = [
        ("romashka", "Romashka Trade"), ("sever-bank", "Sever Bank"), ("volna", "Volna Logistics"),
    ]

    private static let contracts: [(organization: String, product: String, plan: String, days: Int?)] = [
        ("romashka", "maics", "standard", nil), ("romashka", "omnivox", "extended", 5),
        ("sever-bank", "omnivox", "standard", nil), ("sever-bank", "smartivr", "extended", nil),
        ("volna", "call-to-visit", "extended", nil), ("volna", "dialog", "standard", nil),
    ]

    /// The release that a ticket waits for.
    static let release = "4.2.2"

    /// False, and nothing is done, when there are tickets already.
    func fillIfEmpty() async throws -> Bool {
        guard try await !session.store.hasTickets() else { return false }
        for (code, name) in Self.organizations { try await session.makeOrganization(code, name: name) }
        let users = try await users()
        try await makeContracts(users)
        if let lead = users.values.first(where: { $0.role == .lead }) {
            let release = Release(
                product: "omnivox", version: Self.release, notes: "The operator window no longer freezes.",
                createdAt: session.now(), publishedAt: nil)
            try await session.make(unless: "releases_pkey") {
                try await session.store.create(release, by: lead.id, answer: Session.noAnswer, .staff)
            }
        }
        for story in DemonstrationStory.all { try await story.tell(session, users) }
        try await DemonstrationFamily.tell(session, users)
        return true
    }

    /// Everybody by address, made when missing.
    private func users() async throws -> [String: User] {
        var users: [String: User] = [:]
        for person in Self.people {
            users[person.email] = try await session.user(
                email: person.email, name: person.name, role: person.role, organization: person.organization)
        }
        return users
    }

    private func makeContracts(_ users: [String: User]) async throws {
        let yearAgo = session.now().microseconds - 365 * 86_400_000_000
        let date = Instant(microseconds: yearAgo).rfc3339.prefix(10)
        guard let from = CalendarDate(iso: String(date)) else { preconditionFailure("an instant has a date") }
        for line in Self.contracts {
            let contacts = Self.people.first { $0.organization == line.organization }.flatMap { users[$0.email]?.id }
            let contract = Contract(
                id: .make(), organization: line.organization, product: line.product, plan: line.plan, validFrom: from,
                validTo: nil, autoCloseAfterWorkingDays: line.days, responsibleContacts: [contacts].compactMap(\.self))
            try await session.make(unless: "contracts_overlap") {
                try await session.store.create(contract, answer: Session.noAnswer, .staff)
            }
        }
    }

    // MARK: Tokens

    private var tokenFile: String { "\(dataFolder)/demo-tokens" }

    /// A working token for everybody: those of the last time, or new ones.
    func cast() async throws -> [Cast] {
        let kept = keptTokens()
        var cast: [Cast] = []
        for person in Self.people {
            let user = try await session.user(
                email: person.email, name: person.name, role: person.role, organization: person.organization)
            if let token = kept[person.email], try await session.store.caller(token: Digest(of: token))?.id == user.id {
                cast.append(Cast(user: user, token: token))
            } else {
                cast.append(Cast(user: user, token: try await session.makeToken(for: user, name: "demonstration")))
            }
        }
        // Beside a PostgreSQL of somebody else's there may be no such folder yet.
        guard mkdir(dataFolder, 0o755) == 0 || errno == EEXIST else {
            throw Failure.failed("\(dataFolder): \(String(cString: strerror(errno)))")
        }
        let lines = cast.map { "\($0.user.email) \($0.token)\n" }.joined()
        try Files.write(Array(lines.utf8), to: tokenFile, mode: 0o600)
        return cast
    }

    private func keptTokens() -> [String: String] {
        guard let bytes = try? Files.read(tokenFile) else { return [:] }
        var tokens: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { tokens[String(words[0])] = String(words[1]) }
        }
        return tokens
    }

    /// Three commands to start with, for the server at `url`.
    static func firstCommands(_ cast: [Cast], url: String, now: Instant) -> String {
        func token(_ person: Person) -> String { cast.first { $0.user.email == person.email }?.token ?? "" }
        let soon = Instant(microseconds: now.microseconds + 21 * 86_400_000_000).rfc3339
        return """

            # Try these in another terminal. The command “demo” prints the token of everybody there is.

            # A customer files a request.
            curl -sS -H 'Authorization: Bearer \(token(customer))' -H 'Content-Type: application/json' \\
              -d '{"product": "omnivox", "kind": "service_request", "subject": "A second operator", "description": "Please add one."}' \\
              \(url)/v1/tickets

            # An engineer looks at what comes first.
            curl -sS -H 'Authorization: Bearer \(token(engineer))' '\(url)/v1/tickets?sort=triage&limit=3'

            # The job says what it would close until \(soon.prefix(10)).
            curl -sS -H 'Authorization: Bearer \(token(service))' -H 'Content-Type: application/json' \\
              -d '{"dry_run": true, "as_of": "\(soon)"}' \(url)/v1/jobs/auto-close

            """
    }
}
