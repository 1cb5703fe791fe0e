import Regulations
import TicketStore
import Tickets

enum CalendarRecalculateCommand: Command {
    static let words = ["calendar", "recalculate"]
    static let synopsis = "[--dry-run]"
    static let summary = "counts the closing date of every solved ticket anew, after a calendar changed"
    static let options = [("--dry-run", "says which deadlines would move and moves none")]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let dryRun = arguments.flag("--dry-run")
        try arguments.finish()
        let count = try Session.with(settings) { session in
            try await session.store.recalculateDeadlines(dryRun: dryRun) { moved in
                Terminal.print("\(moved.ticket)\t\(moved.from?.rfc3339 ?? "-")\t\(moved.to?.rfc3339 ?? "-")")
            }
        }
        Terminal.print("\(count) deadlines \(dryRun ? "would move" : "moved")")
        return 0
    }
}
