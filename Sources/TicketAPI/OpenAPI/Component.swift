/// Every schema that has a name. Raw values are names in the document: generated clients make types of them.
enum Component: String, CaseIterable, Sendable {
    case ticket = "Ticket"
    case ticketPage = "TicketPage"
    case person = "Person"
    case policyReference = "PolicyReference"
    case solution = "Solution"
    case link = "Link"
    case registration = "TicketRegistration"
    case ticketPatch = "TicketPatch"

    case assignment = "Assignment"
    case question = "Question"
    case solving = "Solving"
    case remark = "Remark"
    case dispute = "Dispute"
    case merge = "Merge"

    case batchRequest = "BatchRequest"
    case batchResults = "BatchResults"
    case batchResult = "BatchResult"

    case comment = "Comment"
    case commentPage = "CommentPage"
    case commentRequest = "CommentRequest"
    case attachment = "Attachment"
    case attachmentPage = "AttachmentPage"
    case file = "File"
    case linkRequest = "LinkRequest"
    case event = "Event"
    case eventPage = "EventPage"
    case feedItem = "FeedItem"
    case feedPage = "FeedPage"
    case actor = "Actor"
    case valueDigest = "ValueDigest"
    case explanation = "Explanation"
    case nextStep = "NextStep"
    case autoClose = "AutoClose"
    case day = "Day"

    case queueSummary = "QueueSummary"
    case queueShare = "QueueShare"

    case organization = "Organization"
    case organizationPage = "OrganizationPage"
    case organizationRequest = "OrganizationRequest"
    case organizationPatch = "OrganizationPatch"
    case user = "User"
    case userPage = "UserPage"
    case userRequest = "UserRequest"
    case userPatch = "UserPatch"
    case token = "Token"
    case tokenPage = "TokenPage"
    case tokenRequest = "TokenRequest"
    case newToken = "NewToken"
    case contract = "Contract"
    case contractPage = "ContractPage"
    case contractRequest = "ContractRequest"
    case contractPatch = "ContractPatch"

    case product = "Product"
    case productPage = "ProductPage"
    case policy = "Policy"
    case policyPage = "PolicyPage"
    case detailRule = "DetailRule"
    case translations = "Translations"
    case plan = "Plan"
    case planTimes = "PlanTimes"
    case schedule = "Schedule"
    case window = "Window"
    case release = "Release"
    case releasePage = "ReleasePage"
    case releaseRequest = "ReleaseRequest"
    case nothing = "Nothing"
    case publication = "Publication"
    case deadline = "Deadline"

    case runRequest = "RunRequest"
    case run = "Run"
    case pastRun = "PastRun"
    case pastRunPage = "PastRunPage"

    case status = "Status"
    case problem = "Problem"
    case fault = "Fault"
    case document = "OpenAPIDocument"
}

extension Component {
    var schema: Schema {
        switch self {
        case .ticket, .ticketPage, .person, .policyReference, .solution, .link, .registration, .ticketPatch,
            .assignment, .question, .solving, .remark, .dispute, .merge, .batchRequest, .batchResults, .batchResult:
            ticketSchema
        case .comment, .commentPage, .commentRequest, .attachment, .attachmentPage, .file, .linkRequest, .event,
            .eventPage, .feedItem, .feedPage, .actor, .valueDigest,
            .explanation, .nextStep, .autoClose, .day, .queueSummary, .queueShare:
            historySchema
        case .organization, .organizationPage, .organizationRequest, .organizationPatch, .user, .userPage,
            .userRequest, .userPatch, .token, .tokenPage, .tokenRequest, .newToken, .contract, .contractPage,
            .contractRequest, .contractPatch:
            peopleSchema
        case .product, .productPage, .policy, .policyPage, .detailRule, .translations, .plan, .planTimes, .schedule,
            .window, .release, .releasePage, .releaseRequest, .nothing, .publication, .deadline, .runRequest, .run,
            .pastRun, .pastRunPage:
            regulationSchema
        case .status, .problem, .fault, .document: serviceSchema
        }
    }

    /// What the service says of itself.
    private var serviceSchema: Schema {
        switch self {
        case .status: .answer(.always("status", .choice(["ok", "ready"])))
        case .problem:
            .answer(
                .always("type", .choice(ProblemType.allCases.map(\.path)), told: true), .always("title", .string),
                .always("status", .integer(400...599)), .always("detail", .string),
                .always("instance", .matching(Pattern.uuidURN), told: true),
                .sometimes("errors", .array(.component(.fault)), told: true),
                .sometimes("state", .state, told: true), .sometimes("actions", .array(.action), told: true))
        case .fault:
            .answer(
                .sometimes("pointer", .string, told: true), .sometimes("parameter", .string, told: true),
                .always("code", .choice(of: FaultCode.self), told: true), .always("detail", .string))
        case .document:
            .answer(
                .always("openapi", .string), .always("info", .map(.any)), .always("externalDocs", .map(.any)),
                .always("servers", .array(.any)), .always("tags", .array(.any)), .always("security", .array(.any)),
                .always("paths", .map(.any)), .always("components", .map(.any)))
        default: preconditionFailure("\(self) has its schema in another group")
        }
    }
}

extension ProblemType {
    /// What stands in `type`, and the address of the page about it.
    var path: String { "/problems/\(rawValue)" }
}
