import JSONText
import Regulations
import Tickets

/// A ticket as one caller sees it, members in the order of the contract.
struct TicketBody: Body {
    let record: TicketRecord
    let role: Role
    let language: Language
    /// Of the ticket's own version of its policy.
    let words: TicketWords

    /// Throws when the ticket's version of its policy is not known here yet.
    init(
        _ record: TicketRecord, for role: Role, in language: Language, _ rulebook: Rulebook
    ) throws(Problem) {
        self.record = record
        self.role = role
        self.language = language
        let ticket = record.ticket
        // Registered by an instance that has a newer policy; this one will have read it in a moment.
        guard let words = rulebook.words(ticket.product, version: ticket.policyVersion) else {
            throw Problem(.unavailable)
        }
        self.words = words
    }

    func write(to json: inout JSONWriter) { write(record.ticket, to: &json) }

    private func write(_ ticket: Ticket, to json: inout JSONWriter) {
        json.object { json in
            json.member("id", ticket.id.text)
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
            write(ticket.details, to: &json)
            json.member("blocking", ticket.blocking)
            json.member("priority", ticket.priority.rawValue)
            json.member("state", ticket.state.rawValue)
            json.member("state_name", words.name(of: ticket.state, language))
            json.member("close_reason", ticket.closeReason?.rawValue)
            json.member("channel", ticket.channel)
            person("reporter", ticket.reporter, to: &json)
            person("registered_by", ticket.registeredBy, to: &json)
            json.key("assignees")
            json.array { json in
                for assignee in ticket.assignees { PersonBody(assignee, record.people[assignee]).write(to: &json) }
            }
            write(ticket.solution, to: &json)
            writeLinks(to: &json)
            json.member("tags", ticket.tags)
            writeTimes(ticket, to: &json)
            json.member("dispute_count", ticket.disputeCount)
            json.member("version", ticket.version)
            json.member("updated_at", ticket.updatedAt)
            json.key("actions")
            json.array { json in
                for action in Lifecycle.actions(on: record, for: role) { json.string(action.rawValue) }
            }
        }
    }

    /// In the policy's order; a key that it does not know comes after, by name.
    private func write(_ details: [String: String], to json: inout JSONWriter) {
        json.key("details")
        json.object { json in
            if details.isEmpty { return }
            let known = words.detailKeys
            let others = Set(details.keys).subtracting(known).sorted()
            for key in known + others { if let value = details[key] { json.member(named: key, value) } }
        }
    }

    private func person(_ name: StaticString, _ id: UserID, to json: inout JSONWriter) {
        json.key(name)
        PersonBody(id, record.people[id]).write(to: &json)
    }

    private func write(_ solution: Solution?, to json: inout JSONWriter) {
        json.key("solution")
        guard let solution else { return json.null() }
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
            if record.links.isEmpty { return }
            for link in record.links.sorted(by: { ($0.name, $0.ticket) < ($1.name, $1.ticket) }) {
                json.object { json in
                    json.member("type", link.name)
                    json.member("ticket", link.ticket.text)
                }
            }
        }
    }

    private func writeTimes(_ ticket: Ticket, to json: inout JSONWriter) {
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
        self.name = name ?? User.unseenName
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name)
        }
    }
}
