import JSONText
import Regulations
import Tickets

/// A ticket as one caller sees it, members in the order of the contract.
struct TicketBody: Body {
    let record: TicketRecord
    let role: Role
    let language: Language
    /// The ticket's own version of its policy; nil: not read here yet.
    let policy: Policy?

    init(_ record: TicketRecord, for role: Role, in language: Language, _ rulebook: Rulebook) {
        self.record = record
        self.role = role
        self.language = language
        policy = rulebook.policy(record.ticket.product, version: record.ticket.policyVersion)
    }

    func write(to json: inout JSONWriter) {
        let ticket = record.ticket
        json.object { json in
            json.member("id", ticket.id.description)
            json.member("product", ticket.product)
            json.key("policy")
            json.object { json in
                json.member("code", ticket.product)
                json.member("version", ticket.policyVersion)
            }
            json.member("organization", ticket.organization)
            json.member("kind", ticket.kind)
            json.member("subject", ticket.subject)
            json.member("description", ticket.description)
            writeDetails(to: &json)
            json.member("blocking", ticket.blocking)
            json.member("priority", ticket.priority.rawValue)
            json.member("state", ticket.state.rawValue)
            json.member("state_name", policy.stateName(ticket.state, language))
            json.member("close_reason", ticket.closeReason?.rawValue)
            json.member("channel", ticket.channel)
            person("reporter", ticket.reporter, to: &json)
            person("registered_by", ticket.registeredBy, to: &json)
            json.key("assignees")
            json.array { json in
                for assignee in ticket.assignees { PersonBody(assignee, record.people[assignee]).write(to: &json) }
            }
            writeSolution(to: &json)
            writeLinks(to: &json)
            json.member("tags", ticket.tags)
            writeTimes(to: &json)
            json.member("dispute_count", ticket.disputeCount)
            json.member("version", ticket.version)
            json.member("updated_at", ticket.updatedAt)
            json.member("actions", Lifecycle.actions(on: record, for: role).map(\.rawValue))
        }
    }

    /// In the policy's order; a key that it does not know comes after, by name.
    private func writeDetails(to json: inout JSONWriter) {
        let details = record.ticket.details
        let known = policy?.details.map(\.key) ?? []
        let others = Set(details.keys).subtracting(known).sorted()
        json.key("details")
        json.object { json in
            for key in known + others { if let value = details[key] { json.member(key, value) } }
        }
    }

    private func person(_ name: String, _ id: UserID, to json: inout JSONWriter) {
        json.key(name)
        PersonBody(id, record.people[id]).write(to: &json)
    }

    private func writeSolution(to json: inout JSONWriter) {
        json.key("solution")
        guard let solution = record.ticket.solution else {
            json.null()
            return
        }
        json.object { json in
            json.member("comment", solution.comment)
            json.member("type", solution.type.rawValue)
            json.member("release", solution.release)
            person("by", solution.by, to: &json)
            json.member("at", solution.at)
        }
    }

    /// In one order whoever wrote them, so that equal tickets have equal bodies.
    private func writeLinks(to json: inout JSONWriter) {
        json.key("links")
        json.array { json in
            for link in record.links.sorted(by: { ($0.name, $0.ticket) < ($1.name, $1.ticket) }) {
                json.object { json in
                    json.member("type", link.name)
                    json.member("ticket", link.ticket.description)
                }
            }
        }
    }

    private func writeTimes(to json: inout JSONWriter) {
        let ticket = record.ticket
        json.member("registered_at", ticket.registeredAt)
        json.member("assigned_at", ticket.assignedAt)
        json.member("first_response_at", ticket.firstResponseAt)
        json.member("solved_at", ticket.solvedAt)
        json.member("closed_at", ticket.closedAt)
        json.member("first_response_due_at", ticket.firstResponseDueAt)
        json.member("solution_due_at", ticket.solutionDueAt)
        json.member("auto_close_at", ticket.autoClose?.at)
    }
}

/// Somebody whom a ticket mentions. Never more than the name: customers see these too.
struct PersonBody: Body {
    let id: UserID
    let name: String

    init(_ id: UserID, _ name: String?) {
        self.id = id
        self.name = name ?? ""
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id.text)
            json.member("name", name)
        }
    }
}

extension Policy? {
    /// The regulation's own name for a state; its plain word while the policy's version is not read here yet.
    func stateName(_ state: State, _ language: Language) -> String {
        self?.states[state.rawValue]?[language] ?? state.rawValue
    }
}
