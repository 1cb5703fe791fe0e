import JSONText
import Regulations
import Tickets

/// Everybody who may hold tokens.
extension API {
    func listUsers(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(try await store.users(page.request, exchange.access), page) { UserBody($0) }
    }

    func readUser(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        let user = try await user(exchange)
        var input = exchange.input()
        try input.finish()
        return .json(200, UserBody(user), in: exchange.language)
    }

    func createUser(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let email = input.email(required: true)
        let name = input.body.text("name", required: true, max: Limit.name)
        let role = input.body.choice("role", required: true, of: Role.self)
        let organization = input.body.word("organization")
        let active = input.body.bool("active") ?? true
        if let role, !Permissions.mayWrite(exchange.role, userOf: role) { throw Problem(.forbidden) }
        let user = User(
            id: .make(), email: email ?? "", name: name ?? "", role: role ?? .customer, organization: organization,
            active: active)
        if role != nil {
            try await check(user, &input, exchange)
        } else {
            try await find(organization, &input, exchange)
        }
        try input.finish()
        let answer = Answer.json(201, UserBody(user), in: exchange.language, location: "/v1/users/\(user.id)")
        try await write(API.userProblems) { () async throws(StoreError) in
            try await store.create(user, at: exchange.now, answer: answer.kept, exchange.access)
        }
        return answer
    }

    func patchUser(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit(toSee: .readUser)
        return try await repeatedly {
            let before = try await user(exchange)
            try exchange.admit()
            return try await patch(before, node, exchange)
        }
    }

    private func patch(_ before: User, _ node: JSONNode, _ exchange: Exchange) async throws -> Answer {
        var user = before
        guard Permissions.mayWrite(exchange.role, userOf: user.role) else { throw Problem(.forbidden) }
        var input = exchange.input(node)
        input.body.unchanged("id", user.id.text)
        for name in ["email", "name", "role", "active"] where input.body.isNull(name) {
            input.body.fault(.notRemovable, at: name)
        }
        if let email = input.email(required: false) { user.email = email }
        if let name = input.body.text("name", max: Limit.name) { user.name = name }
        if let active = input.body.bool("active") { user.active = active }
        let faults = input.body.faults.count
        if let role = input.body.choice("role", of: Role.self) { user.role = role }
        if input.body.has("organization") { user.organization = input.body.word("organization") }
        guard Permissions.mayWrite(exchange.role, userOf: user.role) else { throw Problem(.forbidden) }
        if input.body.faults.count == faults {
            try await check(user, &input, exchange)
        } else if input.body.has("organization") {
            try await find(user.organization, &input, exchange)
        }
        try input.finish()
        let written = user
        try await write(API.userProblems) { () async throws(StoreError) in
            try await store.update(written, from: before, exchange.access)
        }
        return .json(200, UserBody(user), in: exchange.language)
    }

    /// A customer has an organization that exists, nobody else has one.
    private func check(_ user: User, _ input: inout Input, _ exchange: Exchange) async throws {
        guard user.role == .customer else {
            if user.organization != nil { input.body.fault(.notAllowedHere, at: "organization") }
            return
        }
        guard let code = user.organization else {
            if !input.body.faults.has(at: "/organization") { input.body.fault(.missing, at: "organization") }
            return
        }
        try await find(code, &input, exchange)
    }

    private func find(_ organization: String?, _ input: inout Input, _ exchange: Exchange) async throws {
        guard let organization else { return }
        let isKnown =
            Organization.isCode(organization)
            ? try await store.organization(organization, exchange.access) != nil : false
        if !isKnown { input.body.fault(.notFound, at: "organization") }
    }

    private static let userProblems = [
        "users_email_key": Problem(.alreadyExists),
        "users_organization_fkey": Problem.invalid(.notFound, at: "/organization"),
    ]

    /// The user that the path names.
    func user(_ exchange: Exchange) async throws -> User {
        guard let id = UserID(exchange.arguments[0]), let user = try await store.user(id, exchange.access) else {
            throw Problem(.notFound)
        }
        return user
    }
}

extension Input {
    fileprivate mutating func email(required: Bool) -> String? {
        guard let email = body.word("email", required: required) else { return nil }
        if User.isEmail(email) { return email }
        body.fault(.notAnEmail, at: "email")
        return nil
    }
}

struct UserBody: Body {
    let user: User

    init(_ user: User) { self.user = user }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", user.id)
            json.member("email", user.email)
            json.member("name", user.name)
            json.member("role", user.role.rawValue)
            json.member("organization", user.organization)
            json.member("active", user.active)
        }
    }
}
