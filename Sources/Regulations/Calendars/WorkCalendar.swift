import JSONText

/// A production calendar: which dates are working days (`docs/reference/calendars.md`).
///
/// A year without an entry is not covered, and nothing is guessed about it.
public struct WorkCalendar: Sendable {
    public let id: String
    /// The first 12 hex digits of the file's SHA-256, as the loader computed them.
    public let version: String
    public let name: LocalizedText
    /// IANA; a contract's or policy's own zone wins.
    public let timeZone: String
    /// ISO weekdays, 1 is Monday.
    public let weekend: Set<Int>
    /// The covered years in order.
    public let years: [Int]
    private let provisionalYears: Set<Int>
    private let firstDay: Int
    private let days: [Day]
    private let names: [CalendarDate: LocalizedText]

    /// What is known of a date; empty for a year that is not covered.
    struct Day: OptionSet, Sendable {
        let rawValue: UInt8
        static let covered = Day(rawValue: 1)
        static let working = Day(rawValue: 2)
        static let provisional = Day(rawValue: 4)
        /// In `nonWorking` or `weekendHolidays`.
        static let holiday = Day(rawValue: 8)
        /// In `working`: a weekend day made a working day.
        static let makeup = Day(rawValue: 16)
        static let short = Day(rawValue: 32)
    }

    /// Reads a file and checks it as a whole; `isKnownZone` says which time zones are installed.
    public init(
        file: String, bytes: [UInt8], version: String, isKnownZone: (String) -> Bool = { _ in true }
    ) throws(ConfigurationFaults) {
        let source = try ConfigurationFile(file, bytes)
        let draft = WorkCalendarFile(source, isKnownZone: isKnownZone)
        if let found = source.found { throw found }
        id = draft.id
        self.version = version
        name = draft.name
        timeZone = draft.timeZone
        weekend = draft.weekend
        years = draft.years.map(\.year).sorted()
        provisionalYears = Set(draft.years.filter(\.isProvisional).map(\.year))
        firstDay = CalendarDate.days(year: years.first ?? 1970, month: 1, day: 1)
        days = draft.days(from: firstDay, years: years)
        names = draft.names
    }

    /// The last covered year.
    public var lastCoveredYear: Int { years.last ?? 0 }

    /// A year whose acts are not all issued yet.
    public func isProvisional(year: Int) -> Bool { provisionalYears.contains(year) }

    public func isWorkingDay(_ date: CalendarDate) throws(CountingError) -> Bool {
        try day(date).contains(.working)
    }

    /// The holiday, the moved day off or the moved working day; nil for a plain date.
    public func name(of date: CalendarDate) -> LocalizedText? { names[date] }

    func day(_ date: CalendarDate) throws(CountingError) -> Day {
        let index = date.daysSince1970 - firstDay
        guard index >= 0, index < days.count, days[index].contains(.covered) else {
            throw .calendarNotCovered(year: date.year)
        }
        return days[index]
    }
}

/// Why a deadline cannot be counted; `name` is the rule's own word.
public enum CountingError: Error, Equatable, Sendable {
    case invalidWorkingDays
    case calendarNotCovered(year: Int)
    case invalidBusinessMinutes
    case emptySchedule

    public var name: String {
        switch self {
        case .invalidWorkingDays: "invalidWorkingDays"
        case .calendarNotCovered: "calendarNotCovered"
        case .invalidBusinessMinutes: "invalidBusinessMinutes"
        case .emptySchedule: "emptySchedule"
        }
    }
}
