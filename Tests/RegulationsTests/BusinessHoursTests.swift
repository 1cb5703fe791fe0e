import JSONText
import Regulations
import Testing

@Suite struct BusinessHoursTests {
    /// Every minute of some weeks, sorted into the dates that clocks show, with the minute of the day they show.
    private struct Minutes {
        var dates: [(date: CalendarDate, minutes: [(at: Int64, wall: Int)])] = []

        init(from: Int64, to: Int64, _ zone: TimeZoneRules) {
            for second in stride(from: from, to: to, by: 60) {
                let instant = Instant(seconds: second)
                let wall = (Int(second) + zone.offset(at: instant)) / 60 % 1440
                let date = zone.date(of: instant)
                if dates.last?.date != date { dates.append((date, [])) }
                dates[dates.count - 1].minutes.append((second, wall))
            }
        }

        /// The open minutes by rule B2: the first time that clocks show `from`, the last time that they show `to`.
        func open(_ windows: (CalendarDate) throws -> [(from: Int, to: Int)]) rethrows -> Set<Int64> {
            var open: Set<Int64> = []
            for (date, minutes) in dates {
                for window in try windows(date) {
                    let from =
                        minutes.firstIndex { $0.wall == window.from } ?? minutes.firstIndex { $0.wall > window.from }
                    let to = minutes.lastIndex { $0.wall == window.to } ?? minutes.firstIndex { $0.wall > window.to }
                    guard let from else { continue }
                    for index in from..<max(from, to ?? minutes.count) { open.insert(minutes[index].at) }
                }
            }
            return open
        }
    }

    private func schedule(_ zone: String, _ mode: String, _ windows: [[(from: Int, to: Int)]]) throws -> SupportSchedule
    {
        func time(_ minutes: Int) -> String {
            let (hours, rest) = minutes.quotientAndRemainder(dividingBy: 60)
            return (hours < 10 ? "0" : "") + "\(hours):" + (rest < 10 ? "0" : "") + "\(rest)"
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("timeZone", zone)
            writer.member("calendarMode", mode)
            writer.key("windows")
            writer.object { writer in
                for (weekday, list) in zip(SupportSchedule.weekdays, windows) {
                    writer.key(named: weekday)
                    writer.array { writer in
                        for window in list {
                            writer.object { writer in
                                writer.member("from", time(window.from))
                                writer.member("to", time(window.to))
                            }
                        }
                    }
                }
            }
        }
        return try SupportSchedule(file: "schedule.json", bytes: writer.bytes)
    }

