import Regulations
import TicketStore

enum RetentionCommand: Command {
    static let words = ["retention"]
    static let synopsis = "--dry-run|--apply [--attachments]"
    static let summary = "erases the texts of tickets closed longer ago than REGLAMENT_RETENTION_CLOSED_TEXTS"
    static let options = [
        ("--dry-run", "says what would be erased and changes nothing"),
        ("--apply", "erases"),
        ("--attachments", "erases the tickets' attachments, too"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let dryRun = arguments.flag("--dry-run")
        let apply = arguments.flag("--apply")
        let files = arguments.flag("--attachments")
        try arguments.finish()
        guard dryRun != apply else { throw Failure.usage("`retention` needs either --dry-run or --apply.") }
        guard let days = settings.retention.closedTextDays else {
            Terminal.print("REGLAMENT_RETENTION_CLOSED_TEXTS is off: nothing is ever too old.")
            return 0
        }
        let now = ServiceClock(startingAt: settings.clock).now()
        let instant = Instant(milliseconds: now.milliseconds - Int64(days) * 86_400_000)
        let erased = try withEraser(settings) { eraser in
            try await eraser.eraseClosed(before: instant, files: files, dryRun: dryRun) {
                Terminal.showProgress("\($0.tickets) tickets")
            }
        }
        Terminal.endProgress()
        Terminal.print("closed before \(instant.rfc3339), \(dryRun ? "would be erased" : "erased"): \(erased.sentence)")
        return 0
    }
}
