import Tickets

enum TokenCommand: Command {
    static let words = ["token", "create"]
    static let synopsis = "--email ADDRESS --role ROLE [--organization CODE] [--name NAME]"
    static let summary = "makes a token, and its user when there is none; prints the token alone"
    static let options = [
        ("--email ADDRESS", "whose token it is"),
        (
            "--role ROLE",
            "\(Role.allCases.map(\.rawValue).joined(separator: ", ")); must be the user's when there is one"
        ),
        ("--organization CODE", "of a customer; made when missing"),
        ("--name NAME", "of a new user; the address when left out"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let email = try arguments.required("--email")
        let roleName = try arguments.required("--role")
        let organization = try arguments.value("--organization")
        let name = try arguments.value("--name")
        try arguments.finish()
        guard let role = Role(rawValue: roleName) else { throw Failure.usage("There is no role `\(roleName)`.") }
        guard (role == .customer) == (organization != nil) else {
            throw Failure.usage("A customer has an organization, others have none.")
        }
        if let organization, !Organization.isCode(organization) {
            throw Failure.usage("`\(organization)` is no code of an organization: small letters, digits and hyphens.")
        }
        let secret = try Session.with(settings) { session in
            let user = try await session.user(email: email, name: name ?? email, role: role, organization: organization)
            return try await session.makeToken(for: user, name: "command line")
        }
        Terminal.print(secret)
        return 0
    }
}
