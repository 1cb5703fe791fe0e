import Regulations

enum DocsCommand: Command {
    static let words = ["docs"]
    static let synopsis = "[--stdout|--check]"
    static let summary = "writes docs/reference/lifecycle.md out of the tables and the policies"
    static let options = [
        ("--stdout", "prints it and writes nothing"),
        ("--check", "writes nothing; 1 when the page says something else"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let prints = arguments.flag("--stdout")
        let checks = arguments.flag("--check")
        try arguments.finish()
        let installation = try Installation(settings)
        let text = LifecyclePage.text(installation.policies.map(\.policy).sorted { $0.code < $1.code })
        let path = "\(installation.home)/docs/reference/lifecycle.md"
        if prints {
            Terminal.write(text, to: 1)
        } else if checks {
            guard try Files.read(path) == Array(text.utf8) else {
                throw Failure.failed(
                    "docs/reference/lifecycle.md is not what the tables say; `reglament docs` writes it.")
            }
        } else {
            try Files.write(Array(text.utf8), to: path, mode: 0o644)
        }
        return 0
    }
}
