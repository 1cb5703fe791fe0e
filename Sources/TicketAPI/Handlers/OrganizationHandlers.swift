import JSONText
import Regulations
import Tickets

/// The vendor's customers.
extension API {
    func listOrganizations(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(try await store.organizations(page.request, exchange.access), page) {
            OrganizationBody($0)
        }
    }

    func readOrganization(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        let organization = try await organization(exchange)
        var input = exchange.input()
        try input.finish()
        return .json(200, OrganizationBody(organization), in: exchange.language)
    }

    func createOrganization(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let code = input.body.word("code", required: true)
        if let code, !Organization.isCode(code) { input.body.fault(.notACode, at: "code") }
        let name = input.body.text("name", required: true, max: Limit.name)
        try input.finish()
        let organization = Organization(code: code ?? "", name: name ?? "")
        let answer = Answer.json(
            201, OrganizationBody(organization), in: exchange.language,
            location: "/v1/organizations/\(organization.code)")
        try await write(["organizations_pkey": Problem(.alreadyExists)]) { () async throws(StoreError) in
            try await store.create(organization, answer: answer.kept, exchange.access)
        }
        return answer
    }

    func patchOrganization(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit(toSee: .readOrganization)
        return try await repeatedly {
            let before = try await organization(exchange)
            try exchange.admit()
            var organization = before
            var input = exchange.input(node)
            input.body.unchanged("code", organization.code)
            if input.body.isNull("name") { input.body.fault(.notRemovable, at: "name") }
            if let name = input.body.text("name", max: Limit.name) { organization.name = name }
            try input.finish()
            try await store.update(organization, from: before, exchange.access)
            return .json(200, OrganizationBody(organization), in: exchange.language)
        }
    }

    private func organization(_ exchange: Exchange) async throws -> Organization {
        let code = exchange.arguments[0]
        guard Organization.isCode(code), let found = try await store.organization(code, exchange.access) else {
            throw Problem(.notFound)
        }
        return found
    }
}

struct OrganizationBody: Body {
    let organization: Organization

    init(_ organization: Organization) { self.organization = organization }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("code", organization.code)
            json.member("name", organization.name)
        }
    }
}