    @Test(arguments: [
        ("Europe/Berlin", "de", 1_761_000_000), ("Europe/Berlin", "de", 1_742_600_000),
        ("America/New_York", "us", 1_730_000_000), ("Europe/Moscow", "ru", 1_761_700_000),
        ("Australia/Lord_Howe", "x-sixday", 1_743_200_000), ("Atlantic/Azores", "x-frisat", 1_729_400_000),
        ("Europe/Moscow", "ru", 1_735_000_000),
    ])
    func `business time is what counting every minute gives`(identifier: String, id: String, from: Int64) throws {
        let calendar = try #require(Repository.calendars()[id])
        let zone = try SystemZones().rules(for: identifier)
        let base = from / 60 * 60
        let minutes = Minutes(from: base - 86_400 * 2, to: base + 86_400 * 21, zone)
        var random = RandomNumbers(seed: UInt64(from))
        for _ in 0..<12 {
            let windows = (0..<7).map { _ in
                var times: Set<Int> = []
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    times.insert(Int.random(in: 0...96, using: &random) * 15)
                }
                let sorted = times.sorted()
                return stride(from: 0, to: sorted.count - 1, by: 2).map { (from: sorted[$0], to: sorted[$0 + 1]) }
            }
            let respects = Bool.random(using: &random)
            let schedule = try schedule(identifier, respects ? "respect" : "ignore", windows)
            let open = try minutes.open { date in
                let plain = windows[date.weekday - 1]
                guard respects, let name = calendar.name(of: date) else { return plain }
                // A named date is a holiday unless it is a weekend day made a working one.
                let isMakeup = try calendar.weekend.contains(date.weekday) && calendar.isWorkingDay(date)
                return isMakeup ? windows[0] : name.en.isEmpty ? plain : []
            }
            let start = base + Int64.random(in: 0...6000, using: &random) * 60
            let pauses = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                let begin = start + Int64.random(in: -1000...10_000, using: &random) * 60
                return (from: begin, to: begin + Int64.random(in: 0...3000, using: &random) * 60)
            }
            let counted = open.filter { minute in
                minute >= start && !pauses.contains { $0.from <= minute && minute < $0.to }
            }.sorted()
            if counted.isEmpty { continue }
            let amount = Int.random(in: 1...counted.count, using: &random)
            let end = Instant(seconds: counted[amount - 1] + 60)
            let list = pauses.map { Pause(from: Instant(seconds: $0.from), to: Instant(seconds: $0.to)) }
            let deadline = try BusinessHours.deadline(
                from: Instant(seconds: start), minutes: amount, schedule: schedule, calendar: calendar, zone: zone,
                pauses: list)
            #expect(deadline?.at == end, "\(amount) minutes from \(zone.rfc3339(Instant(seconds: start)))")
            let now = start + Int64.random(in: 0...14_000, using: &random) * 60
            let elapsed = try BusinessHours.elapsed(
                from: Instant(seconds: start), now: Instant(seconds: now), schedule: schedule, calendar: calendar,
                zone: zone, pauses: list)
            #expect(elapsed == counted.filter { $0 < now }.count * 60)
            let still = try BusinessHours.deadline(
                from: Instant(seconds: start), minutes: amount, schedule: schedule, calendar: calendar, zone: zone,
                pauses: list + [Pause(from: end.adding(microseconds: -1), to: nil)])
            #expect(still == nil, "an open pause a moment before the end")
            let inTime = try BusinessHours.deadline(
                from: Instant(seconds: start), minutes: amount, schedule: schedule, calendar: calendar, zone: zone,
                pauses: list + [Pause(from: end, to: nil)])
            #expect(inTime?.at == end, "an open pause that begins with the deadline")
        }
    }

    @Test func `errors come in the order of the rule`() throws {
        let calendar = try #require(Repository.calendars()["ru"])
        let zone = try SystemZones().rules(for: "Europe/Moscow")
        let uncovered = try #require(Instant(rfc3339: "2150-01-05T09:00:00Z"))
        let closed = try schedule("Europe/Moscow", "respect", Array(repeating: [], count: 7))
        let daily = try schedule("Europe/Moscow", "respect", Array(repeating: [(from: 0, to: 1440)], count: 7))
        func deadline(_ minutes: Int, _ schedule: SupportSchedule, _ pauses: [Pause] = []) throws -> Instant? {
            try BusinessHours.deadline(
                from: uncovered, minutes: minutes, schedule: schedule, calendar: calendar, zone: zone, pauses: pauses)?
                .at
        }
        #expect(throws: CountingError.invalidBusinessMinutes) { try deadline(-1, closed) }
        #expect(try deadline(0, closed) == uncovered)
        #expect(throws: CountingError.emptySchedule) { try deadline(1, closed) }
        #expect(throws: CountingError.calendarNotCovered(year: 2150)) {
            try deadline(1, daily, [Pause(from: uncovered.adding(seconds: -9_000_000), to: nil)])
        }
    }

    @Test func `ten years around the clock are the same minutes`() throws {
        let calendar = try #require(Repository.calendars()["ru"])
        let zone = try SystemZones().rules(for: "America/New_York")
        let always = try schedule("America/New_York", "ignore", Array(repeating: [(from: 0, to: 1440)], count: 7))
        let start = Instant(microseconds: 1_700_000_000_123_456)
        let minutes = 10 * 365 * 1440
        let deadline = try BusinessHours.deadline(
            from: start, minutes: minutes, schedule: always, calendar: calendar, zone: zone)
        #expect(deadline?.at == start.adding(seconds: Int64(minutes) * 60))
        #expect(throws: CountingError.invalidBusinessMinutes) {
            try BusinessHours.deadline(from: start, minutes: .max, schedule: always, calendar: calendar, zone: zone)
        }
    }
}
