import JSONText
import Regulations
import Tickets

/// The keys to the API; a secret is shown once and never kept.
extension API {
    func listTokens(_ exchange: Exchange) async throws -> Answer {
        let user = try await owner(exchange)
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        let tokens = try await store.tokens(of: user.id, page.request, exchange.access)
        return exchange.list(tokens, page) { TokenBody($0) }
    }

    func createToken(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        let user = try await owner(exchange)
        var input = exchange.input(node)
        let name = input.body.text("name", required: true, max: Limit.name)
        let expiresAt = input.body.instant("expires_at")
        if let expiresAt, expiresAt <= exchange.now { input.body.fault(.notInTheFuture, at: "expires_at") }
        try input.finish()
        let token = Token(
            id: .make(), user: user.id, name: name ?? "", createdAt: exchange.now, expiresAt: expiresAt)
        let secret = TokenSecret.make()
        let kept = Answer.json(201, TokenBody(token, secret: .some(nil)), in: exchange.language)
        try await store.create(token, hash: TokenSecret.digest(of: secret), answer: kept.kept, exchange.access)
        return .json(201, TokenBody(token, secret: secret), in: exchange.language)
    }

    func revokeToken(_ exchange: Exchange) async throws -> Answer {
        let user = try await owner(exchange)
        var input = exchange.input()
        guard let token = TokenID(exchange.arguments[1]) else { throw Problem(.notFound) }
        try input.finish()
        guard try await store.revoke(token, of: user.id, at: exchange.now, exchange.access) else {
            throw Problem(.notFound)
        }
        return .noContent
    }

    /// The user whose tokens the path names, if the caller may handle them.
    private func owner(_ exchange: Exchange) async throws -> User {
        if UserID(exchange.arguments[0]) == exchange.caller.id { return exchange.caller.user }
        try exchange.admit(toSee: .readUser)
        let user = try await user(exchange)
        guard Permissions.mayHandleTokens(exchange.caller, of: user) else { throw Problem(.forbidden) }
        return user
    }
}

struct TokenBody: Body {
    let token: Token
    /// Nil: the member is left out; a nil inside: `null`, as in a replay.
    let secret: String??

    init(_ token: Token, secret: String?? = nil) {
        self.token = token
        self.secret = secret
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", token.id)
            json.member("name", token.name)
            if let secret { json.member("token", secret) }
            json.member("created_at", token.createdAt)
            json.member("expires_at", token.expiresAt)
        }
    }
}
