import Digests
import EventLoop
import Regulations
import TicketStore
import Tickets

/// Writes an event log into the store, several incidents side by side. A row that was written before is left out, so it
/// can be stopped and repeated at will.
struct ServiceNowImport: Sendable {
    struct Report: Sendable, Equatable {
        var tickets = 0
        var events = 0
        /// A closed ticket takes no further row.
        var rowsWithoutEffect = 0
    }

    /// The source of the rows, for this product.
    let system: String
    private let session: Session
    private let policy: Policy

    private static let organization = "import"
    private static let contractFrom = "2016-01-01"
    private static let sideBySide = 16

    init(_ session: Session, product: String) throws {
        guard let policy = session.rulebook.current[product] else {
            let known = session.rulebook.current.keys.sorted().joined(separator: ", ")
            throw Failure.failed("There is no product `\(product)`; installed are \(known).")
        }
        self.session = session
        self.policy = policy
        system = "servicenow-log \(product)"
    }

    func run(_ log: ServiceNowLog, progress: @escaping @Sendable (Int) -> Void) async throws -> Report {
        let people = try await people(of: log)
        try await makeContract()
        var report = Report()
        var done = 0
        try await sideBySide(log.incidents) { rows in
            do { return try await write(rows, people) } catch StoreError.faster, StoreError.violates("imports_pkey") {
                // The rows of an incident belong together: what the other one has not written yet, the next import writes.
                throw Failure.failed(
                    """
                    \(rows.first?.incident ?? ""): somebody else changes its ticket at this moment, as another import of the same \
                    log does. Repeat this one when that has ended.
                    """)
            }
        } each: { one in
            report.tickets += one.tickets
            report.events += one.events
            report.rowsWithoutEffect += one.rowsWithoutEffect
            done += 1
            progress(done)
        }
        return report
    }

    // MARK: People and contract

    private struct People: Sendable {
        var byName: [String: User] = [:]
        let own: User

        func caller(_ row: ServiceNowLog.Row) -> Actor { Actor(byName[row.caller] ?? own) }
        func engineer(_ row: ServiceNowLog.Row) -> User { row.engineer.flatMap { byName[$0] } ?? own }
    }

    private func people(of log: ServiceNowLog) async throws -> People {
        let rows = log.incidents.joined()
        let callers = Set(rows.map(\.caller))
        let engineers = Set(rows.flatMap(\.engineers))
        if let both = callers.intersection(engineers).first {
            throw Failure.failed("`\(both)` is a caller in one row and an engineer in another.")
        }
        let own = try await session.user(
            email: "import@import.example.com", name: "Import", role: .engineer, organization: nil)
        // Also when there is no caller yet: the organization comes with its first.
        try await session.makeOrganization(Self.organization, name: "Import")
        var people = People(own: own)
        // Whoever was erased since an earlier import does not come back.
        var missing: Set<String> = []
        try await sideBySide(log.incidents) { rows in
            let written =
                try await session.store.imported(system: system, number: rows.first?.incident ?? "")?.rows ?? []
            return rows.filter { !written.contains($0.number) }
        } each: { unwritten in
            for row in unwritten { missing.formUnion([row.caller] + row.engineers) }
        }
        try await sideBySide(missing.sorted()) { name in
            let isCaller = callers.contains(name)
            let user = try await session.user(
                email: "\(Self.localPart(name))@import.example.com", name: name,
                role: isCaller ? .customer : .engineer, organization: isCaller ? Self.organization : nil)
            return (name, user)
        } each: {
            people.byName[$0] = $1
        }
        return people
    }

    /// `caller-2403` for `Caller 2403`. Of a name that is more than ASCII words it keeps these, and adds what tells it from others
    /// that keep the same; a name always has the same.
    static func localPart(_ name: String) -> String {
        let words = name.utf8.split { byte in
            !(0x30...0x39 ~= byte || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte)
        }.map { String(decoding: $0, as: UTF8.self) }
        let plain = words.joined(separator: "-").lowercased()
        if !plain.isEmpty, words.joined(separator: " ").utf8.elementsEqual(name.utf8) { return plain }
        return (words.isEmpty ? "" : plain + "-") + Digest(of: name).beginning
    }

    private func makeContract() async throws {
        guard let from = CalendarDate(iso: Self.contractFrom) else { preconditionFailure("a date is a date") }
        let contract = Contract(
            id: .make(), organization: Self.organization, product: policy.code, plan: nil, validFrom: from,
            validTo: nil, autoCloseAfterWorkingDays: nil, responsibleContacts: [])
        try await session.make(unless: "contracts_overlap") {
            try await session.store.create(contract, answer: Session.noAnswer, .staff)
        }
    }

