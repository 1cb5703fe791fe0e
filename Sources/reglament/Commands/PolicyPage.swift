import Regulations
import Tickets

/// One regulation as people read it.
struct PolicyPage {
    let policy: Policy

    var text: String {
        """
        # \(policy.name.en) / \(policy.name.ru)

        Policy `\(policy.code)`, version \(policy.version), ticket numbers `\(policy.prefix)-…`, calendar `\(policy.calendar)`, \
        time zone \(policy.timeZone).
        Document: \(policy.document).

        - A solved request closes by itself \(autoClose).
        - \(confirmers) may confirm a solution.
        - A further problem is \(furtherProblems).

        ## Lifecycle

        \(lifecycle)

        ## Clauses

        \(list(policy.clauses.sorted { $0.key < $1.key }.map { "**\($0.key)** \($0.value.en)" }))

        ## What a request holds

        \(requests)

        ## Plans

        \(plans)
        """
    }

    private var autoClose: String {
        let agreed = policy.contractMayOverrideAutoClose ? "; a contract may agree otherwise" : ""
        return policy.autoCloseAfterWorkingDays.map { "after \($0) working days without an answer\(agreed)" }
            ?? "never\(agreed)"
    }

    private var confirmers: String {
        switch policy.confirmers {
        case .anyContact: "Any contact of the customer"
        case .responsibleContacts: "Only those on the contract's list"
        }
    }

    private var furtherProblems: String {
        switch policy.furtherProblems {
        case .newRequest: "a new request"
        case .either: "a new request, or documented in the current one"
        }
    }

    private var lifecycle: String {
        var table = MarkdownTable(head: ["From", "Step", "Who", "To", "Clause"])
        for line in LifecyclePage.lines {
            if line.action == .autoClose || line.action == .recalculateDeadline {
                guard policy.autoCloseAfterWorkingDays != nil || policy.contractMayOverrideAutoClose else { continue }
            }
            table.rows.append([
                line.from.map(name) ?? "-", line.action.rawValue, LifecyclePage.who(line.action),
                line.from == line.to ? "stays" : name(line.to), policy.actionClauses[line.action.rawValue] ?? "-",
            ])
        }
        return table.text
    }

    private func name(_ state: State) -> String {
        policy.states[state.rawValue].map { "\($0.en) / \($0.ru)" } ?? state.rawValue
    }

    private var requests: String {
        let kinds = policy.kinds.map { kind in
            "kind `\(kind)`: \(policy.names.kinds[kind]?.en ?? kind)\(policy.blockingKinds.contains(kind) ? ", blocking" : "")"
        }
        let channels = policy.channels.map { "channel `\($0)`: \(policy.names.channels[$0]?.en ?? $0)" }
        let details = policy.details.map { rule in
            "detail `\(rule.key)`: \(policy.names.details[rule.key]?.en ?? rule.key), \(Self.words(rule.requirement))"
        }
        let groups = policy.atLeastOneOf.map { "at least one of \($0.map { "`\($0)`" }.joined(separator: ", "))" }
        return list(kinds + channels + details + groups)
    }

    private static func words(_ requirement: Policy.DetailRule.Requirement) -> String {
        switch requirement {
        case .optional: "optional"
        case .always: "required"
        case .kinds(let kinds): "required for \(kinds.joined(separator: ", "))"
        case .channels(let channels): "required by \(channels.joined(separator: ", "))"
        }
    }

    private var plans: String {
        var table = MarkdownTable(head: ["Plan", "Priority", "First response, minutes", "Solution, minutes"])
        for (code, plan) in policy.plans.sorted(by: { $0.key < $1.key }) {
            if plan.times.isEmpty { table.rows.append(["`\(code)`", "-", "-", "-"]) }
            for priority in Priority.allCases {
                guard let times = plan.times[priority.rawValue] else { continue }
                table.rows.append([
                    "`\(code)`", priority.rawValue, times.firstResponseMinutes.map(String.init) ?? "-",
                    times.solutionMinutes.map(String.init) ?? "-",
                ])
            }
        }
        return table.text
    }

    private func list(_ lines: [String]) -> String { lines.map { "- \($0)" }.joined(separator: "\n") }
}
