import Regulations
import TicketStore

enum AnchorCommand: Command {
    static let words = ["anchor"]
    static let synopsis = "[--file FILE]"
    static let summary =
        "prints one root over the whole history, to be kept where the database's owner cannot change it"
    static let options = [
        ("--file FILE", "goes on from the last anchor in FILE, and adds the new one with the chains that have grown")
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let path = try arguments.value("--file")
        try arguments.finish()
        let line = try Session.with(settings) { session in
            let at = session.now().rfc3339
            guard let path else {
                let anchor = try await session.store.anchor(from: .beginning) { anchor, _ in
                    Terminal.showProgress("\(anchor.place) events")
                }
                return AnchorLine(at: at, anchor: anchor, heads: [])
            }
            return try await append(to: path, at: at, session)
        }
        Terminal.endProgress()
        Terminal.print(line.json(withHeads: false))
        return 0
    }

    /// Every run leaves a line, so that a day on which nothing happened is told from one that nobody looked at.
    private static func append(to path: String, at: String, _ session: Session) async throws -> AnchorLine {
        let file = try AnchorFile(path: path)
        let end = try await session.store.feedEnd()
        guard end >= file.last.place else {
            throw Failure.failed(
                """
                \(path): its last anchor knows \(file.last.place) events, and the feed has \(end). Events are gone, or this is \
                another database; `reglament verify --anchor` says which.
                """)
        }
        var grown = false
        let anchor = try await session.store.anchor(from: file.last) { anchor, heads in
            grown = true
            try file.append(AnchorLine(at: at, anchor: anchor, heads: heads))
            Terminal.showProgress("\(anchor.place) events")
        }
        let line = AnchorLine(at: at, anchor: anchor, heads: [])
        if !grown { try file.append(line) }
        return line
    }
}
