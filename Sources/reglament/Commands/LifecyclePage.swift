import Regulations
import Tickets

/// The lifecycle as people read it, drawn from the tables that decide.
enum LifecyclePage {
    /// One step of the tables.
    struct Line {
        let from: State?
        let action: Action
        let to: State
    }

    static let lines: [Line] =
        [Line(from: nil, action: .register, to: .registered)] + lines(of: Lifecycle.table)

    static func lines(of table: [State: [Action: State]]) -> [Line] {
        State.allCases.flatMap { state in
            Action.allCases.compactMap { action in
                guard let next = table[state]?[action] else { return nil }
                return Line(from: state, action: action, to: next)
            }
        }
    }

    static func who(_ action: Action) -> String {
        let roles = Lifecycle.actors[action] ?? []
        switch roles {
        case [.customer]: return "customer"
        case Role.employees: return "employee"
        case [.service]: return "service"
        default:
            return roles.contains(.customer)
                ? "customer, employee" : Role.allCases.filter(roles.contains).map(\.rawValue).joined(separator: ", ")
        }
    }

    /// `docs/reference/lifecycle.md`; `policies` in the order of their codes.
    static func text(_ policies: [Policy]) -> String {
        var table = MarkdownTable(head: ["From", "Step", "Who", "To"])
        for line in lines {
            let to = line.from == line.to ? "stays" : code(line.to.rawValue)
            table.rows.append([
                line.from.map { code($0.rawValue) } ?? "-", code(line.action.rawValue), who(line.action), to,
            ])
        }
        var following = MarkdownTable(head: ["From", "Step", "To"])
        for line in lines(of: Lifecycle.followingTable) {
            following.rows.append([
                code(line.from?.rawValue ?? "-"), code(line.action.rawValue),
                line.from == line.to ? "stays" : code(line.to.rawValue),
            ])
        }
        var names = MarkdownTable(head: ["State"] + policies.map { code($0.code) })
        for state in State.allCases {
            names.rows.append([code(state.rawValue)] + policies.map { $0.states[state.rawValue]?.en ?? "-" })
        }
        var clauses = MarkdownTable(head: ["Step"] + policies.map { code($0.code) })
        for action in Action.allCases where policies.contains(where: { $0.actionClauses[action.rawValue] != nil }) {
            clauses.rows.append([code(action.rawValue)] + policies.map { $0.actionClauses[action.rawValue] ?? "-" })
        }
        return """
            # Lifecycle

            <!-- Written by `make docs` out of Lifecycle.table and the policies. -->

            A pair of state and step that is not in a table is refused with 409. *Employee* is an engineer, a lead or an admin.

            ```mermaid
            stateDiagram-v2
            \(diagram)
            ```

            \(table.text)

            A `comment` out of `awaiting_information` leads to `assigned` when the customer writes it; an employee's leaves the
            state alone. `plan_solution` is a `solve` that waits for its release. `link` and `unlink` are employees' steps that say
            nothing about the state: even a closed ticket takes them. `recalculate_deadline` is `reglament calendar recalculate`,
            `auto_close` the nightly job.

            ## What follows from another step

            When a whole is solved, or the release that tickets wait for is published, each open part and each waiting ticket takes:

            \(following.text)

            ## What the regulations call the states

            \(names.text)

            ## Which clause allows a step

            A step on which the regulation is silent has none.

            \(clauses.text)

            """
    }

    private static var diagram: String {
        var seen: [String: [String]] = [:]
        var order: [String] = []
        for line in lines where line.from != line.to {
            let arrow = "    \(line.from?.rawValue ?? "[*]") --> \(line.to.rawValue)"
            if seen[arrow] == nil { order.append(arrow) }
            seen[arrow, default: []].append(line.action.rawValue)
        }
        let arrows = order.map { "\($0): \(seen[$0, default: []].joined(separator: ", "))" }
        return (arrows + ["    closed --> [*]"]).joined(separator: "\n")
    }

    private static func code(_ text: String) -> String { "`\(text)`" }
}
