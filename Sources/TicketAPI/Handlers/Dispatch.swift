import Regulations
import Tickets

extension API {
    /// Answers a call that asks for a token.
    func answer(_ exchange: Exchange) async throws -> Answer {
        try await Self.handler(of: exchange.call)(self, exchange)
    }

    /// Called by way of a value: were all of them part of one function, each request would have the memory of the most demanding
    /// one, 14 KB.
    private static func handler(of call: Call) -> (API, Exchange) async throws -> Answer {
        switch call {
        case .listTickets: { try await $0.listTickets($1) }
        case .createTicket: { try await $0.createTicket($1) }
        case .readTicket: { try await $0.readTicket($1) }
        case .patchTicket: { try await $0.patchTicket($1) }
        case .assign: { try await $0.assign($1) }
        case .requestInformation: { try await $0.requestInformation($1) }
        case .solve: { try await $0.solve($1) }
        case .confirm: { try await $0.confirm($1) }
        case .dispute: { try await $0.dispute($1) }
        case .withdraw: { try await $0.withdraw($1) }
        case .merge: { try await $0.merge($1) }
        case .changeTickets: { try await $0.changeTickets($1) }
        case .addComment: { try await $0.addComment($1) }
        case .listComments: { try await $0.listComments($1) }
        case .addAttachment: { try await $0.addAttachment($1) }
        case .listAttachments: { try await $0.listAttachments($1) }
        case .readAttachment: { try await $0.readAttachment($1) }
        case .addLink: { try await $0.addLink($1) }
        case .removeLink: { try await $0.removeLink($1) }
        case .listEvents: { try await $0.listEvents($1) }
        case .explain: { try await $0.explain($1) }
        case .readFeed: { try await $0.readFeed($1) }
        case .queueSummary: { try await $0.queueSummary($1) }
        case .listOrganizations: { try await $0.listOrganizations($1) }
        case .readOrganization: { try await $0.readOrganization($1) }
        case .createOrganization: { try await $0.createOrganization($1) }
        case .patchOrganization: { try await $0.patchOrganization($1) }
        case .listUsers: { try await $0.listUsers($1) }
        case .readUser: { try await $0.readUser($1) }
        case .createUser: { try await $0.createUser($1) }
        case .patchUser: { try await $0.patchUser($1) }
        case .listTokens: { try await $0.listTokens($1) }
        case .createToken: { try await $0.createToken($1) }
        case .revokeToken: { try await $0.revokeToken($1) }
        case .listContracts: { try await $0.listContracts($1) }
        case .readContract: { try await $0.readContract($1) }
        case .createContract: { try await $0.createContract($1) }
        case .patchContract: { try await $0.patchContract($1) }
        case .listProducts: { try $0.listProducts($1) }
        case .listPolicies: { try $0.listPolicies($1) }
        case .readPolicy: { try $0.readPolicy($1) }
        case .listReleases: { try await $0.listReleases($1) }
        case .createRelease: { try await $0.createRelease($1) }
        case .publishRelease: { try await $0.publishRelease($1) }
        case .calendarDeadline: { try $0.calendarDeadline($1) }
        case .runAutoClose: { try await $0.runAutoClose($1) }
        case .listRuns: { try await $0.listRuns($1) }
        case .me: { try $0.me($1) }
        case .health, .readiness, .openAPI, .docsPage, .problemList, .problemPage, .metrics:
            preconditionFailure("answered before anybody is asked for a token")
        }
    }
}
