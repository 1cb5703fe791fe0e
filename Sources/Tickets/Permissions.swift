/// Everything that can be asked of the service, as one list: routes, permissions and documents walk it.
public enum Call: String, CaseIterable, Sendable {
    case listTickets, createTicket, readTicket, patchTicket
    case assign, requestInformation, solve, confirm, dispute, withdraw, merge
    case changeTickets
    case addComment, listComments, addAttachment, listAttachments, readAttachment, addLink, removeLink, listEvents,
        explain
    case readFeed
    case queueSummary
    case listOrganizations, readOrganization, createOrganization, patchOrganization
    case listUsers, readUser, createUser, patchUser
    case listTokens, createToken, revokeToken
    case listContracts, readContract, createContract, patchContract
    case listProducts, listPolicies, readPolicy
    case listReleases, createRelease, publishRelease
    case calendarDeadline
    case runAutoClose, listRuns
    case me
    case health, readiness, metrics
    case openAPI, docsPage, problemList, problemPage
}

/// Who may ask for what. The store narrows what a call then shows or touches.
public enum Permissions {
    private static let everyone = Set(Role.allCases)
    private static let people: Set<Role> = [.customer, .engineer, .lead, .admin]
    private static let customers: Set<Role> = [.customer]
    private static let employees = Role.employees
    private static let leads: Set<Role> = [.lead, .admin]
    private static let operators: Set<Role> = [.admin, .service]

    /// Nil: no token is asked for.
    public static func roles(_ call: Call) -> Set<Role>? {
        switch call {
        case .health, .readiness, .metrics, .openAPI, .docsPage, .problemList, .problemPage: nil
        case .me, .listTokens, .createToken, .revokeToken: everyone
        case .listTickets, .createTicket, .readTicket, .addComment, .listComments, .listEvents, .explain: people
        case .readFeed: employees.union([.service])
        case .addAttachment, .listAttachments, .readAttachment: people
        case .confirm, .dispute, .withdraw: customers
        case .patchTicket, .assign, .requestInformation, .solve, .merge, .changeTickets, .addLink, .removeLink,
            .queueSummary:
            employees
        case .listOrganizations, .readOrganization, .listUsers, .readUser, .listContracts, .readContract: people
        case .createOrganization, .patchOrganization, .createUser, .patchUser, .createContract, .patchContract: leads
        case .listProducts, .listPolicies, .readPolicy, .calendarDeadline: people
        case .listReleases: employees
        case .createRelease, .publishRelease: leads
        case .runAutoClose, .listRuns: operators
        }
    }

    public static func allows(_ role: Role, _ call: Call) -> Bool { roles(call)?.contains(role) ?? true }

    /// Whose account somebody may write: leads those of customers, admins all.
    public static func mayWrite(_ role: Role, userOf other: Role) -> Bool {
        switch role {
        case .admin: true
        case .lead: other == .customer
        case .customer, .engineer, .service: false
        }
    }

    /// Whose tokens somebody may see, make and revoke: everybody their own, leads those of customers, admins all.
    public static func mayHandleTokens(_ caller: Caller, of user: User) -> Bool {
        caller.id == user.id || mayWrite(caller.role, userOf: user.role)
    }
}
