/// The offsets of one time zone at all times, and what its wall clocks show.
public struct TimeZoneRules: Sendable {
    public let identifier: String
    private let transitions: [Int64]
    private let offsets: [Int]
    private let footer: PosixTimeZone?
    /// From here on the footer is asked instead of the list.
    private let footerFrom: Int64

    /// A day and two hours: no offset is further from UTC (RFC 9636 section 3.3.1 allows just less than 25 hours).
    private static let offsetMax: Int64 = 93_600

    /// `tzif` is a file of the system's zoneinfo (RFC 9636), version 2 or later.
    public init(identifier: String, tzif: [UInt8]) throws(TimeZoneError) {
        let file: TZifFile
        do {
            file = try TZifFile(tzif)
        } catch {
            throw .malformed(identifier, reason: error.reason)
        }
        self.identifier = identifier
        footer = file.footer
        var transitions = file.transitions
        var offsets = file.offsets
        let last = transitions.last ?? Int64.min
        // Written out for this century, the footer costs no more than the file's own list.
        footerFrom = Int64(CalendarDate.days(year: 2101, month: 1, day: 1)) * 86_400
        if let footer {
            if transitions.isEmpty && footer.daylight == nil { offsets = [footer.standardOffset] }
            let lastYear = transitions.isEmpty ? 1900 : CalendarDate(daysSince1970: Int(last / 86_400)).year
            for change in footer.changes(years: min(lastYear, 2101) - 1...2101)
            where change.at > last && change.offset != offsets[offsets.count - 1] {
                transitions.append(change.at)
                offsets.append(change.offset)
            }
        }
        self.transitions = transitions
        self.offsets = offsets
    }

    /// Seconds east of UTC.
    public func offset(at instant: Instant) -> Int { offset(atSeconds: instant.seconds) }

    /// The date that the zone's calendars show.
    public func date(of instant: Instant) -> CalendarDate {
        let wall = instant.seconds + Int64(offset(at: instant))
        return CalendarDate(daysSince1970: Int(wall.floorDivided(by: 86_400)))
    }

    /// The first instant of a date: 00:00, or the end of the gap where a change skips midnight.
    public func startOfDay(_ date: CalendarDate) -> Instant { first(date, minutes: 0) }

    /// When clocks show a wall time of a date for the first time; where a change skips it, the change.
    public func first(_ date: CalendarDate, minutes: Int) -> Instant { instant(date, minutes: minutes, last: false) }

    /// When clocks show a wall time of a date for the last time; where a change skips it, the change.
    public func last(_ date: CalendarDate, minutes: Int) -> Instant { instant(date, minutes: minutes, last: true) }

    /// Wall time with the zone's offset at that instant; milliseconds only when there are any.
    public func rfc3339(_ instant: Instant) -> String {
        // RFC 3339 has no seconds in an offset; local mean times have.
        let offsetMinutes = offset(at: instant) / 60
        let wall = instant.adding(seconds: Int64(offsetMinutes) * 60).rfc3339.dropLast()
        let text = wall.hasSuffix(".000") ? wall.dropLast(4) : wall
        let magnitude = Int(offsetMinutes.magnitude)
        return "\(text)\(offsetMinutes < 0 ? "-" : "+")\(padded(magnitude / 60, 2)):\(padded(magnitude % 60, 2))"
    }

    private func offset(atSeconds seconds: Int64) -> Int {
        if seconds >= footerFrom, let footer { return footer.offset(at: seconds) }
        return offsets[index(at: seconds)]
    }

    /// How many transitions are at or before an instant: the place of its offset.
    private func index(at seconds: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func instant(_ date: CalendarDate, minutes: Int, last: Bool) -> Instant {
        let wall = Int64(date.daysSince1970) * 86_400 + Int64(minutes) * 60
        let changes = self.changes(from: wall - Self.offsetMax, to: wall + Self.offsetMax)
        var offset = Int64(self.offset(atSeconds: wall - Self.offsetMax))
        if changes.isEmpty { return Instant(seconds: wall - offset) }

        var begin = Int64.min
        var shown: Int64?
        var skipped: Int64?
        for (end, next) in changes + [(Int64.max, 0)] {
            let candidate = wall - offset
            if candidate >= begin && candidate < end && (last || shown == nil) { shown = candidate }
            if end < .max && candidate >= end && wall - Int64(next) < end && skipped == nil { skipped = end }
            begin = end
            offset = Int64(next)
        }
        return Instant(seconds: shown ?? skipped ?? wall - offset)
    }

    /// The changes after `from` and up to `to`.
    private func changes(from: Int64, to: Int64) -> [(at: Int64, offset: Int)] {
        if to >= footerFrom, let footer {
            return footer.changes(around: from).filter { $0.at > from && $0.at <= to }
        }
        var found: [(at: Int64, offset: Int)] = []
        var index = index(at: from)
        while index < transitions.count && transitions[index] <= to {
            found.append((transitions[index], offsets[index + 1]))
            index += 1
        }
        return found
    }
}
