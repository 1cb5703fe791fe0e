public import Digests
import Postgres
public import Regulations
public import Tickets

extension PostgresStore {
    // MARK: Organizations

    public func organizations(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<Organization> {
        let rows = try await read(access, Statements.organizations, position(page) + own(access))
        return page.cut(rows) { [$0.code] }
    }

    public func organization(_ code: String, _ access: Access) async throws(StoreError) -> Organization? {
        try await read(access, Statements.organization, [.text(code)] + own(access)).first
    }

    public func create(_ organization: Organization, answer: KeptAnswer, _ access: Access) async throws(StoreError) {
        try await writeKeyed(
            Statements.insertOrganization, [.text(organization.code), .text(organization.name)], answer: answer, access)
    }

    public func update(
        _ organization: Organization, from before: Organization, _ access: Access
    ) async throws(StoreError) {
        try await writeKeyed(
            Statements.updateOrganization, [.text(organization.code), .text(organization.name), .text(before.name)],
            answer: nil, access)
    }

    // MARK: Users

    public func users(_ page: PageRequest, _ access: Access) async throws(StoreError) -> Page<User> {
        let rows = try await read(access, Statements.users, position(page) + own(access))
        return page.cut(rows) { [$0.id.text] }
    }

    public func user(_ id: UserID, _ access: Access) async throws(StoreError) -> User? {
        try await read(access, Statements.user, [.id(id)] + own(access)).first
    }

    public func create(_ user: User, at now: Instant, answer: KeptAnswer, _ access: Access) async throws(StoreError) {
        try await writeKeyed(Statements.insertUser, columns(user) + [.instant(now)], answer: answer, access)
    }

    public func update(_ user: User, from before: User, _ access: Access) async throws(StoreError) {
        try await writeKeyed(
            Statements.updateUser, columns(user) + columns(before).dropFirst(), answer: nil, access)
        CallerCache.invalidateAll()
    }

    private func columns(_ user: User) -> [Parameter] {
        [
            .id(user.id), .text(user.email), .text(user.name), .text(user.role.rawValue),
            .optional(user.organization), .bool(user.active),
        ]
    }

    // MARK: Tokens

    public func tokens(
        of user: UserID, _ page: PageRequest, _ access: Access
    ) async throws(StoreError) -> Page<Token> {
        let rows = try await read(access, Statements.tokens, position(page) + [.id(user)])
        return page.cut(rows) { [$0.id.text] }
    }

    public func create(
        _ token: Token, hash: Digest, answer: KeptAnswer, _ access: Access
    ) async throws(StoreError) {
        try await writeKeyed(
            Statements.insertToken,
            [
                .id(token.id), .id(token.user), .text(token.name), .bytes(hash.bytes),
                .instant(token.createdAt), .instant(token.expiresAt),
            ], answer: answer, access)
    }

    public func revoke(
        _ token: TokenID, of user: UserID, at now: Instant, _ access: Access
    ) async throws(StoreError) -> Bool {
        do {
            try await write(Statements.revokeToken, [.id(token), .id(user), .instant(now)], access)
        } catch .faster { return false }
        CallerCache.invalidateAll()
        return true
    }

    // MARK: Shared

    /// The organization to which a customer's lists are narrowed; null for employees.
    func own(_ access: Access) -> [Parameter] {
        if case .customer(let code) = access.scope { return [.text(code)] }
        return [nil]
    }

    /// `$1` the key of the last row seen, `$2` the limit and one more.
    func position(_ page: PageRequest) -> [Parameter] {
        [.text(page.after?.first ?? ""), .integer(page.limit + 1)]
    }
}

extension Statements {
    static let organizations = Statement<Organization>(
        "organizations",
        "SELECT code, name FROM organizations WHERE code > $1 AND ($3::text IS NULL OR code = $3) ORDER BY code LIMIT $2"
    ) { (row) throws(RowError) in Organization(code: try row.text(), name: try row.text()) }

    static let organization = Statement<Organization>(
        "organization", "SELECT code, name FROM organizations WHERE code = $1 AND ($2::text IS NULL OR code = $2)"
    ) { (row) throws(RowError) in Organization(code: try row.text(), name: try row.text()) }

    static let insertOrganization = Statement<Int>.keyed("insert_organization", parameters: 2) { free in
        "INSERT INTO organizations (code, name) SELECT $1, $2 WHERE \(free)"
    }

    /// $3 the name before
    static let updateOrganization = Statement<Int>.keyed("update_organization", parameters: 3) { free in
        "UPDATE organizations SET name = $2 WHERE code = $1 AND name = $3 AND \(free)"
    }

    private static let userColumns = "id, email, name, role, organization, active"

    static let users = Statement<User>(
        "users",
        "SELECT \(userColumns) FROM users WHERE id > $1 AND ($3::text IS NULL OR organization = $3) ORDER BY id LIMIT $2"
    ) { (row) throws(RowError) in try row.user() }

    static let user = Statement<User>(
        "user", "SELECT \(userColumns) FROM users WHERE id = $1 AND ($2::text IS NULL OR organization = $2)"
    ) { (row) throws(RowError) in try row.user() }

    static let usersByID = Statement<User>(
        "users_by_id", "SELECT \(userColumns) FROM users WHERE id = ANY ($1)"
    ) { (row) throws(RowError) in try row.user() }

    static let userByEmail = Statement<User>(
        "user_by_email", "SELECT \(userColumns) FROM users WHERE lower(email) = lower($1)"
    ) { (row) throws(RowError) in try row.user() }

    static let insertUser = Statement<Int>.keyed("insert_user", parameters: 7) { free in
        """
        INSERT INTO users (id, email, name, role, organization, active, created_at)
        SELECT $1, $2, $3, $4, $5, $6::boolean, $7::timestamptz WHERE \(free)
        """
    }

    /// $7 to $11 what was before, in the order of $2 to $6. Other instances forget whom they remember.
    static let updateUser = Statement<Int>.keyed("update_user", parameters: 11) { free in
        """
        UPDATE users SET email = $2, name = $3, role = $4, organization = $5, active = $6
         WHERE id = $1 AND (email, name, role, organization, active) IS NOT DISTINCT FROM ($7, $8, $9, $10, $11::boolean)
           AND \(free) AND pg_notify('\(PostgresStore.peopleChannel)', '') IS NOT NULL
        """
    }

    static let tokens = Statement<Token>(
        "tokens",
        """
        SELECT id, user_id, name, created_at, expires_at
          FROM tokens
         WHERE user_id = $3 AND id > $1 AND revoked_at IS NULL
         ORDER BY id
         LIMIT $2
        """
    ) { (row) throws(RowError) in
        Token(
            id: try row.id(), user: try row.id(), name: try row.text(),
            createdAt: try row.instant(), expiresAt: try row.optionalInstant())
    }

    static let insertToken = Statement<Int>.keyed("insert_token", parameters: 6) { free in
        """
        INSERT INTO tokens (id, user_id, name, hash, created_at, expires_at)
        SELECT $1, $2, $3, $4::bytea, $5::timestamptz, $6::timestamptz WHERE \(free)
        """
    }

    static let revokeToken = Statement<Int>(
        "revoke_token",
        """
        WITH changed AS (
            UPDATE tokens SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING 1
        ), notified AS (
            SELECT pg_notify('\(PostgresStore.peopleChannel)', '') FROM changed
        )
        SELECT count(*)::integer FROM changed LEFT JOIN notified ON true
        """
    ) { (row) throws(RowError) in try row.int() }
}
