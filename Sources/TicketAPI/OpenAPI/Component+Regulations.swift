import Regulations
import Tickets

extension Component {
    var regulationSchema: Schema {
        switch self {
        case .product:
            .answer(
                .always("code", .string), .always("name", .string), .always("policy", .component(.policyReference)))
        case .productPage: .page(of: .product)
        case .policy: Component.policyAnswer
        case .policyPage: .page(of: .policy)
        case .detailRule:
            .answer(
                .always("key", .string),
                .always(
                    "required",
                    .either([
                        .boolean, .choice(["always"]), .answer(.always("kinds", .array(.string))),
                        .answer(.always("channels", .array(.string))),
                    ]), told: true))
        case .translations: .answer(.always("ru", .string), .always("en", .string))
        case .plan:
            .answer(
                .always("name", .string), .always("schedule", .component(.schedule)),
                .always("times", .map(.component(.planTimes)), told: true))
        case .planTimes:
            .answer(.always("first_response_minutes", .count.orNull), .always("solution_minutes", .count.orNull))
        case .schedule:
            .answer(
                .always("timeZone", .string), .always("calendarMode", .choice(["respect", "ignore"])),
                .always("windows", .map(.array(.component(.window))), told: true),
                .sometimes("makeup", .array(.component(.window)), told: true),
                .sometimes("shortDayMinutes", .count, told: true))
        case .window:
            .answer(.always("from", .matching(Component.wallTime)), .always("to", .matching(Component.wallTime)))
        case .release:
            .answer(
                .always("product", .string), .always("version", .release), .always("notes", .string.orNull),
                .always("created_at", .time), .always("published_at", .time.orNull, told: true))
        case .releasePage: .page(of: .release)
        case .releaseRequest:
            .request(
                .required("product", .string), .required("version", .release), .optional("notes", .text(Limit.text)))
        case .nothing: .request()
        case .publication:
            .answer(
                .always("product", .string), .always("version", .release), .always("published_at", .time.orNull),
                .always("solved", .count, told: true), .always("tickets", .array(.ticketID)))
        case .deadline:
            .answer(
                .always("from", .time), .always("working_days", .count), .always("calendar", .string),
                .always("calendar_version", .string), .always("time_zone", .string), .always("deadline", .time),
                .always("days", .array(.component(.day))))
        case .runRequest:
            .request(
                .optional("dry_run", .boolean, told: true), .optional("as_of", .time, told: true),
                .optional("plan", .text(Limit.name), told: true))
        case .run:
            .object(
                ObjectRules(
                    members: [Component.runID] + Component.runTerms + Component.runResults + [
                        .always("tickets", .array(.ticketID, count: 0...1000), told: true)
                    ], isClosed: false))
        case .pastRun:
            .object(
                ObjectRules(
                    members: [Component.runID] + Component.runTerms + [
                        .always("started_by", .userID.orNull, told: true), .always("started_at", .time),
                        .always("finished_at", .time.orNull, told: true),
                    ] + Component.runResults, isClosed: false))
        case .pastRunPage: .page(of: .pastRun)
        default: preconditionFailure("\(self) has its schema in another group")
        }
    }

    private static let wallTime = "^([01][0-9]|2[0-4]):[0-5][0-9]$"
    private static let runID = Member.always("run_id", .matching(Pattern.identifier("r")))
    private static let runTerms: [Member] = [
        .always("as_of", .time, told: true), .always("dry_run", .boolean),
    ]
    private static let runResults: [Member] = [
        .always("due", .count), .always("closed", .count), .always("plan", .string, told: true),
    ]

    private static let policyAnswer = Schema.answer(
        .always("code", .string), .always("version", .count), .always("name", .string),
        .always("document", .string, told: true), .always("kinds", .array(.string)),
        .always("blocking_kinds", .array(.string), told: true), .always("channels", .array(.string), told: true),
        .always("details", .array(.component(.detailRule))),
        .always("at_least_one_of", .array(.array(.string)), told: true),
        .always("further_problems", .choice(of: Policy.FurtherProblems.self), told: true),
        .always("confirmers", .choice(of: Policy.Confirmers.self), told: true),
        .always("auto_close_after_working_days", .count.orNull, told: true),
        .always("contract_may_override_auto_close", .boolean, told: true),
        .always("states", .map(.component(.translations)), told: true), .always("clauses", .map(.string), told: true),
        .always("plans", .map(.component(.plan))), .always("calendar", .string), .always("time_zone", .string),
        .always(
            "names",
            .answer(
                .always("kinds", .map(.component(.translations))), .always("details", .map(.component(.translations))),
                .always("channels", .map(.component(.translations))))))
}
