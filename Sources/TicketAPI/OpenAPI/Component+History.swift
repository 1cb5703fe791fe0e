import Tickets

extension Component {
    var historySchema: Schema {
        switch self {
        case .comment:
            .answer(
                .always("id", .matching(Pattern.identifier("c"))), .always("body", .string),
                .always("internal", .boolean, told: true), .always("author", .component(.person)), .always("at", .time))
        case .commentPage: .page(of: .comment)
        case .commentRequest:
            .request(.required("body", .text(Limit.text)), .optional("internal", .boolean, told: true))
        case .attachment:
            .answer(
                .always("id", .matching(Pattern.identifier("a"))), .always("filename", .string),
                .always("media_type", .string, told: true), .always("size", .count, told: true),
                .always("sha256", .matching(Pattern.sha256)))
        case .attachmentPage: .page(of: .attachment)
        case .file: .string(StringRules(format: "binary"))
        case .linkRequest:
            .request(.required("type", .choice(of: LinkType.self)), .required("ticket", .ticketID, told: true))
        case .event: .answer(Component.eventMembers)
        case .feedItem:
            .answer(
                Component.eventMembers.map(\.untold) + [
                    .always("ticket", .ticketID), .always("feed_seq", .integer(1...Int.max), told: true),
                ])
        case .feedPage:
            .answer(
                .always("items", .array(.component(.feedItem))), .always("last_seq", .integer(0...Int.max), told: true),
                .always("end_of_stream", .boolean, told: true))
        case .eventPage: .page(of: .event)
        case .actor:
            .answer(.always("id", .userID.orNull, told: true), .always("name", .string), .always("role", .role))
        case .valueDigest:
            .answer(
                .always("name", .string), .always("sha256", .matching(Pattern.sha256)),
                .always("salt", .string.orNull, told: true))
        case .explanation:
            .answer(
                .always("state", .state), .always("state_name", .string), .always("since", .time),
                .always("clause", .string.orNull, told: true), .always("next", .array(.component(.nextStep))),
                .always("auto_close", Schema.component(.autoClose).orNull, told: true))
        case .nextStep:
            .answer(
                .always("action", .action), .always("who", .array(.role)), .always("allowed", .boolean, told: true),
                .always("because", .string), .always("clause", .string.orNull))
        case .autoClose:
            .answer(
                .always("at", .time.orNull, told: true), .always("working_days", .count), .always("calendar", .string),
                .always("calendar_version", .string), .always("time_zone", .string),
                .always("because", .string.orNull, told: true), .always("days", .array(.component(.day))))
        case .day:
            .answer(
                .always("date", .date), .always("counted", .boolean), .always("number", .count.orNull, told: true),
                .always("name", .string.orNull, told: true), .always("provisional", .boolean, told: true))
        case .queueSummary:
            .answer(
                .always("open", .count), .always("overdue", .count, told: true),
                .always("by_state", .counts(State.allCases.filter(\.isOpen).map(\.rawValue))),
                .always("by_priority", .counts(Priority.allCases.map(\.rawValue))),
                .always("by_product", .map(.count)), .always("by_assignee", .array(.component(.queueShare))))
        case .queueShare:
            .answer(.always("assignee", Schema.person.orNull, told: true), .always("count", .count))
        default: preconditionFailure("\(self) has its schema in another group")
        }
    }

    private static let eventMembers: [Member] = [
        .always("seq", .count, told: true), .always("at", .time), .always("actor", .component(.actor)),
        .always("action", .action), .always("clause", .string.orNull, told: true),
        .always("from", .state.orNull, told: true), .always("to", .state.orNull),
        .always(
            "changes", .map(Schema.answer(.always("from", .any), .always("to", .any)).orNull), told: true),
        .always("comment_id", .matching(Pattern.identifier("c")).orNull),
        .always("digests", .array(.component(.valueDigest)), told: true),
        .always("hash", .matching(Pattern.sha256), told: true),
    ]
}

extension Schema {
    /// A figure for each of these names.
    fileprivate static func counts(_ names: [String]) -> Schema {
        .object(ObjectRules(members: names.map { .always($0, .count) }, isClosed: false))
    }
}
