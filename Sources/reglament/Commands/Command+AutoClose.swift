import JSONText
import Regulations
import TicketStore
import Tickets

enum AutoCloseCommand: Command {
    static let words = ["auto-close"]
    static let synopsis = "[--dry-run] [--as-of TIME] [--plan HASH] [--json]"
    static let summary = "closes what the customers have not answered in time, as the regulations say"
    static let options = [
        ("--dry-run", "says what would be closed and changes nothing"),
        ("--as-of TIME", "with --dry-run: what is due at that time, like 2026-11-20T00:00:00Z"),
        ("--plan HASH", "closes just what a dry run planned; 1 when the facts have changed"),
        ("--json", "the result as one JSON object"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let dryRun = arguments.flag("--dry-run")
        let json = arguments.flag("--json")
        let asOf = try arguments.value("--as-of")
        let plan = try arguments.value("--plan")
        try arguments.finish()
        let asOfInstant = asOf.flatMap { Instant(rfc3339: $0)?.truncatedToMilliseconds() }
        if asOf != nil && asOfInstant == nil { throw Failure.usage("--as-of needs a time like 2026-11-20T00:00:00Z.") }
        if asOf != nil && !dryRun { throw Failure.usage("--as-of goes with --dry-run alone.") }
        if plan != nil && dryRun { throw Failure.usage("--plan closes; it does not go with --dry-run.") }
        let outcome = try Session.with(settings) { session in
            let now = session.now()
            let request: JobRequest = dryRun ? .dryRun(asOf: asOfInstant ?? now) : plan.map(JobRequest.plan) ?? .close
            return try await session.store.runAutoClose(request, by: nil, at: now, .staff) { closed, due in
                Terminal.showProgress("closed \(closed) of \(due)")
            }
        }
        Terminal.endProgress()
        guard case .done(let run) = outcome else {
            throw Failure.failed("The due tickets are no longer those of the plan; nothing was closed.")
        }
        Terminal.print(json ? body(run) : sentence(run))
        return 0
    }

    private static func sentence(_ run: JobRun) -> String {
        let lines = run.tickets.map(\.description).joined(separator: "\n")
        let head =
            run.dryRun
            ? "\(run.due) tickets are due as of \(run.asOf.rfc3339); plan \(run.plan)"
            : "\(run.closed) of \(run.due) due tickets closed; run \(run.id)"
        return lines.isEmpty ? head : "\(head)\n\(lines)"
    }

    private static func body(_ run: JobRun) -> String {
        var json = JSONWriter()
        json.object { json in
            json.key("run_id")
            json.string(run.id.text)
            json.key("as_of")
            json.string(run.asOf.rfc3339)
            json.key("dry_run")
            json.bool(run.dryRun)
            json.key("due")
            json.integer(run.due)
            json.key("closed")
            json.integer(run.closed)
            json.key("plan")
            json.string(run.plan)
            json.key("tickets")
            json.array { json in for ticket in run.tickets { json.string(ticket.description) } }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