    // MARK: One incident

    private func write(_ rows: [ServiceNowLog.Row], _ people: People) async throws -> Report {
        guard let first = rows.first else { return Report() }
        var report = Report()
        var written: Set<Int> = []
        var history: History?
        if let earlier = try await session.store.imported(system: system, number: first.incident) {
            written = earlier.rows
            history = try await History(earlier.ticket, at: first.at, session)
        }
        for row in rows where !written.contains(row.number) {
            let steps = row.steps(from: history?.ticket.state)
            if steps.isEmpty { report.rowsWithoutEffect += 1 }
            for (index, step) in steps.enumerated() {
                // A row is noted with its last step: a repetition then takes what is missing.
                let source = index == steps.count - 1 ? row.number : step == .registerWhenOpened ? 0 : nil
                let place = source.map { ImportSource(system: system, number: row.incident, row: $0) }
                if var going = history {
                    try await going.take(
                        self.step(step, row, people), by: actor(step, row, people), at: row.at, source: place,
                        cause: step == .confirm ? .imported : .call)
                    history = going
                } else {
                    let at = step == .registerWhenOpened ? min(row.openedAt, row.at) : row.at
                    history = try await History(
                        draft(row, people), by: people.caller(row), at: at, source: place, session)
                    report.tickets += 1
                }
                report.events += 1
            }
        }
        return report
    }

    private func actor(_ step: ImportStep, _ row: ServiceNowLog.Row, _ people: People) -> Actor {
        switch step {
        case .register, .registerWhenOpened, .answer, .dispute, .confirm: people.caller(row)
        case .assign, .requestInformation, .solve, .note: Actor(people.engineer(row))
        }
    }

    private func step(_ step: ImportStep, _ row: ServiceNowLog.Row, _ people: People) -> Step {
        switch step {
        case .register, .registerWhenOpened: preconditionFailure("a ticket begins once")
        case .assign: .assign([people.engineer(row).id], priority: nil)
        case .requestInformation: .requestInformation("Asked the caller for information. \(facts(row))")
        case .answer: .comment("The caller answered. \(facts(row))")
        case .solve: .solve(Solving(comment: "Resolved. \(facts(row))", type: .individualWork, release: nil))
        case .dispute: .dispute("Resumed as \(row.state). \(facts(row))")
        case .confirm: .confirm(nil)
        case .note: .commentInternal("\(row.state). \(facts(row))")
        }
    }

    private func facts(_ row: ServiceNowLog.Row) -> String {
        let facts = [
            row.group.map { "group \($0)" }, row.assignedTo.map { "assigned to \($0)" },
            row.closedCode.map { "closed with \($0)" },
        ].compactMap(\.self)
        return "Row \(row.number) of \(row.incident)" + (facts.isEmpty ? "." : ": \(facts.joined(separator: ", ")).")
    }

    private func draft(_ row: ServiceNowLog.Row, _ people: People) -> Draft {
        let kind =
            policy.kinds.contains("incident")
            ? "incident" : policy.kinds.contains("consultation") ? "consultation" : policy.kinds[0]
        let channel = row.channel.flatMap { policy.channels.contains($0) ? $0 : nil } ?? Registration.apiChannel
        var details: [String: String] = [:]
        for rule in policy.details where rule.isRequired(kind: kind, channel: channel) {
            details[rule.key] = "not recorded"
        }
        for group in policy.atLeastOneOf { if let first = group.first { details[first] = "not recorded" } }
        let topic = [row.category, row.subcategory].compactMap(\.self).joined(separator: ", ")
        let symptom = row.symptom.map { "\nSymptom: \($0)." } ?? ""
        return Draft(
            product: policy.code, kind: kind, subject: topic.isEmpty ? "Incident \(row.incident)" : topic,
            description: "Incident \(row.incident) of the imported log.\(symptom)", details: details, channel: channel,
            organization: Self.organization, reporter: people.byName[row.caller]?.id ?? people.own.id,
            priority: row.priority)
    }

    // MARK: Side by side

    private func sideBySide<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ work: @escaping @Sendable (Item) async throws -> Result, each: (Result) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Result.self) { group in
            for (index, item) in items.enumerated() {
                if index >= Self.sideBySide, let result = try await group.next() { each(result) }
                group.addTask { try await work(item) }
            }
            while let result = try await group.next() { each(result) }
        }
    }
}
