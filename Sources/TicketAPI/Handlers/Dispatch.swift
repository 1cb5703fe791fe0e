import Regulations
import Tickets

extension API {
    /// The handler of a call that asks for a token.
    func answer(_ exchange: Exchange) async throws -> Answer {
        switch exchange.call {
        case .listTickets: try await listTickets(exchange)
        case .createTicket: try await createTicket(exchange)
        case .readTicket: try await readTicket(exchange)
        case .patchTicket: try await patchTicket(exchange)
        case .assign: try await assign(exchange)
        case .requestInformation: try await requestInformation(exchange)
        case .solve: try await solve(exchange)
        case .confirm: try await confirm(exchange)
        case .dispute: try await dispute(exchange)
        case .withdraw: try await withdraw(exchange)
        case .merge: try await merge(exchange)
        case .changeTickets: try await changeTickets(exchange)
        case .addComment: try await addComment(exchange)
        case .listComments: try await listComments(exchange)
        case .addLink: try await addLink(exchange)
        case .removeLink: try await removeLink(exchange)
        case .listEvents: try await listEvents(exchange)
        case .explain: try await explain(exchange)
        case .readFeed: try await readFeed(exchange)
        case .queueSummary: try await queueSummary(exchange)
        case .listOrganizations: try await listOrganizations(exchange)
        case .readOrganization: try await readOrganization(exchange)
        case .createOrganization: try await createOrganization(exchange)
        case .patchOrganization: try await patchOrganization(exchange)
        case .listUsers: try await listUsers(exchange)
        case .readUser: try await readUser(exchange)
        case .createUser: try await createUser(exchange)
        case .patchUser: try await patchUser(exchange)
        case .listTokens: try await listTokens(exchange)
        case .createToken: try await createToken(exchange)
        case .revokeToken: try await revokeToken(exchange)
        case .listContracts: try await listContracts(exchange)
        case .readContract: try await readContract(exchange)
        case .createContract: try await createContract(exchange)
        case .patchContract: try await patchContract(exchange)
        case .listProducts: try listProducts(exchange)
        case .listPolicies: try listPolicies(exchange)
        case .readPolicy: try readPolicy(exchange)
        case .listReleases: try await listReleases(exchange)
        case .createRelease: try await createRelease(exchange)
        case .publishRelease: try await publishRelease(exchange)
        case .calendarDeadline: try calendarDeadline(exchange)
        case .runAutoClose: try await runAutoClose(exchange)
        case .listRuns: try await listRuns(exchange)
        case .me: try me(exchange)
        case .health, .readiness, .openAPI, .docsPage, .problemList, .problemPage, .metrics:
            preconditionFailure("answered before anybody is asked for a token")
        }
    }
}
