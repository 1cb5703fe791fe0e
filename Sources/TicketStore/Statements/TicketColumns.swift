import Digests
import JSONText
import Postgres
import Regulations
import Tickets

/// The columns of a ticket: their names and types, who may write them, and the value of each. Reading is in
/// `TicketRow`, in the same order.
struct TicketColumn: Sendable {
    enum Writers { case nobody, staff, everybody }

    let name: String
    let type: String
    /// Whose steps may change it after registration; the grants of the migrations say the same.
    let writers: Writers
    let value: @Sendable (Ticket) -> Parameter

    init(_ name: String, _ type: String, _ writers: Writers, _ value: @escaping @Sendable (Ticket) -> Parameter) {
        self.name = name
        self.type = type
        self.writers = writers
        self.value = value
    }

    static let all: [TicketColumn] = [
        .init("id", "text", .nobody) { .text($0.id.description) },
        .init("product", "text", .nobody) { .text($0.product) },
        .init("number", "bigint", .nobody) { .integer($0.id.number) },
        .init("policy_version", "integer", .nobody) { .integer($0.policyVersion) },
        .init("organization", "text", .nobody) { .text($0.organization) },
        .init("contract", "text", .nobody) { .id($0.contract) },
        .init("plan", "text", .nobody) { .optional($0.plan) },
        .init("kind", "text", .nobody) { .text($0.kind) },
        .init("subject", "text", .staff) { .text($0.subject) },
        .init("description", "text", .nobody) { .text($0.description) },
        .init("description_salt", "text", .nobody) { .optional($0.descriptionSalt) },
        .init("details", "jsonb", .staff) { .text(Details.encode($0.details)) },
        .init("blocking", "boolean", .nobody) { .bool($0.blocking) },
        .init("priority", "text", .staff) { .text($0.priority.rawValue) },
        .init("state", "text", .everybody) { .text($0.state.rawValue) },
        .init("close_reason", "text", .everybody) { .optional($0.closeReason?.rawValue) },
        .init("channel", "text", .nobody) { .text($0.channel) },
        .init("reporter", "text", .nobody) { .id($0.reporter) },
        .init("registered_by", "text", .nobody) { .id($0.registeredBy) },
        .init("assignees", "text[]", .staff) { .texts($0.assignees.map(\.text)) },
        .init("solution_comment", "text", .everybody) { .optional($0.solution?.comment) },
        .init("solution_type", "text", .everybody) { .optional($0.solution?.type.rawValue) },
        .init("solution_release", "text", .everybody) { .optional($0.solution?.release) },
        .init("solution_by", "text", .everybody) { .id($0.solution?.by) },
        .init("solution_at", "timestamptz", .everybody) { .instant($0.solution?.at) },
        .init("tags", "text[]", .staff) { .texts($0.tags) },
        .init("registered_at", "timestamptz", .nobody) { .instant($0.registeredAt) },
        .init("assigned_at", "timestamptz", .staff) { .instant($0.assignedAt) },
        .init("first_response_at", "timestamptz", .staff) { .instant($0.firstResponseAt) },
        .init("solved_at", "timestamptz", .everybody) { .instant($0.solvedAt) },
        .init("closed_at", "timestamptz", .everybody) { .instant($0.closedAt) },
        .init("first_response_due_at", "timestamptz", .everybody) { .instant($0.firstResponseDueAt) },
        .init("solution_due_at", "timestamptz", .everybody) { .instant($0.solutionDueAt) },
        .init("auto_close_working_days", "integer", .everybody) { .optional($0.autoClose?.workingDays) },
        .init("auto_close_at", "timestamptz", .everybody) { .instant($0.autoClose?.at) },
        .init("auto_close_calendar", "text", .everybody) { .optional($0.autoClose?.calendar) },
        .init("auto_close_calendar_version", "text", .everybody) { .optional($0.autoClose?.calendarVersion) },
        .init("auto_close_days", "date[]", .everybody) { $0.autoClose.map { .dates($0.days.map(\.iso)) } ?? .null },
        .init("pauses", "timestamptz[]", .everybody) { .timestamps($0.pauses.flatMap(\.ends)) },
        .init("dispute_count", "integer", .everybody) { .integer($0.disputeCount) },
        .init("version", "integer", .everybody) { .integer($0.version) },
        .init("updated_at", "timestamptz", .everybody) { .instant($0.updatedAt) },
        .init("event_seq", "integer", .everybody) { .integer($0.eventSeq) },
        .init("event_hash", "bytea", .everybody) { .bytes($0.eventHash.bytes) },
        // Only written: the queue is sorted by it.
        .init("due_at", "timestamptz", .everybody) { .instant($0.dueAt) },
    ]

    /// What a reader asks for, in the order of `TicketRow`.
    static func list(of alias: String) -> String {
        all.dropLast().map { "\(alias).\($0.name)" }.joined(separator: ", ")
    }
}

/// The details as the database keeps them.
enum Details {
    static func encode(_ details: [String: String]) -> String {
        var json = JSONWriter(capacity: 128)
        FieldValue.record(details).write(to: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Nil when it is no object of texts, which no statement here writes.
    static func decode(_ text: String) -> [String: String]? {
        if text == "{}" { return [:] }
        guard let node = try? JSONReader.read(Array(text.utf8)), case .object(let members) = node.value else {
            return nil
        }
        var details: [String: String] = [:]
        for member in members {
            guard case .string(let value) = member.node.value else { return nil }
            details[member.name] = value
        }
        return details
    }
}

extension Parameter {
    /// NULL for nil.
    static func id<Subject>(_ id: ID<Subject>?) -> Parameter {
        guard let id else { return .null }
        return id.withBytes { ShortText($0).map(Parameter.short) } ?? .text(id.text)
    }

    static func instant(_ instant: Instant?) -> Parameter { .optional(timestamp: instant?.microseconds) }
    static func instant(_ instant: Instant) -> Parameter { .timestamp(microseconds: instant.microseconds) }
}

extension Pause {
    /// One instant for an open pause, two for one that is over.
    var ends: [Int64] { [from.microseconds] + (to.map { [$0.microseconds] } ?? []) }

    /// Reads what `ends` wrote, one after the other.
    static func list(_ ends: [Int64]) -> [Pause] {
        stride(from: 0, to: ends.count, by: 2).map { index in
            Pause(
                from: Instant(microseconds: ends[index]),
                to: index + 1 < ends.count ? Instant(microseconds: ends[index + 1]) : nil)
        }
    }
}
