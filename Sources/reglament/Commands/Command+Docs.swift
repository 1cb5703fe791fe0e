import Regulations

enum DocsCommand: Command {
    static let words = ["docs"]
    static let synopsis = "[--stdout|--check]"
    static let summary = "writes docs/reference/lifecycle.md and metrics.md out of the tables and the policies"
    static let options = [
        ("--stdout", "prints them and writes nothing"),
        ("--check", "writes nothing; 1 when a page says something else"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let prints = arguments.flag("--stdout")
        let checks = arguments.flag("--check")
        try arguments.finish()
        let installation = try Installation(settings)
        let policies = installation.policies.map(\.policy).sorted { $0.code < $1.code }
        let pages = [
            (path: "docs/reference/lifecycle.md", text: LifecyclePage.text(policies)),
            (path: "docs/reference/metrics.md", text: MetricsPage.text),
        ]
        for page in pages {
            let path = "\(installation.home)/\(page.path)"
            if prints {
                Terminal.write(page.text, to: 1)
            } else if checks {
                guard try Files.read(path) == Array(page.text.utf8) else {
                    throw Failure.failed("\(page.path) is not what the tables say; `reglament docs` writes it.")
                }
            } else {
                try Files.write(Array(page.text.utf8), to: path, mode: 0o644)
            }
        }
        return 0
    }
}
