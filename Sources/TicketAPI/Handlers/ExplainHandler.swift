import JSONText
import Regulations
import Tickets

/// Why a step is or is not the caller's to take; each is a sentence in the texts.
enum Because: String, CaseIterable, Sendable {
    case allowed
    /// Other roles take it.
    case role
    /// The contract names those who may confirm.
    case responsibleContacts = "responsible_contacts"
    /// The job takes it at a time to come.
    case job
    /// The job takes it in its next run.
    case jobDue = "job_due"
    /// There is no date yet.
    case calendarRunsOut = "calendar_runs_out"
}

extension API {
    /// Why a ticket stands where it stands, and what can become of it.
    func explain(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        let id = try exchange.ticketID()
        guard let ground = try await store.explanationGround(id, at: exchange.now, exchange.access) else {
            throw Problem(.notFound)
        }
        var input = exchange.input()
        try input.finish()
        let rules = rulebook().rules(product: ground.record.ticket.product, version: ground.record.ticket.policyVersion)
        guard let rules else { throw Problem(.unavailable) }
        let body = ExplanationBody(
            ground: ground, rules: rules, role: exchange.role, language: exchange.language,
            now: exchange.now, texts: texts)
        return .json(200, body, in: exchange.language)
    }
}

struct ExplanationBody: Body {
    let ground: ExplanationGround
    let rules: TicketRules
    let role: Role
    let language: Language
    let now: Instant
    let texts: Texts
    private var record: TicketRecord { ground.record }

    func write(to json: inout JSONWriter) {
        let state = record.ticket.state
        json.object { json in
            json.member("state", state.rawValue)
            json.member("state_name", rules.policy.stateName(state, language))
            json.member("since", ground.origin.since)
            json.member("clause", ground.origin.clause)
            json.key("next")
            json.array { json in for action in Lifecycle.next(on: record.ticket) { write(action, to: &json) } }
            json.key("auto_close")
            if let autoClose = record.ticket.autoClose { write(autoClose, to: &json) } else { json.null() }
        }
    }

    private func write(_ action: Action, to json: inout JSONWriter) {
        let who = Role.allCases.filter { Lifecycle.actors[action]?.contains($0) == true }
        let allowed = Lifecycle.actions(on: record, for: role).contains(action)
        json.object { json in
            json.member("action", action.rawValue)
            json.member("who", who.map(\.rawValue))
            json.member("allowed", allowed)
            json.member("because", because(action, who, allowed))
            json.member("clause", rules.clause(action))
        }
    }

    private func because(_ action: Action, _ who: [Role], _ allowed: Bool) -> String {
        if allowed {
            let state = rules.policy.stateName(record.ticket.state, language)
            return texts.sentence(.allowed, language, ["state": state])
        }
        if action == .autoClose {
            guard let at = record.ticket.autoClose?.at else { return runsOut }
            return texts.sentence(at <= now ? .jobDue : .job, language, ["at": rules.zone.rfc3339(at)])
        }
        if who.contains(role) { return texts.sentence(.responsibleContacts, language) }
        let roles = who.map { texts.name(of: $0, language) }.joined(separator: ", ")
        return texts.sentence(.role, language, ["roles": roles])
    }

    private var runsOut: String { texts.sentence(.calendarRunsOut, language, ["calendar": rules.calendar.id]) }

    private func write(_ autoClose: AutoClose, to json: inout JSONWriter) {
        // Counted from the stored days. The calendar only gives them their names, and another version of it would call a day
        // a holiday that was counted.
        let isCountedOn = autoClose.calendar == rules.calendar.id && autoClose.calendarVersion == rules.calendar.version
        let days = WorkingDays.examinedDays(
            from: record.ticket.solvedAt ?? ground.origin.since, countedDays: autoClose.days,
            calendar: isCountedOn ? rules.calendar : nil, zone: rules.zone)
        json.object { json in
            json.member("at", autoClose.at)
            json.member("working_days", autoClose.workingDays)
            json.member("calendar", autoClose.calendar)
            json.member("calendar_version", autoClose.calendarVersion)
            json.member("time_zone", rules.zone.identifier)
            json.member("because", autoClose.at == nil ? runsOut : nil)
            json.key("days")
            json.array { json in for day in days { DayBody(day: day, language: language).write(to: &json) } }
        }
    }
}

extension Policy {
    /// The regulation's own name for a state.
    fileprivate func stateName(_ state: State, _ language: Language) -> String {
        states[state.rawValue]?[language] ?? state.rawValue
    }
}
