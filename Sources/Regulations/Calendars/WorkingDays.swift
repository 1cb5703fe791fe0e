/// When a ticket becomes closable, and the working days that were counted to get there.
public struct WorkingDayDeadline: Sendable, Equatable {
    /// The end of the last counted day: closable if and only if now is at or after it.
    public let at: Instant
    public let countedDays: [CalendarDate]
    /// Every date looked at, counted or not, in order.
    public let examined: [ExaminedDay]
    /// A date lies in a year that may still change.
    public let provisional: Bool
}

/// A date that was looked at on the way to a deadline.
public struct ExaminedDay: Sendable, Equatable {
    public let date: CalendarDate
    /// 1 for the first counted day; nil when the day does not count.
    public let number: Int?
    /// The holiday or moved day; nil for a plain working day and a plain weekend.
    public let name: LocalizedText?
    public let provisional: Bool
}

/// Part A of the counting rules: the date of the event never counts, the end of the Nth working day is the deadline.
public enum WorkingDays {
    /// Throws `invalidWorkingDays` for a negative count, `calendarNotCovered` for a date in a year without an entry.
    public static func deadline(
        from start: Instant, workingDays: Int, calendar: WorkCalendar, zone: TimeZoneRules
    ) throws(CountingError) -> WorkingDayDeadline {
        if workingDays < 0 { throw .invalidWorkingDays }
        if workingDays == 0 { return WorkingDayDeadline(at: start, countedDays: [], examined: [], provisional: false) }
        var counted: [CalendarDate] = []
        var examined: [ExaminedDay] = []
        var date = zone.date(of: start)
        while counted.count < workingDays {
            date = date.adding(days: 1)
            let day = try calendar.day(date)
            if day.contains(.working) { counted.append(date) }
            examined.append(
                ExaminedDay(
                    date: date, number: day.contains(.working) ? counted.count : nil, name: calendar.name(of: date),
                    provisional: day.contains(.provisional)))
        }
        return WorkingDayDeadline(
            at: zone.startOfDay(date.adding(days: 1)), countedDays: counted, examined: examined,
            provisional: examined.contains(where: \.provisional))
    }

    /// The working days that have ended between two instants, the date of the first never counting; 0 when now is not
    /// after start.
    public static func elapsed(
        from start: Instant, now: Instant, calendar: WorkCalendar, zone: TimeZoneRules
    ) throws(CountingError) -> Int {
        if now <= start { return 0 }
        var count = 0
        var date = zone.date(of: start).adding(days: 1)
        // Not "before date(now)": where a change repeats midnight, a date can end and its evening come once more.
        while zone.startOfDay(date.adding(days: 1)) <= now {
            if try calendar.isWorkingDay(date) { count += 1 }
            date = date.adding(days: 1)
        }
        return count
    }

    /// The dates behind a stored deadline: those counted then, and those between them, named by today's calendar.
    public static func examinedDays(
        from start: Instant, countedDays: [CalendarDate], calendar: WorkCalendar?, zone: TimeZoneRules
    ) -> [ExaminedDay] {
        guard let last = countedDays.max() else { return [] }
        let numbers = Dictionary(countedDays.sorted().enumerated().map { ($1, $0 + 1) }) { first, _ in first }
        var examined: [ExaminedDay] = []
        var date = zone.date(of: start).adding(days: 1)
        while date <= last {
            examined.append(
                ExaminedDay(
                    date: date, number: numbers[date], name: calendar?.name(of: date),
                    provisional: calendar?.isProvisional(year: date.year) ?? false))
            date = date.adding(days: 1)
        }
        return examined
    }
}
