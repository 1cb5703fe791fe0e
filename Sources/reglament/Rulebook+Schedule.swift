import Regulations
import Tickets

// What the schedule asks of the regulations. Pure: the clock is a parameter.
extension Rulebook {
    private static let calendarWarningDays = 60

    /// When each product's latest night began, `minutes` after midnight in its policy's zone.
    func nights(at now: Instant, minutes: Int) -> [String: Instant] {
        var nights: [String: Instant] = [:]
        for policy in current.values {
            guard let zone = zone(policy.timeZone) else { continue }
            let today = zone.date(of: now)
            let tonight = zone.first(today, minutes: minutes)
            nights[policy.code] = tonight <= now ? tonight : zone.first(today.adding(days: -1), minutes: minutes)
        }
        return nights
    }

    /// For each calendar that a regulation counts by, the days from today until it has no more years; 0 and less: it has
    /// none for today.
    func calendarDaysLeft(at now: Instant) -> [String: Int] {
        var left: [String: Int] = [:]
        for id in Set(current.values.map(\.calendar)) {
            guard let calendar = calendars[id], let zone = zone(calendar.timeZone),
                let end = CalendarDate(year: calendar.lastCoveredYear + 1, month: 1, day: 1)
            else { continue }
            left[id] = end.daysSince1970 - zone.date(of: now).daysSince1970
        }
        return left
    }

    /// A sentence for each calendar that a regulation counts by and that ends within sixty days.
    func calendarWarnings(at now: Instant) -> [String] {
        Set(current.values.map(\.calendar)).sorted().compactMap { id in
            guard let calendar = calendars[id], let zone = zone(calendar.timeZone),
                zone.date(of: now).adding(days: Self.calendarWarningDays).year > calendar.lastCoveredYear
            else { return nil }
            return "calendar \(id) ends with \(calendar.lastCoveredYear): deadlines beyond it cannot be counted"
        }
    }
}
