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
        (
            "--name NAME",
            "of a new user, as others read it; when left out, the role, and of a customer the address"
        ),
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
        guard User.isEmail(email), Self.isReadable(email) else {
            throw Failure.usage("--email is no e-mail address: one @ between a name and a domain, no blanks.")
        }
        if let name, name.isBlank || name.unicodeScalars.count > User.nameMax || !Self.isReadable(name) {
            throw Failure.usage(
                "A name has 1 to \(User.nameMax) characters of UTF-8, not all of them blank and none a control character."
            )
        }
        // Customers read the names of those who work for them: no address stands in for one.
        let shown = name ?? (role == .customer ? email : role.rawValue)
        let secret = try Session.with(settings) { session in
            let user = try await session.user(email: email, name: shown, role: role, organization: organization)
            return try await session.makeToken(for: user, name: "command line")
        }
        Terminal.print(secret)
        return 0
    }

    /// No control characters; nor what stands for bytes of a word that are no UTF-8.
    private static func isReadable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0 != "\u{fffd}" }
    }
}
