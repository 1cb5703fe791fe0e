import Regulations

enum CalendarDeadlineCommand: Command {
    static let words = ["calendar", "deadline"]
    static let synopsis = "CALENDAR --from TIME --working-days N [--time-zone ZONE]"
    static let summary = "counts one deadline and shows every day on the way"
    static let options = [
        ("CALENDAR", "the code of an installed calendar, like ru; or --calendar CODE"),
        ("--from TIME", "the event, like 2026-11-20T09:30:00+03:00"),
        ("--working-days N", "how many working days there are to answer"),
        ("--time-zone ZONE", "IANA; the calendar's own when left out"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let from = try arguments.required("--from")
        let days = try arguments.required("--working-days")
        let zoneName = try arguments.value("--time-zone")
        guard let code = try arguments.value("--calendar") ?? arguments.word() else {
            throw Failure.usage("Which calendar? Give its code, like `ru`.")
        }
        try arguments.finish()
        guard let start = Instant(rfc3339: from) else {
            throw Failure.usage("--from needs a time like 2026-11-20T09:30:00Z.")
        }
        guard let count = Int(days), count >= 0 else { throw Failure.usage("--working-days needs a number from 0.") }
        let home = try Installation.findHome(settings)
        let zones = ZoneFiles(folder: settings.timeZones)
        guard let calendar = try Installation.calendar(code, home, zones) else {
            throw Failure.failed("There is no calendar `\(code)`.")
        }
        let zone: TimeZoneRules
        do { zone = try zones.rules(for: zoneName ?? calendar.timeZone) } catch {
            throw Failure.failed(error.description)
        }
        do {
            let deadline = try WorkingDays.deadline(from: start, workingDays: count, calendar: calendar, zone: zone)
            Terminal.print(zone.rfc3339(deadline.at) + (deadline.provisional ? " provisional" : ""))
            for day in deadline.examined { Terminal.print(line(day)) }
        } catch CountingError.calendarNotCovered(let year) {
            throw Failure.failed("Calendar \(code) does not cover \(year).")
        } catch { throw Failure.failed(error.name) }
        return 0
    }

    /// A tab between date, number and name; `-` for a day that does not count.
    private static func line(_ day: ExaminedDay) -> String {
        let number = day.number.map(String.init) ?? "-"
        return "\(day.date.iso)\t\(number)" + (day.name.map { "\t\($0.en)" } ?? "")
            + (day.provisional ? "\tprovisional" : "")
    }
}
