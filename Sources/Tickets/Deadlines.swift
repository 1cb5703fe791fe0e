public import Regulations

/// When the regulation and the contract want something done. Pure.
public enum Deadlines {
    /// How many working days the customer has to answer a solution; nil: for ever.
    public static func workingDays(policy: Policy, contract: ContractTerms) -> Int? {
        if policy.contractMayOverrideAutoClose, let agreed = contract.autoCloseAfterWorkingDays { return agreed }
        return policy.autoCloseAfterWorkingDays
    }

    /// The closing date of a ticket solved at `solvedAt`; its `at` is nil when the calendar does not reach that far.
    public static func autoClose(solvedAt: Instant, workingDays: Int, rules: TicketRules) -> AutoClose {
        let counted = try? WorkingDays.deadline(
            from: solvedAt, workingDays: workingDays, calendar: rules.calendar, zone: rules.zone)
        return AutoClose(
            workingDays: workingDays, at: counted?.at, calendar: rules.calendar.id,
            calendarVersion: rules.calendar.version, days: counted?.countedDays ?? [])
    }

    /// Sets both due times out of the plan; no plan, no times, an open pause or an uncovered year leave nil.
    static func setDueTimes(of ticket: inout Ticket, rules: TicketRules) {
        let plan = ticket.plan.flatMap { rules.policy.plans[$0] }
        let times = plan?.times[ticket.priority.rawValue]
        ticket.firstResponseDueAt = due(ticket, times?.firstResponseMinutes, plan, rules)
        ticket.solutionDueAt = due(ticket, times?.solutionMinutes, plan, rules)
    }

    private static func due(_ ticket: Ticket, _ minutes: Int?, _ plan: Policy.Plan?, _ rules: TicketRules) -> Instant? {
        guard let minutes, let schedule = plan?.schedule, let zone = rules.zones[schedule.timeZone] else { return nil }
        let deadline = try? BusinessHours.deadline(
            from: ticket.registeredAt, minutes: minutes, schedule: schedule, calendar: rules.calendar, zone: zone,
            pauses: ticket.pauses)
        // Instants are whole milliseconds; one that falls between two is due at the later.
        return deadline.map { Instant(milliseconds: ($0.at.microseconds + 999) / 1000) }
    }
}
