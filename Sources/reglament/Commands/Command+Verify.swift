import TicketStore

enum VerifyCommand: Command {
    static let words = ["verify"]
    static let summary = "walks the history of every ticket: hash chains, fingerprints, attachments, invariants"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        try arguments.finish()
        let result = try Session.with(settings) { session in
            try await session.store.verify { Terminal.showProgress("\($0) tickets") }
        }
        Terminal.endProgress()
        for sentence in result.breaks { Terminal.print(sentence) }
        Terminal.print(
            """
            \(result.tickets) tickets, \(result.events) events, \(result.attachments) attachments, \
            \(result.breaks.count) breaks
            """)
        return result.breaks.isEmpty ? 0 : 1
    }
}
