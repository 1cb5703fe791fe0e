import Regulations

enum PolicyShowCommand: Command {
    static let words = ["policy", "show"]
    static let synopsis = "CODE"
    static let summary =
        "prints a regulation: its lifecycle as a Markdown table with the clauses, its kinds, details and plans"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        guard let code = try arguments.word() else { throw Failure.usage("`policy show` needs the code of a policy.") }
        try arguments.finish()
        let installation = try Installation(settings)
        guard let file = installation.policies.first(where: { $0.policy.code == code }) else {
            let known = installation.policies.map(\.policy.code).joined(separator: ", ")
            throw Failure.failed("There is no policy `\(code)`; installed are \(known).")
        }
        Terminal.print(PolicyPage(policy: file.policy).text)
        return 0
    }
}
