/// Time that does not count, from the first instant up to the second; `to` is nil while it lasts.
public struct Pause: Sendable, Equatable {
    public let from: Instant
    public let to: Instant?

    public init(from: Instant, to: Instant?) {
        self.from = from
        self.to = to
    }
}

/// When an amount of business time is used up.
public struct BusinessDeadline: Sendable, Equatable {
    public let at: Instant
    /// A date on the way lies in a year that may still change; false when the calendar is not read.
    public let provisional: Bool
}

/// Part B of the counting rules: time inside the schedule's windows and outside pauses counts, in real elapsed time.
public enum BusinessHours {
    /// Two hundred years: no promise reaches that far, and a scan without a calendar has to end somewhere.
    private static let daysMax = 73_050

    /// The smallest instant at which the minutes are used up; nil while an open pause comes first.
    ///
    /// `zone` is the schedule's. Throws `invalidBusinessMinutes` for a negative amount (or one that takes more than two
    /// hundred years), `emptySchedule`, and `calendarNotCovered` for a date from the start to the last one looked at.
    public static func deadline(
        from start: Instant, minutes: Int, schedule: SupportSchedule, calendar: WorkCalendar, zone: TimeZoneRules,
        pauses: [Pause] = []
    ) throws(CountingError) -> BusinessDeadline? {
        if minutes < 0 { throw .invalidBusinessMinutes }
        if minutes == 0 { return BusinessDeadline(at: start, provisional: false) }
        if schedule.isEmpty { throw .emptySchedule }
        var rest = minutes > Int.max / 60_000_000 ? Int64.max : Int64(minutes) * 60_000_000
        let timeline = Timeline(pauses)
        var scan = WindowScan(from: start, schedule: schedule, calendar: calendar, zone: zone)
        while scan.date < scan.firstDate.adding(days: daysMax) {
            for window in try scan.next() {
                for piece in timeline.open(in: window) {
                    let length = piece.to - piece.from
                    if length >= rest {
                        let at = Instant(microseconds: piece.from + rest)
                        return BusinessDeadline(
                            at: at, provisional: scan.isProvisional(through: at.adding(seconds: -1)))
                    }
                    rest -= length
                }
            }
            if scan.hasBegun && timeline.openPause < scan.end.microseconds { return nil }
        }
        throw .invalidBusinessMinutes
    }

    /// Business time between two instants in whole seconds, rounded down; 0 when now is not after start.
    public static func elapsed(
        from start: Instant, now: Instant, schedule: SupportSchedule, calendar: WorkCalendar, zone: TimeZoneRules,
        pauses: [Pause] = []
    ) throws(CountingError) -> Int {
        let microseconds = try elapsedMicroseconds(
            from: start, now: now, schedule: schedule, calendar: calendar, zone: zone, pauses: pauses)
        return Int(microseconds / 1_000_000)
    }

    static func elapsedMicroseconds(
        from start: Instant, now: Instant, schedule: SupportSchedule, calendar: WorkCalendar, zone: TimeZoneRules,
        pauses: [Pause]
    ) throws(CountingError) -> Int64 {
        if now <= start { return 0 }
        let timeline = Timeline(pauses)
        var scan = WindowScan(from: start, schedule: schedule, calendar: calendar, zone: zone)
        var total: Int64 = 0
        repeat {
            for window in try scan.next() where window.from < now.microseconds {
                let cut = (from: window.from, to: min(window.to, now.microseconds))
                for piece in timeline.open(in: cut) { total += piece.to - piece.from }
            }
        } while scan.end < now
        return total
    }
}

/// An interval in microseconds since 1970, without its end.
private typealias Interval = (from: Int64, to: Int64)

/// The pauses, merged and in order.
private struct Timeline {
    private var merged: [Interval] = []
    /// When a pause begins that has not ended; `Int64.max` when none has.
    private(set) var openPause = Int64.max

    init(_ pauses: [Pause]) {
        for pause in pauses where pause.to == nil { openPause = min(openPause, pause.from.microseconds) }
        for pause in pauses.sorted(by: { $0.from < $1.from }) {
            let next = (from: pause.from.microseconds, to: pause.to?.microseconds ?? Int64.max)
            if next.to <= next.from { continue }
            if let last = merged.last, next.from <= last.to {
                merged[merged.count - 1].to = max(last.to, next.to)
            } else {
                merged.append(next)
            }
        }
    }

    /// The pieces of an interval outside all pauses.
    func open(in interval: Interval) -> [Interval] {
        var pieces: [Interval] = []
        var from = interval.from
        for pause in merged[firstEnding(after: from)...] {
            if pause.from >= interval.to { break }
            if pause.from > from { pieces.append((from, pause.from)) }
            from = max(from, pause.to)
        }
        if from < interval.to { pieces.append((from, interval.to)) }
        return pieces
    }

    private func firstEnding(after instant: Int64) -> Int {
        var low = 0
        var high = merged.count
        while low < high {
            let middle = (low + high) / 2
            if merged[middle].to <= instant { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The windows of one date after the other, as intervals of instants that never overlap.
private struct WindowScan {
    let schedule: SupportSchedule
    let calendar: WorkCalendar
    let zone: TimeZoneRules
    let firstDate: CalendarDate
    /// The date that `next` looks at.
    private(set) var date: CalendarDate
    /// Up to here everything has been looked at; the start of `date`.
    private(set) var end: Instant
    private var cursor: Int64

    /// The date of the start has been looked at: only then may an open pause end the scan.
    var hasBegun: Bool { date > firstDate }

    init(from start: Instant, schedule: SupportSchedule, calendar: WorkCalendar, zone: TimeZoneRules) {
        self.schedule = schedule
        self.calendar = calendar
        self.zone = zone
        firstDate = zone.date(of: start)
        // The day before: where a change repeats the minutes around midnight, its evening can still be open. Its own
        // coverage is nobody's question.
        date = firstDate.adding(days: -1)
        end = zone.startOfDay(firstDate)
        cursor = start.microseconds
    }

    mutating func next() throws(CountingError) -> [Interval] {
        var day = WorkCalendar.Day()
        if schedule.calendarMode == .respect {
            if date >= firstDate {
                day = try calendar.day(date)
            } else if let known = try? calendar.day(date) {
                day = known
            } else {
                date = date.adding(days: 1)
                return []
            }
        }
        var intervals: [Interval] = []
        for window in schedule.windows(on: date, day) {
            let from = max(cursor, zone.first(date, minutes: window.from).microseconds)
            let close =
                window.to == 1440 ? zone.startOfDay(date.adding(days: 1)) : zone.last(date, minutes: window.to)
            if close.microseconds > from {
                intervals.append((from, close.microseconds))
                cursor = close.microseconds
            }
        }
        date = date.adding(days: 1)
        end = zone.startOfDay(date)
        return intervals
    }

    /// Whether a date from the first one to that of an instant lies in a provisional year.
    func isProvisional(through instant: Instant) -> Bool {
        guard schedule.calendarMode == .respect else { return false }
        let years = firstDate.year...max(firstDate.year, zone.date(of: instant).year)
        return years.contains { calendar.isProvisional(year: $0) }
    }
}
