import Regulations
import TicketStore
import Tickets

enum PolicyDiffCommand: Command {
    static let words = ["policy", "diff"]
    static let synopsis = "A B"
    static let summary =
        "says in what two policies differ and what that does to the open tickets; A and B are files or codes"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        guard let first = try arguments.word(), let second = try arguments.word() else {
            throw Failure.usage("`policy diff` needs two policies: files, or codes of installed ones.")
        }
        try arguments.finish()
        let (old, new) = (try policy(first, settings), try policy(second, settings))
        let lines = PolicyDifference(old: old, new: new).lines
        for line in lines { Terminal.print(line) }
        if lines.isEmpty { Terminal.print("No difference.") }
        if !lines.isEmpty && old.code == new.code && old.version == new.version {
            Terminal.print(
                "Both are version \(old.version): the service refuses other contents under an installed version.")
        }
        guard old.code == new.code, !lines.isEmpty else { return 0 }
        Terminal.print(try openTickets(of: old.code, settings))
        return 0
    }

    private static func policy(_ word: String, _ settings: Settings) throws -> Policy {
        let name = Organization.isCode(word) && !Files.exists(word) ? "Config/policies/\(word).json" : word
        let path = name == word ? word : "\(try Installation.findHome(settings))/\(name)"
        do { return try Policy(file: name, bytes: Files.read(path)) } catch let error as ConfigurationFaults {
            throw Failure.failed(error.description)
        }
    }

    /// Never starts a database that is not there: a difference can be read without one.
    private static func openTickets(of code: String, _ settings: Settings) throws -> String {
        guard settings.databaseURL != nil || Files.exists("\(settings.data)/postgres.users.lock") else {
            return "There is no database here to count the open tickets in."
        }
        let counts: [(state: State, version: Int, count: Int)]
        do {
            counts = try Session.with(settings) { session in
                try await session.store.openTickets(product: code).map { ($0.state, $0.version, $0.count) }
            }
        } catch Failure.failed(let reason) {
            throw Failure.failed("The open tickets cannot be counted: \(reason)")
        } catch { throw Failure.failed("The open tickets cannot be counted: \(error)") }
        if counts.isEmpty { return "No open ticket is touched: there is none." }
        var lines = ["Open tickets stay under the version that they were registered under:"]
        for version in Set(counts.map(\.version)).sorted() {
            let own = counts.filter { $0.version == version }
            let states = State.allCases.compactMap { state in
                own.first { $0.state == state }.map { "\($0.count) \(state.rawValue)" }
            }
            let sum = own.map(\.count).reduce(0, +)
            lines.append("  version \(version): \(sum) (\(states.joined(separator: ", ")))")
        }
        lines.append("What differs binds tickets that are registered from then on.")
        return lines.joined(separator: "\n")
    }
}

/// Every member in which two policies differ.
struct PolicyDifference {
    let old: Policy
    let new: Policy

    /// `path: old → new`, in the order of the paths.
    var lines: [String] {
        let (before, after) = (Self.flat(old), Self.flat(new))
        return Set(before.keys).union(after.keys).sorted().compactMap { path in
            let (from, to) = (before[path] ?? "-", after[path] ?? "-")
            return from == to ? nil : "\(path): \(from) → \(to)"
        }
    }

    private static func flat(_ policy: Policy) -> [String: String] {
        var flat: [String: String] = [
            "code": policy.code, "prefix": policy.prefix, "version": "\(policy.version)", "document": policy.document,
            "name": text(policy.name), "kinds": policy.kinds.joined(separator: ", "),
            "blocking_kinds": policy.blockingKinds.sorted().joined(separator: ", "),
            "channels": policy.channels.joined(separator: ", "),
            "at_least_one_of": policy.atLeastOneOf.map { $0.joined(separator: ", ") }.joined(separator: "; "),
            "further_problems": policy.furtherProblems.rawValue, "confirmers": policy.confirmers.rawValue,
            "auto_close_after_working_days": policy.autoCloseAfterWorkingDays.map(String.init) ?? "null",
            "contract_may_override_auto_close": "\(policy.contractMayOverrideAutoClose)",
            "calendar": policy.calendar, "time_zone": policy.timeZone,
        ]
        for rule in policy.details { flat["details/\(rule.key)"] = "\(rule.requirement)" }
        for (code, clause) in policy.actionClauses { flat["action_clauses/\(code)"] = clause }
        let texts = [
            "states": policy.states, "clauses": policy.clauses, "names/kinds": policy.names.kinds,
            "names/details": policy.names.details, "names/channels": policy.names.channels,
        ]
        for (member, named) in texts {
            for (code, name) in named { flat["\(member)/\(code)"] = text(name) }
        }
        for (code, plan) in policy.plans {
            flat["plans/\(code)/name"] = text(plan.name)
            flat.merge(hours(of: plan.schedule, "plans/\(code)/schedule")) { $1 }
            for (priority, times) in plan.times {
                let minutes = [times.firstResponseMinutes, times.solutionMinutes].map { $0.map(String.init) ?? "null" }
                flat["plans/\(code)/times/\(priority)"] = minutes.joined(separator: ", ")
            }
        }
        return flat
    }

    private static func hours(of schedule: SupportSchedule, _ path: String) -> [String: String] {
        func text(_ windows: [SupportSchedule.Window]) -> String {
            windows.isEmpty ? "-" : windows.map { "\(clock($0.from))-\(clock($0.to))" }.joined(separator: ", ")
        }
        func clock(_ minutes: Int) -> String {
            let padded = [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
            return padded.joined(separator: ":")
        }
        var flat = [
            "\(path)/time_zone": schedule.timeZone, "\(path)/calendar_mode": schedule.calendarMode.rawValue,
            "\(path)/makeup": schedule.makeup.map(text) ?? "-",
        ]
        for (day, windows) in zip(SupportSchedule.weekdays, schedule.windows) { flat["\(path)/\(day)"] = text(windows) }
        return flat
    }

    private static func text(_ text: LocalizedText) -> String { "\(text.en) / \(text.ru)" }
}
