import Regulations
import Tickets

/// An event log of ServiceNow's incidents: a row per update (`Config/samples/README.md`).
struct ServiceNowLog {
    /// One update of an incident.
    struct Row: Equatable {
        /// The place among the incident's rows in the order of time, from 1.
        var number = 0
        let incident: String
        let state: String
        let at: Instant
        let modification: Int
        let openedAt: Instant
        let caller: String
        /// Nil: not recorded.
        let assignedTo: String?
        let resolvedBy: String?
        let priority: Priority?
        let contactType: String?
        let category: String?
        let subcategory: String?
        let symptom: String?
        let group: String?
        let closedCode: String?
    }

    /// The rows of each incident in the order of time, the incidents in the order in which the file names them.
    let incidents: [[Row]]

    init(_ csv: CSV) throws(CSV.Fault) {
        var order: [String] = []
        var rows: [String: [Row]] = [:]
        var fields = Fields(csv.columns)
        for (index, values) in csv.rows.enumerated() {
            fields.values = values
            let row: Row
            do {
                try fields.check()
                row = try Row(fields)
            } catch { throw CSV.Fault(line: index + 2, reason: error.reason) }
            if rows[row.incident] == nil { order.append(row.incident) }
            rows[row.incident, default: []].append(row)
        }
        incidents = order.map { number in
            let sorted = (rows[number] ?? []).sorted { ($0.at, $0.modification) < ($1.at, $1.modification) }
            return sorted.enumerated().map { index, row in
                var row = row
                row.number = index + 1
                return row
            }
        }
    }

    /// The values of one line by the names of their columns.
    struct Fields {
        private let places: [String: Int]
        var values: [String] = []

        init(_ columns: [String]) {
            places = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        }

        struct Missing: Error { let reason: String }

        /// Nil for `?`, for nothing and for a column that is not there.
        func optional(_ name: String) -> String? {
            guard let place = places[name], place < values.count else { return nil }
            let value = values[place]
            return value.isEmpty || value == "?" ? nil : value
        }

        func required(_ name: String) throws(Missing) -> String {
            guard let value = optional(name) else { throw Missing(reason: "\(name) is missing") }
            return value
        }

        /// PostgreSQL has no U+0000, and names and subjects are made of a value.
        func check() throws(Missing) {
            for value in values {
                if value.utf8.contains(0) { throw Missing(reason: "it holds U+0000") }
                if value.unicodeScalars.count > Self.valueMax {
                    throw Missing(reason: "a value has more than \(Self.valueMax) characters")
                }
            }
        }

        private static let valueMax = 100

        /// `29-02-2016 01:23`, UTC.
        func time(_ name: String) throws(Missing) -> Instant {
            let text = try required(name)
            let parts = text.split { "- ".contains($0) }
            guard text.utf8.count == 16, parts.count == 4, parts[3].utf8.count == 5,
                let time = Instant(rfc3339: "\(parts[2])-\(parts[1])-\(parts[0])T\(parts[3]):00Z")
            else { throw Missing(reason: "\(name) is `\(text)`, no time like 29-02-2016 01:23") }
            return time
        }
    }
}

extension ServiceNowLog.Row {
    init(_ fields: ServiceNowLog.Fields) throws(ServiceNowLog.Fields.Missing) {
        let modification = try fields.required("sys_mod_count")
        guard let modification = Int(modification) else { throw .init(reason: "sys_mod_count is no number") }
        self.init(
            incident: try fields.required("number"), state: try fields.required("incident_state"),
            at: try fields.time("sys_updated_at"), modification: modification, openedAt: try fields.time("opened_at"),
            caller: try fields.required("caller_id"), assignedTo: fields.optional("assigned_to"),
            resolvedBy: fields.optional("resolved_by"),
            priority: fields.optional("priority").flatMap(Self.priority), contactType: fields.optional("contact_type"),
            category: fields.optional("category"), subcategory: fields.optional("subcategory"),
            symptom: fields.optional("u_symptom"), group: fields.optional("assignment_group"),
            closedCode: fields.optional("closed_code"))
    }

    /// `1 - Critical` to `4 - Low`.
    private static func priority(_ text: String) -> Priority? {
        text.first?.wholeNumberValue.flatMap { rank in Priority.allCases.first { $0.rank == rank - 1 } }
    }

    /// Everybody at work in the row.
    var engineers: [String] { [assignedTo, resolvedBy].compactMap(\.self) }

    /// The engineer of the row: whoever it is assigned to, else whoever resolved it; nil: not recorded.
    var engineer: String? { assignedTo ?? resolvedBy }

    /// `phone` for `Phone`.
    var channel: String? { contactType.map { $0.lowercased().replacing(" ", with: "_") } }
}
