import JSONText

/// A calendar file while it is read; faults go to the file. Members that are not known are ignored, as the format says.
struct WorkCalendarFile {
    var id = ""
    var name = LocalizedText(en: "", ru: "")
    var timeZone = ""
    var weekend: Set<Int> = []
    var years: [Year] = []
    var names: [CalendarDate: LocalizedText] = [:]
    private var isRussian = false
    private var hasWeekend = true

    struct Year {
        var year: Int
        var isProvisional: Bool
        var marks: [CalendarDate: WorkCalendar.Day] = [:]
    }

    init(_ file: ConfigurationFile, isKnownZone: (String) -> Bool) {
        var reader = JSONObjectReader(file.root, faults: file.faults)
        _ = reader.integer("formatVersion", required: true, in: 1...1)
        id = reader.notBlank("id") ?? ""
        let stem =
            file.name.split(separator: "/").last.map { String($0.hasSuffix(".json") ? $0.dropLast(5) : $0) } ?? ""
        if !id.isEmpty && id != stem { reader.fault("file_name", at: "id", ["value": stem]) }
        isRussian = reader.string("localLanguage") == "ru"
        if var texts = reader.object("name", required: true) {
            let english = texts.notBlank("en") ?? ""
            let local = texts.string("local") ?? english
            name = text(english, local)
        }
        timeZone = reader.notBlank("timeZone") ?? ""
        if !timeZone.isEmpty && !isKnownZone(timeZone) {
            reader.fault("unknown_time_zone", at: "timeZone", ["value": timeZone])
        }
        readWeekend(&reader)
        for var year in reader.objects("years", required: true) ?? [] { read(&year) }
        if years.isEmpty && file.faults.isEmpty { reader.fault("empty", at: "years") }
    }

    private func text(_ english: String, _ local: String) -> LocalizedText {
        LocalizedText(en: english, ru: isRussian ? local : english)
    }

    private mutating func readWeekend(_ reader: inout JSONObjectReader) {
        for (index, node) in (reader.array("weekend", required: true) ?? []).enumerated() {
            let pointer = "\(reader.pointer(to: "weekend"))/\(index)"
            guard case .number(let literal) = node.value, case .value(let day) = JSONInteger(literal: literal),
                1...7 ~= day
            else {
                hasWeekend = false
                reader.faults.add("out_of_range", at: pointer, offset: node.offset, ["min": "1", "max": "7"])
                continue
            }
            if !weekend.insert(day).inserted {
                hasWeekend = false
                reader.faults.add("repeated", at: pointer, offset: node.offset, ["value": "\(day)"])
            }
        }
    }

    private mutating func read(_ reader: inout JSONObjectReader) {
        let number = reader.integer("year", required: true, in: 1...9999)
        let status = reader.string("status", required: true)
        if let status, status != "official" && status != "provisional" {
            reader.fault("unknown_value", at: "status", ["value": status, "known": "official, provisional"])
        }
        guard let number else { return }
        if years.contains(where: { $0.year == number }) {
            reader.fault("repeated", at: "year", ["value": String(number)])
        }
        var year = Year(year: number, isProvisional: status == "provisional")
        let before = reader.faults.count
        readDays(&reader, "nonWorking", .holiday, into: &year)
        readDays(&reader, "working", .makeup, into: &year)
        readDays(&reader, "weekendHolidays", .holiday, into: &year)
        readShort(&reader, into: &year)
        if let count = reader.integer("workingDayCount", required: true, in: 0...366),
            reader.faults.count == before, hasWeekend
        {
            let counted = days(of: year).filter { $0.contains(.working) }.count
            if counted != count {
                message(reader, "workingDayCount", "the year has \(counted) working days by its lists")
            }
        }
        years.append(year)
    }

