import Tickets

extension Schema {
    static let state = Schema.choice(of: State.self)
    static let priority = Schema.choice(of: Priority.self)
    static let action = Schema.choice(of: Action.self)
    static let role = Schema.choice(of: Role.self)
    static let ticketID = Schema.matching(Pattern.ticket)
    static let userID = Schema.matching(Pattern.identifier("u"))
    static let code = Schema.matching(Pattern.code)
    static let release = Schema.matching(Pattern.version)
    static let tags = Schema.array(
        .matching(Pattern.withoutNUL, length: 1...Limit.tag), count: 0...Limit.tags, distinct: true)
    /// A `null` removes a detail, or leaves it out.
    static let details = Schema.map(.matching(Pattern.withoutNUL, length: 1...Limit.detail).orNull)
}

extension Component {
    var ticketSchema: Schema {
        switch self {
        case .ticket: Component.ticketAnswer
        case .ticketPage: .page(of: .ticket)
        case .person: .answer(.always("id", .userID), .always("name", .string))
        case .policyReference: .answer(.always("code", .string), .always("version", .count))
        case .solution:
            .answer(
                .always("comment", .string), .always("type", .choice(of: SolutionType.self), told: true),
                .always("release", .release.orNull, told: true), .always("by", .person), .always("at", .time))
        case .link:
            .answer(
                .always("type", .choice(LinkType.allCases.map(\.rawValue) + LinkType.allCases.map(\.inverse))),
                .always("ticket", .ticketID))
        case .registration:
            .request(
                .required("product", .string, told: true), .required("kind", .string, told: true),
                .required("subject", .text(Limit.subject)), .required("description", .text(Limit.text)),
                .optional("details", .details, told: true), .optional("blocking", .boolean, told: true),
                .optional("channel", .string, told: true), .optional("tags", .tags),
                .optional("organization", .code, told: true), .optional("reporter", .userID, told: true),
                .optional("priority", .priority, told: true), .optional("follows", .ticketID, told: true),
                .optional("part_of", .ticketID, told: true))
        case .ticketPatch:
            .request(
                .unremovable("subject", .text(Limit.subject)), .unremovable("priority", .priority),
                .optional("tags", .tags, told: true), .optional("details", .details, told: true))
        case .assignment:
            .request(
                .required("assignees", .array(.userID, count: 1...Limit.assignees, distinct: true), told: true),
                .optional("priority", .priority))
        case .question: .request(.required("comment", .text(Limit.text)))
        case .solving:
            .request(
                .required("comment", .text(Limit.text)), .optional("type", .choice(of: SolutionType.self), told: true),
                .optional("release", .release, told: true))
        case .remark: .request(.optional("comment", .text(Limit.text)))
        case .dispute: .request(.required("reason", .text(Limit.text)))
        case .merge: .request(.required("into", .ticketID, told: true))
        case .batchRequest:
            .request(
                .required(
                    "tickets", .array(.matching(Pattern.withoutNUL), count: 1...Batch.ticketsMax, distinct: true),
                    told: true),
                .required("action", .choice(of: BatchAction.self)), .required("body", .map(.any), told: true))
        case .batchResults: .answer(.always("results", .array(.component(.batchResult)), told: true))
        case .batchResult:
            .answer(
                .always("ticket", .string), .always("status", .integer(200...599), told: true),
                .sometimes("problem", .component(.problem), told: true))
        default: preconditionFailure("\(self) has its schema in another group")
        }
    }

    private static let ticketAnswer = Schema.answer(
        .always("id", .ticketID, told: true), .always("product", .string),
        .always("policy", .component(.policyReference), told: true), .always("organization", .string),
        .always("kind", .string), .always("subject", .string), .always("description", .string),
        .always("details", .map(.string)), .always("blocking", .boolean, told: true), .always("priority", .priority),
        .always("state", .state), .always("state_name", .string, told: true),
        .always("close_reason", .choice(of: CloseReason.self).orNull, told: true), .always("channel", .string),
        .always("reporter", .person), .always("registered_by", .person), .always("assignees", .array(.person)),
        .always("solution", Schema.component(.solution).orNull),
        .always("links", .array(.component(.link)), told: true),
        .always("tags", .array(.string)), .always("registered_at", .time), .always("assigned_at", .time.orNull),
        .always("first_response_at", .time.orNull, told: true), .always("solved_at", .time.orNull),
        .always("closed_at", .time.orNull), .always("first_response_due_at", .time.orNull, told: true),
        .always("solution_due_at", .time.orNull, told: true), .always("auto_close_at", .time.orNull, told: true),
        .always("dispute_count", .count), .always("version", .count, told: true), .always("updated_at", .time),
        .always("actions", .array(.action), told: true))
}
