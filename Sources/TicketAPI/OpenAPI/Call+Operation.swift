import Tickets

extension Call {
    /// What the document says of the call. Exhaustive: a new call does not compile until it is described.
    var operation: Operation {
        switch self {
        case .listTickets: Operation.listTickets
        case .createTicket: Operation.createTicket
        case .readTicket:
            Operation(
                tag: .tickets, parameters: [.ticket, .ifMatch],
                answers: [.json(200, .ticket, [.entityTag]), .bodiless(304, [.entityTag])], problems: [.staleVersion])
        case .patchTicket: Operation.patchTicket
        case .assign:
            .step(.assignment).leading(
                to: FollowingCall(.requestInformation, ["id": "$response.body#/id"]),
                FollowingCall(.solve, ["id": "$response.body#/id"]))
        case .requestInformation:
            .step(.question).leading(to: FollowingCall(.addComment, ["id": "$response.body#/id"]))
        case .solve:
            .step(.solving).leading(
                to: FollowingCall(.confirm, ["id": "$response.body#/id"]),
                FollowingCall(.dispute, ["id": "$response.body#/id"]))
        case .confirm: .step(.remark, bodyRequired: false, problems: [.notAuthorisedToConfirm])
        case .dispute: .step(.dispute)
        case .withdraw: .step(.remark, bodyRequired: false)
        case .merge: .step(.merge)
        case .addComment: Operation.addComment
        case .changeTickets: Operation.changeTickets
        case .addAttachment: Operation.addAttachment
        case .listAttachments:
            .list(.conversation, .attachmentPage, [.ticket])
                .leading(to: FollowingCall(.readAttachment, ["id": "$response.body#/items/0/id"]))
        case .readAttachment: Operation.readAttachment
        case .listComments: .list(.conversation, .commentPage, [.ticket])
        case .addLink: Operation.addLink
        case .removeLink: Operation.removeLink
        case .listEvents:
            Operation.list(.history, .eventPage, [.ticket, .streamAfter]).orLive(problems: [.tooManyStreams])
        case .readFeed:
            Operation.read(.history, .feedPage, [.after, .limit]).orLive(problems: [.tooManyStreams])
        case .explain: .read(.history, .explanation, [.ticket])
        case .queueSummary: .read(.queue, .queueSummary)
        case .listOrganizations:
            .list(.organizations, .organizationPage)
                .leading(to: FollowingCall(.readOrganization, ["code": "$response.body#/items/0/code"]))
        case .readOrganization: .read(.organizations, .organization, [.organizationCode])
        case .createOrganization: Operation.createOrganization
        case .patchOrganization: .patch(.organizations, .organizationPatch, .organization, [.organizationCode])
        case .listUsers:
            .list(.users, .userPage).leading(to: FollowingCall(.readUser, ["id": "$response.body#/items/0/id"]))
        case .readUser: .read(.users, .user, [.user])
        case .createUser: Operation.createUser
        case .patchUser: .patch(.users, .userPatch, .user, [.user], problems: [.alreadyExists])
        case .listTokens: .list(.tokens, .tokenPage, [.user])
        case .createToken: Operation.createToken
        case .revokeToken: Operation(tag: .tokens, parameters: [.user, .token], answers: [.bodiless(204)])
        case .listContracts:
            .list(.contracts, .contractPage)
                .leading(to: FollowingCall(.readContract, ["id": "$response.body#/items/0/id"]))
        case .readContract: .read(.contracts, .contract, [.contract])
        case .createContract: Operation.createContract
        case .patchContract:
            .patch(.contracts, .contractPatch, .contract, [.contract], problems: [.contractOverlap])
        case .listProducts:
            .list(.policies, .productPage)
                .leading(to: FollowingCall(.readPolicy, ["code": "$response.body#/items/0/policy/code"]))
        case .listPolicies:
            .list(.policies, .policyPage)
                .leading(to: FollowingCall(.readPolicy, ["code": "$response.body#/items/0/code"]))
        case .readPolicy: .read(.policies, .policy, [.policy])
        case .listReleases: .list(.releases, .releasePage)
        case .createRelease: Operation.createRelease
        case .publishRelease: Operation.publishRelease
        case .calendarDeadline:
            .read(.calendars, .deadline, [.calendar, .from, .workingDays, .timeZone])
        case .runAutoClose: Operation.runAutoClose
        case .listRuns: .list(.jobs, .pastRunPage)
        case .me: .read(.users, .user).leading(to: FollowingCall(.listTokens, ["id": "$response.body#/id"]))
        case .metrics: Operation(tag: .service, answers: [.text()], problems: [.notFound])
        case .health, .readiness: .read(.service, .status)
        case .problemPage:
            Operation(
                tag: .service, parameters: [.problem, .ifMatch],
                answers: [.page(), .bodiless(304, [.entityTag])], problems: [.staleVersion])
        case .problemList, .docsPage:
            Operation(
                tag: .service, parameters: [.ifMatch], answers: [.page(), .bodiless(304, [.entityTag])],
                problems: [.staleVersion])
        case .openAPI:
            Operation(
                tag: .service, parameters: [.ifMatch],
                answers: [.json(200, .document, [.entityTag]), .bodiless(304, [.entityTag])],
                problems: [.staleVersion])
        }
    }
}

