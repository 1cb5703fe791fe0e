import Tickets

extension Component {
    var peopleSchema: Schema {
        switch self {
        case .organization: .answer(.always("code", .code), .always("name", .string))
        case .organizationPage: .page(of: .organization)
        case .organizationRequest: .request(.required("code", .code), .required("name", .text(Limit.name)))
        case .organizationPatch:
            .request(.unremovable("code", .code, told: true), .unremovable("name", .text(Limit.name)))
        case .user:
            .answer(
                .always("id", .userID), .always("email", .string), .always("name", .string), .always("role", .role),
                .always("organization", .code.orNull, told: true), .always("active", .boolean, told: true))
        case .userPage: .page(of: .user)
        case .userRequest:
            .request(
                .required("email", .email, told: true), .required("name", .text(Limit.name)), .required("role", .role),
                .optional("organization", .code, told: true), .optional("active", .boolean, told: true))
        case .userPatch:
            .request(
                .unremovable("id", .userID, told: true), .unremovable("email", .email),
                .unremovable("name", .text(Limit.name)), .unremovable("role", .role),
                .optional("organization", .code), .unremovable("active", .boolean, told: true))
        case .token: Component.token(secret: [])
        case .tokenPage: .page(of: .token)
        case .tokenRequest:
            .request(.required("name", .text(Limit.name)), .optional("expires_at", .time, told: true))
        case .newToken: Component.token(secret: [.always("token", .string.orNull, told: true)])
        case .contract:
            .answer(
                .always("id", .contractID), .always("organization", .code), .always("product", .string),
                .always("plan", .string.orNull, told: true), .always("valid_from", .date, told: true),
                .always("valid_to", .date.orNull, told: true),
                .always("auto_close_after_working_days", .integer(1...365).orNull, told: true),
                .always("responsible_contacts", .array(.userID), told: true))
        case .contractPage: .page(of: .contract)
        case .contractRequest:
            .request(
                .required("organization", .code), .required("product", .string), .optional("plan", .string, told: true),
                .required("valid_from", .date), .optional("valid_to", .date),
                .optional("auto_close_after_working_days", .integer(1...365), told: true),
                .optional("responsible_contacts", .contacts, told: true))
        case .contractPatch:
            .request(
                .unremovable("id", .contractID, told: true), .unremovable("organization", .code),
                .unremovable("product", .string), .optional("plan", .string), .unremovable("valid_from", .date),
                .optional("valid_to", .date), .optional("auto_close_after_working_days", .integer(1...365)),
                .optional("responsible_contacts", .contacts))
        default: preconditionFailure("\(self) has its schema in another group")
        }
    }

    private static func token(secret: [Member]) -> Schema {
        .object(
            ObjectRules(
                members: [.always("id", .matching(Pattern.identifier("t"))), .always("name", .string)] + secret + [
                    .always("created_at", .time), .always("expires_at", .time.orNull, told: true),
                ], isClosed: false))
    }
}

extension Schema {
    fileprivate static let email = Schema.matching(Pattern.email, length: 3...254)
    fileprivate static let contractID = Schema.matching(Pattern.identifier("k"))
    fileprivate static let contacts = Schema.array(.userID, count: 0...Limit.contacts, distinct: true)
}