    private mutating func readDays(
        _ reader: inout JSONObjectReader, _ list: String, _ mark: WorkCalendar.Day, into year: inout Year
    ) {
        for var item in reader.objects(list, required: true) ?? [] {
            let english = item.string("en", required: true)
            let local = item.string("local")
            if list != "working", let kind = item.string("kind"), !["holiday", "observed", "moved"].contains(kind) {
                item.fault("unknown_value", at: "kind", ["value": kind, "known": "holiday, observed, moved"])
            }
            for other in ["movedFrom", "movedTo"] {
                if let moved = item.string(other), CalendarDate(iso: moved) == nil { item.fault("bad_date", at: other) }
            }
            guard let written = item.string("date", required: true) else { continue }
            func place() -> (pointer: String, offset: Int) { (item.pointer(to: "date"), item.offset(of: "date")) }
            guard let date = date(written, in: year, reader.faults, at: place) else { continue }
            if year.marks.updateValue(mark, forKey: date) != nil {
                item.fault("repeated", at: "date", ["value": written])
            }
            let isWeekend = weekend.contains(date.weekday)
            if list == "nonWorking" && isWeekend { message(item, "date", "\(written) is on the weekend anyway") }
            if list != "nonWorking" && !isWeekend { message(item, "date", "\(written) is not on the weekend") }
            if let english { names[date] = text(english, local ?? english) }
        }
    }

    private func readShort(_ reader: inout JSONObjectReader, into year: inout Year) {
        for (index, written) in (reader.strings("short") ?? []).enumerated() {
            func place() -> (pointer: String, offset: Int) {
                ("\(reader.pointer(to: "short"))/\(index)", reader.offset(of: "short"))
            }
            guard let date = date(written, in: year, reader.faults, at: place) else { continue }
            let mark = year.marks[date, default: []]
            if mark.contains(.short) {
                let (pointer, offset) = place()
                reader.faults.add("repeated", at: pointer, offset: offset, ["value": written])
            } else if mark.contains(.holiday) || weekend.contains(date.weekday) && !mark.contains(.makeup) {
                let (pointer, offset) = place()
                let message = "\(written) is no working day"
                reader.faults.add("rule", at: pointer, offset: offset, ["message": message])
            }
            year.marks[date] = mark.union(.short)
        }
    }

    /// `place` is asked for only when there is a fault.
    private func date(
        _ text: String, in year: Year, _ faults: JSONFaults, at place: () -> (pointer: String, offset: Int)
    ) -> CalendarDate? {
        guard let date = CalendarDate(iso: text) else {
            let (pointer, offset) = place()
            faults.add("bad_date", at: pointer, offset: offset)
            return nil
        }
        guard date.year == year.year else {
            let (pointer, offset) = place()
            faults.add("rule", at: pointer, offset: offset, ["message": "\(text) is not in \(year.year)"])
            return nil
        }
        return date
    }

    private func message(_ reader: JSONObjectReader, _ name: String, _ text: String) {
        reader.fault("rule", at: name, ["message": text])
    }

    /// Every date of a year in order.
    private func days(of year: Year) -> [WorkCalendar.Day] {
        let first = CalendarDate.days(year: year.year, month: 1, day: 1)
        let next = CalendarDate.days(year: year.year + 1, month: 1, day: 1)
        let known: WorkCalendar.Day = year.isProvisional ? [.covered, .provisional] : .covered
        // A week as it is without any list; then the dates that lists name.
        let week = (first..<first + 7).map { number in
            weekend.contains(CalendarDate(daysSince1970: number).weekday) ? known : known.union(.working)
        }
        var days = (0..<next - first).map { week[$0 % 7] }
        for (date, mark) in year.marks {
            let index = date.daysSince1970 - first
            days[index].formUnion(mark)
            if mark.contains(.makeup) {
                days[index].insert(.working)
            } else if mark.contains(.holiday) {
                days[index].remove(.working)
            }
        }
        return days
    }

    /// Every date from the first covered year to the last, empty where a year between them is not covered.
    func days(from firstDay: Int, years numbers: [Int]) -> [WorkCalendar.Day] {
        guard let last = numbers.last else { return [] }
        let end = CalendarDate.days(year: last + 1, month: 1, day: 1)
        var all = Array(repeating: WorkCalendar.Day(), count: end - firstDay)
        for year in years {
            let start = CalendarDate.days(year: year.year, month: 1, day: 1) - firstDay
            for (index, day) in days(of: year).enumerated() { all[start + index] = day }
        }
        return all
    }
}
