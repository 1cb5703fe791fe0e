import Regulations
import TicketAPI

enum DocsCommand: Command {
    static let words = ["docs"]
    static let synopsis = "[--stdout|--check|--man]"
    static let summary =
        "writes the pages of docs/reference that are drawn from the code: lifecycle.md, metrics.md, openapi.json"
    static let options = [
        ("--stdout", "prints them and writes nothing"),
        ("--check", "writes nothing; 1 when a page says something else"),
        ("--man", "prints reglament(1), the manual page, and writes nothing"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let prints = arguments.flag("--stdout")
        let checks = arguments.flag("--check")
        let isManual = arguments.flag("--man")
        try arguments.finish()
        let installation = try Installation(settings)
        if isManual {
            Terminal.write(try manual(installation), to: 1)
            return 0
        }
        for (page, text) in try pages(installation) {
            let path = "\(installation.home)/\(page)"
            if prints {
                Terminal.write(text, to: 1)
            } else if !checks {
                try Files.write(Array(text.utf8), to: path, mode: 0o644)
            } else if try Files.read(path) != Array(text.utf8) {
                throw Failure.failed("\(page) is not what the tables say; `reglament docs` writes it.")
            }
        }
        return 0
    }

    static func manual(_ installation: Installation) throws -> String {
        ManualPage.text(
            example: String(decoding: try Files.read("\(installation.home)/Config/example.conf"), as: UTF8.self))
    }

    /// Each page's path from the root of the installation, and what it has to say.
    static func pages(_ installation: Installation) throws -> [(path: String, text: String)] {
        let policies = installation.policies.map(\.policy).sorted { $0.code < $1.code }
        return [
            ("docs/reference/lifecycle.md", LifecyclePage.text(policies)),
            ("docs/reference/metrics.md", MetricsPage.text),
            ("docs/reference/openapi.json", Reference.document(try installation.texts(), in: .en)),
        ]
    }
}
