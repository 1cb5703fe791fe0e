import TicketAPI
import TicketStore
import Tickets

extension Session {
    /// An answer that nobody waits for.
    static let noAnswer = KeptAnswer(
        status: 201, contentType: "", contentLanguage: nil, location: nil, etag: nil, body: [])

    /// Whoever has this address, made when missing.
    func user(email: String, name: String, role: Role, organization: String?) async throws -> User {
        if let user = try await known(email, role, organization) { return user }
        if let organization { try await makeOrganization(organization, name: organization) }
        let user = User(id: .make(), email: email, name: name, role: role, organization: organization)
        let isMade = try await make(unless: "users_email_key") {
            try await store.create(user, at: now(), answer: Self.noAnswer, .staff)
        }
        if isMade { return user }
        // Another command was quicker.
        guard let other = try await known(email, role, organization) else { throw StoreError.faster }
        return other
    }

    private func known(_ email: String, _ role: Role, _ organization: String?) async throws -> User? {
        guard let user = try await store.user(email: email) else { return nil }
        guard user.role == role, user.organization == organization else {
            throw Failure.failed("\(email) is there already, with another role or organization.")
        }
        guard user.active else { throw Failure.failed("\(email) is deactivated.") }
        return user
    }

    /// Makes it unless there is one with this code.
    func makeOrganization(_ code: String, name: String) async throws {
        guard try await store.organization(code, .staff) == nil else { return }
        try await make(unless: "organizations_pkey") {
            try await store.create(Organization(code: code, name: name), answer: Self.noAnswer, .staff)
        }
    }

    /// Whether it was made; what is there is left as it is: `constraint` is the one that says so.
    @discardableResult
    func make(unless constraint: String, _ work: () async throws -> Void) async throws -> Bool {
        do {
            try await work()
            return true
        } catch StoreError.violates(constraint: constraint) { return false }
    }

    /// The secret, which is nowhere else.
    func makeToken(for user: User, name: String) async throws -> String {
        let secret = TokenSecret.make()
        let token = Token(id: .make(), user: user.id, name: name, createdAt: now(), expiresAt: nil)
        try await store.create(token, hash: TokenSecret.digest(of: secret), answer: Self.noAnswer, .staff)
        return secret
    }
}
