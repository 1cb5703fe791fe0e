import EventLoop
import TicketStore
import Tickets

enum PersonEraseCommand: Command {
    static let words = ["person", "erase"]
    static let synopsis = "EMAIL|ID [--attachments] [--dry-run]"
    static let summary = "ends a person's access and erases name, address and texts; the history stays verifiable"
    static let options = [
        ("--attachments", "erases the files that they sent, too"),
        ("--dry-run", "says what would be erased and changes nothing"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let files = arguments.flag("--attachments")
        let dryRun = arguments.flag("--dry-run")
        guard let person = try arguments.word() else {
            throw Failure.usage("`person erase` needs an address or an identifier.")
        }
        try arguments.finish()
        let (id, erased) = try withEraser(settings) { eraser in
            try await eraser.erase(person, files: files, dryRun: dryRun) {
                Terminal.showProgress("\($0.tickets) tickets")
            }
        }
        Terminal.endProgress()
        Terminal.print("\(id.text) \(dryRun ? "would be erased" : "is erased"): \(erased.sentence)")
        return 0
    }
}

/// Runs the body with an eraser of the installation's database.
func withEraser<T: Sendable>(
    _ settings: Settings, _ body: @escaping @Sendable (Eraser) async throws -> T
) throws -> T {
    let database = try Database(settings)
    defer { database.close() }
    try database.prepare(Installation(settings))
    let url = database.migrateURL
    return try withLoop { loop in try await body(Eraser(url: url, loop: loop)) }
}

extension Erased {
    /// Counts, for people.
    var sentence: String {
        """
        \(tickets) tickets, \(texts) texts, \(comments) comments, \(solutions) solutions, \(changes) changes, \
        \(attachments) attachments, \(answers) kept answers
        """
    }
}
