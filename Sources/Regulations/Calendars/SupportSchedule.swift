import JSONText

/// When support works: windows of wall time per weekday (part B of the counting rules).
public struct SupportSchedule: Sendable, Equatable {
    public enum CalendarMode: String, Sendable, CaseIterable {
        /// Holidays close, moved working days open.
        case respect
        /// The calendar is not read at all.
        case ignore
    }

    /// Wall time in minutes from midnight, up to 1440; `from` is before `to`.
    public struct Window: Sendable, Equatable {
        public let from: Int
        public let to: Int
    }

    public static let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    public let timeZone: String
    public let calendarMode: CalendarMode
    /// Seven lists, Monday first; an empty one is a closed day.
    public let windows: [[Window]]
    /// The windows of a moved working day; Monday's when nil.
    public let makeup: [Window]?
    /// How much a short day loses at its end, in minutes.
    public let shortDayMinutes: Int

    /// No window in any weekday.
    public var isEmpty: Bool { windows.allSatisfy(\.isEmpty) }

    /// Reads a schedule and reports every fault; nil when there was one. Vectors may carry members that we don't know.
    init?(_ reader: JSONObjectReader, isStrict: Bool = true) {
        var reader = reader
        let before = reader.faults.count
        timeZone = reader.notBlank("timeZone") ?? ""
        let mode = reader.string("calendarMode", required: true) ?? ""
        calendarMode = CalendarMode(rawValue: mode) ?? .respect
        if !mode.isEmpty && CalendarMode(rawValue: mode) == nil {
            reader.fault("unknown_value", at: "calendarMode", ["value": mode, "known": "respect, ignore"])
        }
        var windows = Array(repeating: [Window](), count: 7)
        if var days = reader.object("windows", required: true) {
            for (index, weekday) in Self.weekdays.enumerated() { windows[index] = Self.windows(&days, weekday) ?? [] }
            if isStrict { days.finish() }
        }
        self.windows = windows
        makeup = Self.windows(&reader, "makeup")
        shortDayMinutes = reader.integer("shortDayMinutes", in: 0...1440) ?? 0
        if isStrict { reader.finish() }
        if reader.faults.count > before { return nil }
    }

    private static func windows(_ reader: inout JSONObjectReader, _ name: String) -> [Window]? {
        guard let items = reader.objects(name) else { return nil }
        var windows: [Window] = []
        for var item in items {
            let from = minutes(&item, "from", max: 1439)
            let to = minutes(&item, "to", max: 1440)
            item.finish()
            guard let from, let to else { continue }
            if from >= to {
                item.fault("rule", at: "to", ["message": "must be after from"])
            } else if let last = windows.last, from < last.to {
                item.fault("rule", at: "from", ["message": "windows must be sorted and must not overlap"])
            } else {
                windows.append(Window(from: from, to: to))
            }
        }
        return windows
    }

    private static func minutes(_ reader: inout JSONObjectReader, _ name: String, max: Int) -> Int? {
        guard let written = reader.string(name, required: true) else { return nil }
        let text = Array(written.utf8)
        guard text.count == 5, text[2] == UInt8(ascii: ":"), let hours = decimal(text[0..<2]),
            let minutes = decimal(text[3..<5]), minutes < 60, hours * 60 + minutes <= max
        else {
            reader.fault("bad_time", at: name)
            return nil
        }
        return hours * 60 + minutes
    }

    /// The windows of a date in wall time: rule B1.
    func windows(on date: CalendarDate, _ day: WorkCalendar.Day) -> [Window] {
        guard calendarMode == .respect else { return windows[date.weekday - 1] }
        if day.contains(.holiday) { return [] }
        let open = day.contains(.makeup) ? makeup ?? windows[0] : windows[date.weekday - 1]
        return day.contains(.short) ? Self.shortened(open, by: shortDayMinutes) : open
    }

    /// Cuts from the end of the last window backwards.
    private static func shortened(_ windows: [Window], by minutes: Int) -> [Window] {
        var windows = windows
        var rest = minutes
        while rest > 0, let last = windows.popLast() {
            let length = last.to - last.from
            if length > rest { windows.append(Window(from: last.from, to: last.to - rest)) }
            rest -= min(length, rest)
        }
        return windows
    }
}

extension SupportSchedule {
    /// A schedule that stands in a file of its own, with every fault of it.
    public init(file: String, bytes: [UInt8]) throws(ConfigurationFaults) {
        let source = try ConfigurationFile(file, bytes)
        let schedule = SupportSchedule(JSONObjectReader(source.root, faults: source.faults))
        guard let schedule else { throw source.found ?? ConfigurationFaults([]) }
        self = schedule
    }
}