extension Operation {
    fileprivate static let listTickets = list(
        .tickets, .ticketPage,
        [
            .state, .priority, .kind, .inProduct, .ofOrganization, .assignee, .tag, .registeredFrom, .registeredTo,
            .updatedFrom, .updatedTo, .overdue, .words, .sort,
        ]
    ).leading(
        to: FollowingCall(.readTicket, ["id": "$response.body#/items/0/id"]),
        FollowingCall(.explain, ["id": "$response.body#/items/0/id"]),
        FollowingCall(.listEvents, ["id": "$response.body#/items/0/id"]))

    fileprivate static let createTicket = create(
        .tickets, .registration, .ticket, fields: [.location, .entityTag], problems: [.noContractInForce]
    ).leading(
        to: FollowingCall(.readTicket, ["id": "$response.body#/id"]),
        FollowingCall(.patchTicket, ["id": "$response.body#/id", "If-Match": "$response.header.ETag"]),
        FollowingCall(.assign, ["id": "$response.body#/id"]), FollowingCall(.addComment, ["id": "$response.body#/id"]),
        FollowingCall(.withdraw, ["id": "$response.body#/id"]),
        FollowingCall(.explain, ["id": "$response.body#/id"]))

    fileprivate static let patchTicket = Operation(
        tag: .tickets, parameters: [.ticket], body: .patch(.ticketPatch),
        answers: [.json(200, .ticket, [.entityTag])], problems: [.preconditionRequired], changesTicket: true)

    fileprivate static let addComment = Operation(
        tag: .conversation, parameters: [.ticket], body: .json(.commentRequest), answers: [.json(201, .comment)],
        changesTicket: true)

    fileprivate static let changeTickets = Operation(
        tag: .steps, body: .json(.batchRequest), answers: [.json(200, .batchResults)])

    fileprivate static let addAttachment = Operation(
        tag: .conversation, parameters: [.ticket, .filename], body: .file,
        answers: [.json(201, .attachment, [.location])], problems: [.quotaExceeded, .unsupportedMediaType],
        changesTicket: true
    ).leading(to: FollowingCall(.readAttachment, ["id": "$response.body#/id"]))

    // Range and If-Range are told of in prose: nobody who makes requests up can know whether a range lies in a file.
    fileprivate static let readAttachment = Operation(
        tag: .conversation, parameters: [.attachment, .ifMatch],
        answers: [.file(200), .file(206, [.contentRange]), .bodiless(304, [.entityTag])],
        problems: [.staleVersion, .rangeNotSatisfiable])

    fileprivate static let addLink = Operation(
        tag: .conversation, parameters: [.ticket], body: .json(.linkRequest),
        answers: [.json(201, .ticket, [.entityTag])], problems: [.alreadyExists], changesTicket: true
    ).leading(
        to: FollowingCall(
            .removeLink,
            ["id": "$request.path.id", "type": "$request.body#/type", "ticket": "$request.body#/ticket"]))

    fileprivate static let removeLink = Operation(
        tag: .conversation, parameters: [.ticket, .linkType, .otherTicket], answers: [.bodiless(204)],
        changesTicket: true)

    fileprivate static let createOrganization = create(
        .organizations, .organizationRequest, .organization, fields: [.location], problems: [.alreadyExists]
    ).leading(
        to: FollowingCall(.readOrganization, ["code": "$response.body#/code"]),
        FollowingCall(.patchOrganization, ["code": "$response.body#/code"]))

    fileprivate static let createUser = create(
        .users, .userRequest, .user, fields: [.location], problems: [.alreadyExists]
    ).leading(
        to: FollowingCall(.readUser, ["id": "$response.body#/id"]),
        FollowingCall(.patchUser, ["id": "$response.body#/id"]),
        FollowingCall(.createToken, ["id": "$response.body#/id"]),
        FollowingCall(.listTokens, ["id": "$response.body#/id"]))

    fileprivate static let createToken = create(.tokens, .tokenRequest, .newToken, [.user]).leading(
        to: FollowingCall(.revokeToken, ["id": "$request.path.id", "token_id": "$response.body#/id"]))

    fileprivate static let createContract = create(
        .contracts, .contractRequest, .contract, fields: [.location], problems: [.contractOverlap]
    ).leading(
        to: FollowingCall(.readContract, ["id": "$response.body#/id"]),
        FollowingCall(.patchContract, ["id": "$response.body#/id"]))

    fileprivate static let createRelease = create(
        .releases, .releaseRequest, .release, problems: [.alreadyExists]
    ).leading(
        to: FollowingCall(
            .publishRelease, ["product": "$response.body#/product", "version": "$response.body#/version"]))

    fileprivate static let publishRelease = Operation(
        tag: .releases, parameters: [.product, .version], body: .json(.nothing, isRequired: false),
        answers: [.json(200, .publication)], problems: [.alreadyPublished])

    fileprivate static let runAutoClose = Operation(
        tag: .jobs, body: .json(.runRequest, isRequired: false), answers: [.json(200, .run)], problems: [.planChanged])
}
