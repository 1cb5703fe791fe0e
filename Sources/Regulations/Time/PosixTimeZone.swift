/// The footer of a TZif file: a POSIX TZ string with the extensions of RFC 9636 section 3.3.1, hours from -167 to 167.
struct PosixTimeZone: Sendable, Equatable {
    /// When a part of the year begins: a day, and seconds of wall time from its midnight.
    struct Change: Sendable, Equatable {
        enum Day: Sendable, Equatable {
            /// `Jn`: 1 to 365, 29 February is never counted.
            case withoutLeapDay(Int)
            /// `n`: 0 to 365.
            case ofYear(Int)
            /// `Mm.w.d`: week 5 is the last one, day 0 is Sunday.
            case ofWeek(month: Int, week: Int, day: Int)
        }
        var day: Day
        var time: Int

        func secondsOfWall(year: Int) -> Int {
            let days: Int
            switch day {
            case .withoutLeapDay(let number):
                let leap = CalendarDate.isLeap(year) && number >= 60 ? 1 : 0
                days = CalendarDate.days(year: year, month: 1, day: 1) + number - 1 + leap
            case .ofYear(let number): days = CalendarDate.days(year: year, month: 1, day: 1) + number
            case .ofWeek(let month, let week, let weekday):
                let first = CalendarDate.days(year: year, month: month, day: 1)
                // 1970-01-01 was a Thursday, day 4 in this count.
                var inMonth = (weekday - (first + 4)) %% 7 + (week - 1) * 7
                while inMonth >= CalendarDate.dayCount(year: year, month: month) { inMonth -= 7 }
                days = first + inMonth
            }
            return days * 86_400 + time
        }
    }

    /// Seconds east of UTC.
    var standardOffset: Int
    var daylight: (offset: Int, begins: Change, ends: Change)?

    static func == (left: PosixTimeZone, right: PosixTimeZone) -> Bool {
        left.standardOffset == right.standardOffset && left.daylight?.offset == right.daylight?.offset
            && left.daylight?.begins == right.daylight?.begins && left.daylight?.ends == right.daylight?.ends
    }

    /// The changes of some years in order of time, each with the offset that begins there.
    func changes(years: ClosedRange<Int>) -> [(at: Int64, offset: Int)] {
        guard let daylight else { return [] }
        var changes: [(at: Int64, offset: Int, order: Int)] = []
        for year in years {
            let begins = daylight.begins.secondsOfWall(year: year) - standardOffset
            let ends = daylight.ends.secondsOfWall(year: year) - daylight.offset
            changes.append((Int64(begins), daylight.offset, changes.count))
            changes.append((Int64(ends), standardOffset, changes.count))
        }
        // Daylight time all year round ends and begins in one instant; the later year's beginning counts.
        changes.sort { $0.at != $1.at ? $0.at < $1.at : $0.order < $1.order }
        return changes.map { ($0.at, $0.offset) }
    }

    /// The changes that can matter within a day of an instant.
    func changes(around seconds: Int64) -> [(at: Int64, offset: Int)] {
        let year = CalendarDate(daysSince1970: Int(seconds.floorDivided(by: 86_400))).year
        return changes(years: year - 2...year + 2)
    }

    func offset(at seconds: Int64) -> Int {
        changes(around: seconds).last { $0.at <= seconds }?.offset ?? standardOffset
    }
}

extension PosixTimeZone {
    /// Nil when the text is none.
    init?(_ text: String) {
        var scanner = Scanner(text: Array(text.utf8)[...])
        guard scanner.name(), let standard = scanner.time(hoursMax: 24) else { return nil }
        standardOffset = -standard
        guard !scanner.text.isEmpty else { return }
        guard scanner.name() else { return nil }
        var offset = standardOffset + 3600
        if scanner.text.first != UInt8(ascii: ",") {
            guard let west = scanner.time(hoursMax: 24) else { return nil }
            offset = -west
        }
        guard let begins = scanner.change(), let ends = scanner.change(), scanner.text.isEmpty else { return nil }
        daylight = (offset, begins, ends)
    }

    private struct Scanner {
        var text: ArraySlice<UInt8>

        mutating func skip(_ byte: UInt8) -> Bool {
            guard text.first == byte else { return false }
            text = text.dropFirst()
            return true
        }

        /// Three letters or more, or anything but `>` between angle brackets.
        mutating func name() -> Bool {
            if skip(UInt8(ascii: "<")) {
                guard let end = text.firstIndex(of: UInt8(ascii: ">")), end - text.startIndex >= 3 else { return false }
                text = text[(end + 1)...]
                return true
            }
            let letters = text.prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
            text = text.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = text.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard let value = decimal(digits), range.contains(value) else { return nil }
            text = text.dropFirst(digits.count)
            return value
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(hoursMax: Int) -> Int? {
            let isNegative = skip(UInt8(ascii: "-"))
            if !isNegative { _ = skip(UInt8(ascii: "+")) }
            guard let hours = number(0...hoursMax) else { return nil }
            var seconds = hours * 3600
            if skip(UInt8(ascii: ":")) {
                guard let minutes = number(0...59) else { return nil }
                seconds += minutes * 60
                if skip(UInt8(ascii: ":")) {
                    guard let rest = number(0...59) else { return nil }
                    seconds += rest
                }
            }
            return isNegative ? -seconds : seconds
        }

        mutating func change() -> Change? {
            guard skip(UInt8(ascii: ",")), let day = day() else { return nil }
            guard skip(UInt8(ascii: "/")) else { return Change(day: day, time: 7200) }
            return time(hoursMax: 167).map { Change(day: day, time: $0) }
        }

        private mutating func day() -> Change.Day? {
            if skip(UInt8(ascii: "J")) { return number(1...365).map { .withoutLeapDay($0) } }
            guard skip(UInt8(ascii: "M")) else { return number(0...365).map { .ofYear($0) } }
            guard let month = number(1...12), skip(UInt8(ascii: ".")), let week = number(1...5),
                skip(UInt8(ascii: ".")),
                let weekday = number(0...6)
            else { return nil }
            return .ofWeek(month: month, week: week, day: weekday)
        }
    }
}
