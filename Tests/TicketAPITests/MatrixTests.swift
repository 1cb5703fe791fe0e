import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// Every role asks for every call, over a real socket and a real PostgreSQL.
@Suite(.serialized) struct MatrixTests {
    @Test(arguments: Call.allCases)
    func `a call answers the roles of the table, and no others`(call: Call) async throws {
        try await World.with { world in
            let anonymous = try await ask(call, as: nil, of: .carla, world)
            #expect(anonymous.status == (Permissions.roles(call) == nil ? 200 : 401), "\(call) without a token")
            for role in Role.allCases where Permissions.roles(call) != nil {
                let reply = try await ask(call, as: .of(role), of: .of(role), world)
                let expected = Permissions.allows(role, call) ? success(call) : 403
                #expect(reply.status == expected, "\(call) as \(role): \(reply.json)")
            }
        }
    }

    private func success(_ call: Call) -> Int {
        switch call {
        case .createTicket, .addComment, .addAttachment, .addLink, .createOrganization, .createUser, .createToken,
            .createContract,
            .createRelease:
            201
        case .removeLink, .revokeToken: 204
        default: 200
        }
    }

    /// A request that would succeed for whoever may.
    private func ask(_ call: Call, as person: Person?, of owner: Person, _ world: World) async throws -> Reply {
        let route = Route(call)
        var path = route.path
        func fill(_ name: String, _ value: String) { path = path.replacing("{\(name)}", with: value) }
        var body: String?
        var fields: [(String, String)] = []
        switch call {
        case .listTickets, .queueSummary, .listOrganizations, .listUsers, .listContracts, .listProducts, .listPolicies,
            .listReleases, .readFeed, .runAutoClose, .listRuns, .me, .health, .readiness, .metrics,
            .openAPI, .docsPage, .problemList:
            break
        case .createTicket: body = registration(by: person)
        case .readTicket, .listComments, .listAttachments, .listEvents, .explain: fill("id", try await world.ticket())
        case .patchTicket:
            fill("id", try await world.ticket())
            fields = [("If-Match", "*")]
            body = #"{"subject":"T"}"#
        case .assign:
            fill("id", try await world.ticket())
            body = World.assignment
        case .requestInformation, .solve:
            fill("id", try await world.ticket(.assigned))
            body = #"{"comment":"C"}"#
        case .confirm: fill("id", try await world.ticket(.solved))
        case .dispute:
            fill("id", try await world.ticket(.solved))
            body = #"{"reason":"R"}"#
        case .withdraw: fill("id", try await world.ticket())
        case .merge:
            fill("id", try await world.ticket())
            body = #"{"into":"\#(try await world.ticket())"}"#
        case .changeTickets:
            body = #"{"tickets":["\#(try await world.ticket())"],"action":"set_priority","body":{"priority":"low"}}"#
        case .addComment:
            fill("id", try await world.ticket())
            body = #"{"body":"B"}"#
        case .addAttachment:
            fill("id", try await world.ticket())
            path += "?filename=a.txt"
            body = "B"
        case .readAttachment:
            let made = try await world.post(
                "/v1/tickets/\(try await world.ticket())/attachments?filename=a", "B", as: .egor)
            fill("id", try #require(made["id"].string))
        case .addLink, .removeLink:
            let (one, other) = (try await world.ticket(), try await world.ticket())
            fill("id", one)
            fill("type", "follows")
            fill("ticket", other)
            body = #"{"type":"follows","ticket":"\#(other)"}"#
            if call == .removeLink {
                let linked = try await world.post("/v1/tickets/\(one)/links", body, as: .egor)
                #expect(linked.status == 201)
                body = nil
            }
        case .readOrganization: fill("code", "acme")
        case .createOrganization: body = #"{"code":"o-\#(person?.rawValue ?? "x")","name":"N"}"#
        case .patchOrganization:
            fill("code", "acme")
            body = #"{"name":"Acme"}"#
        case .readUser: fill("id", Person.carla.id)
        case .createUser:
            body = """
                {"email":"new-\(person?.rawValue ?? "x")@example.com","name":"N","role":"customer","organization":"acme"}
                """
        case .patchUser:
            fill("id", Person.cody.id)
            body = #"{"name":"Cody"}"#
        case .listTokens: fill("id", owner.id)
        case .createToken:
            fill("id", owner.id)
            body = #"{"name":"N"}"#
        case .revokeToken:
            let made = try await world.post("/v1/users/\(owner.id)/tokens", #"{"name":"N"}"#, as: owner)
            fill("id", owner.id)
            fill("token_id", try #require(made["id"].string))
        case .readContract, .patchContract:
            let contracts = try await world.get("/v1/contracts", as: .carla)
            fill("id", try #require(contracts["items"][0]["id"].string))
            body = call == .patchContract ? #"{"plan":null}"# : nil
        case .createContract:
            // One product each: contracts of an organization and product must not overlap.
            let product = person == .adam ? "dialog" : "omnivox"
            body = #"{"organization":"globex","product":"\#(product)","valid_from":"2026-01-01"}"#
        case .readPolicy: fill("code", "maics")
        case .createRelease: body = #"{"product":"maics","version":"1.\#(number(person))"}"#
        case .publishRelease:
            let version = "2.\(number(person))"
            let made = try await world.post("/v1/releases", #"{"product":"maics","version":"\#(version)"}"#, as: .adam)
            #expect(made.status == 201)
            fill("product", "maics")
            fill("version", version)
        case .calendarDeadline:
            fill("code", "ru")
            path += "?from=2026-11-20T09:30:00Z&working_days=1"
        case .problemPage: fill("code", "not-found")
        }
        return try await world.call(route.method, path, body, as: person, fields: fields)
    }

    private func registration(by person: Person?) -> String {
        let given = person?.role.isEmployee == true ? #","organization":"acme","reporter":"\#(Person.carla.id)""# : ""
        return #"{"product":"maics","kind":"consultation","subject":"S","description":"D"\#(given)}"#
    }

    private func number(_ person: Person?) -> Int { person.flatMap { Person.allCases.firstIndex(of: $0) } ?? 9 }
}
