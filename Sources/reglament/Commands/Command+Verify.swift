import TicketStore

enum VerifyCommand: Command {
    static let words = ["verify"]
    static let synopsis = "[--anchor FILE]"
    static let summary = "walks the history of every ticket: hash chains, fingerprints, attachments, invariants"
    static let options = [("--anchor FILE", "also holds the history against what `reglament anchor` has kept in FILE")]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let path = try arguments.value("--anchor")
        try arguments.finish()
        let found: @Sendable (String) -> Void = { sentence in
            Terminal.endProgress()
            Terminal.print(sentence)
        }
        let (result, anchors) = try Session.with(settings) { session in
            var result = try await session.store.verify(found: found) { Terminal.showProgress("\($0) tickets") }
            guard let path else { return (result, Int?.none) }
            var lines = try AnchorLines(path: path)
            var check = AnchorCheck(session.store)
            var count = 0
            while let line = try lines.next() {
                let breaks = try await check.breaks(line.anchor, line.heads, at: line.at)
                breaks.forEach(found)
                result.breaks += breaks
                count += 1
                Terminal.showProgress("\(count) anchors")
            }
            if lines.unfinishedBytes > 0 {
                Terminal.endProgress()
                Terminal.say("\(path): its last line is not finished, and says nothing")
            }
            return (result, count)
        }
        Terminal.endProgress()
        Terminal.print(
            """
            \(result.tickets) tickets, \(result.events) events, \(result.attachments) attachments, \
            \(anchors.map { "\($0) anchors, " } ?? "")\(result.breaks.count) breaks
            """)
        return result.breaks.isEmpty ? 0 : 1
    }
}
