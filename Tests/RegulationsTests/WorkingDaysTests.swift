import Regulations
import Testing

@Suite struct WorkingDaysTests {
    /// Walks in steps of a quarter of an hour, in which no clock change of these years falls.
    private func naiveDeadline(
        from start: Instant, count: Int, _ calendar: WorkCalendar, _ zone: TimeZoneRules
    ) throws -> (Instant, [CalendarDate]) {
        let quarter: Int64 = 900
        var now = Instant(seconds: (start.seconds + quarter - 1) / quarter * quarter)
        let first = zone.date(of: start)
        var days: [CalendarDate] = []
        while true {
            let date = zone.date(of: now)
            if date > first, date > (days.last ?? first) {
                if days.count == count { return (now, days) }
                if try calendar.isWorkingDay(date) { days.append(date) }
            }
            now = now.adding(seconds: quarter)
        }
    }

    @Test(arguments: [
        ("ru", "Europe/Moscow"), ("de-by", "Europe/Berlin"), ("us", "America/New_York"), ("gb-sct", "Europe/London"),
        ("x-sixday", "Atlantic/Azores"), ("x-frisat", "Asia/Beirut"), ("ru", "Asia/Yekaterinburg"),
        ("x-sixday", "America/Santiago"), ("kz", "Asia/Almaty"), ("x-frisat", "Australia/Lord_Howe"),
    ])
    func `a deadline is where a walk by the clock finds it`(id: String, identifier: String) throws {
        let calendar = try #require(Repository.calendars()[id])
        let zone = try SystemZones().rules(for: identifier)
        var random = RandomNumbers(seed: 7)
        for _ in 0..<12 {
            let start = Instant(
                microseconds: .random(in: 1_640_995_200...1_790_000_000, using: &random) * 1_000_000 + 250_000)
            let count = Int.random(in: 1...14, using: &random)
            let deadline = try WorkingDays.deadline(from: start, workingDays: count, calendar: calendar, zone: zone)
            let (at, days) = try naiveDeadline(from: start, count: count, calendar, zone)
            #expect(deadline.at == at, "\(start) + \(count) in \(identifier)")
            #expect(deadline.countedDays == days)
            #expect(deadline.examined.filter { $0.number != nil }.map(\.date) == days)
            func elapsed(_ now: Instant) throws -> Int {
                try WorkingDays.elapsed(from: start, now: now, calendar: calendar, zone: zone)
            }
            #expect(try elapsed(at) == count)
            #expect(try elapsed(at.adding(seconds: -1)) == count - 1)
            #expect(
                WorkingDays.examinedDays(from: start, countedDays: days, calendar: calendar, zone: zone)
                    == deadline.examined)
        }
    }

    @Test func `errors come in the order of the rule`() throws {
        let calendar = try #require(Repository.calendars()["ru"])
        let zone = try SystemZones().rules(for: "Europe/Moscow")
        let uncovered = try #require(Instant(rfc3339: "2150-01-01T00:00:00Z"))
        func deadline(_ count: Int, _ start: Instant) throws -> Instant {
            try WorkingDays.deadline(from: start, workingDays: count, calendar: calendar, zone: zone).at
        }
        #expect(throws: CountingError.invalidWorkingDays) { try deadline(-1, uncovered) }
        #expect(try deadline(0, uncovered) == uncovered)
        #expect(throws: CountingError.calendarNotCovered(year: 2150)) { try deadline(1, uncovered) }
        #expect(try WorkingDays.elapsed(from: uncovered, now: uncovered, calendar: calendar, zone: zone) == 0)
    }

    @Test func `the day of the event and the date of the deadline need no cover`() throws {
        let calendar = try #require(Repository.calendars()["x-sixday"])
        let zone = try SystemZones().rules(for: "UTC")
        let first = try #require(calendar.years.first)
        let before = try #require(CalendarDate(year: first - 1, month: 12, day: 31))
        let last = try #require(CalendarDate(year: calendar.lastCoveredYear, month: 12, day: 30))
        for date in [before, last] {
            let start = zone.startOfDay(date)
            let days = try WorkingDays.deadline(from: start, workingDays: 1, calendar: calendar, zone: zone)
            #expect(days.countedDays.count == 1)
        }
    }

    @Test func `a skipped midnight and a repeated one give the first instant of the date`() throws {
        for (identifier, date, expected) in [
            ("America/Santiago", "2023-09-03", "2023-09-03T01:00:00-03:00"),
            ("America/Havana", "2024-11-03", "2024-11-03T00:00:00-04:00"),
            ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"),
            ("America/Godthab", "2024-03-31", "2024-03-31T00:00:00-01:00"),
        ] {
            let zone = try SystemZones().rules(for: identifier)
            #expect(try zone.rfc3339(zone.startOfDay(#require(CalendarDate(iso: date)))) == expected)
        }
    }
}
