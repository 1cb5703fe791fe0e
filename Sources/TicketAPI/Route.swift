public import Tickets

/// One line of the table of routes: every call has exactly one.
public struct Route: Sendable, Equatable {
    public let call: Call
    public let method: String
    /// `{name}` stands for one segment.
    public let path: String

    /// Who may ask, in the order of `Role`; nil: no token is asked for.
    public var roles: [Role]? { Permissions.roles(call).map { roles in Role.allCases.filter(roles.contains) } }

    /// The whole table, in the order of `Call`.
    public static let all = Call.allCases.map(Route.init)

    public init(_ call: Call) {
        self.call = call
        (method, path) = Route.line(call)
    }

    private static func line(_ call: Call) -> (method: String, path: String) {
        switch call {
        case .listTickets: ("GET", "/v1/tickets")
        case .createTicket: ("POST", "/v1/tickets")
        case .readTicket: ("GET", "/v1/tickets/{id}")
        case .patchTicket: ("PATCH", "/v1/tickets/{id}")
        case .assign: ("POST", "/v1/tickets/{id}/assign")
        case .requestInformation: ("POST", "/v1/tickets/{id}/request-information")
        case .solve: ("POST", "/v1/tickets/{id}/solve")
        case .confirm: ("POST", "/v1/tickets/{id}/confirm")
        case .dispute: ("POST", "/v1/tickets/{id}/dispute")
        case .withdraw: ("POST", "/v1/tickets/{id}/withdraw")
        case .merge: ("POST", "/v1/tickets/{id}/merge")
        case .changeTickets: ("POST", "/v1/tickets/batch")
        case .addComment: ("POST", "/v1/tickets/{id}/comments")
        case .listComments: ("GET", "/v1/tickets/{id}/comments")
        case .addAttachment: ("POST", "/v1/tickets/{id}/attachments")
        case .listAttachments: ("GET", "/v1/tickets/{id}/attachments")
        case .readAttachment: ("GET", "/v1/attachments/{id}")
        case .addLink: ("POST", "/v1/tickets/{id}/links")
        case .removeLink: ("DELETE", "/v1/tickets/{id}/links/{type}/{ticket}")
        case .listEvents: ("GET", "/v1/tickets/{id}/events")
        case .explain: ("GET", "/v1/tickets/{id}/explain")
        case .readFeed: ("GET", "/v1/events")
        case .queueSummary: ("GET", "/v1/queue/summary")
        case .listOrganizations: ("GET", "/v1/organizations")
        case .readOrganization: ("GET", "/v1/organizations/{code}")
        case .createOrganization: ("POST", "/v1/organizations")
        case .patchOrganization: ("PATCH", "/v1/organizations/{code}")
        case .listUsers: ("GET", "/v1/users")
        case .readUser: ("GET", "/v1/users/{id}")
        case .createUser: ("POST", "/v1/users")
        case .patchUser: ("PATCH", "/v1/users/{id}")
        case .listTokens: ("GET", "/v1/users/{id}/tokens")
        case .createToken: ("POST", "/v1/users/{id}/tokens")
        case .revokeToken: ("DELETE", "/v1/users/{id}/tokens/{token_id}")
        case .listContracts: ("GET", "/v1/contracts")
        case .readContract: ("GET", "/v1/contracts/{id}")
        case .createContract: ("POST", "/v1/contracts")
        case .patchContract: ("PATCH", "/v1/contracts/{id}")
        case .listProducts: ("GET", "/v1/products")
        case .listPolicies: ("GET", "/v1/policies")
        case .readPolicy: ("GET", "/v1/policies/{code}")
        case .listReleases: ("GET", "/v1/releases")
        case .createRelease: ("POST", "/v1/releases")
        case .publishRelease: ("POST", "/v1/releases/{product}/{version}/publish")
        case .calendarDeadline: ("GET", "/v1/calendars/{code}/deadline")
        case .runAutoClose: ("POST", "/v1/jobs/auto-close")
        case .listRuns: ("GET", "/v1/jobs/runs")
        case .me: ("GET", "/v1/me")
        case .health: ("GET", "/healthz")
        case .readiness: ("GET", "/readyz")
        case .openAPI: ("GET", "/openapi.json")
        case .docsPage: ("GET", "/docs")
        case .problemList: ("GET", "/problems")
        case .problemPage: ("GET", "/problems/{code}")
        case .metrics: ("GET", "/metrics")
        }
    }
}
