import Regulations

enum CalendarCheckCommand: Command {
    static let words = ["calendar", "check"]
    static let synopsis = "[VECTORS.jsonl…]"
    static let summary = "checks the installed calendars; with files of test vectors evaluates each of them too"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let files = try arguments.words()
        try arguments.finish()
        let home = try Installation.findHome(settings)
        let zones = ZoneFiles(folder: settings.timeZones)
        var faults: [ConfigurationFault] = []
        let calendars = try Installation.calendars(home, zones, &faults)
        for fault in faults { Terminal.print(fault.description) }
        if files.isEmpty { for calendar in calendars { Terminal.print(line(calendar)) } }
        let check = VectorCheck(
            calendars: Dictionary(calendars.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }), zones: zones)
        var passed = 0
        var failed = 0
        for file in files {
            for (index, line) in try Files.read(file).split(separator: 0x0a).enumerated() {
                let outcome = check.evaluate(line: Array(line.last == 0x0d ? line.dropLast() : line))
                if let failure = outcome.failure {
                    failed += 1
                    Terminal.print("\(outcome.id.isEmpty ? "\(file) line \(index + 1)" : outcome.id): \(failure)")
                } else {
                    passed += 1
                }
            }
        }
        if !files.isEmpty { Terminal.print("\(passed) passed, \(failed) failed") }
        return faults.isEmpty && failed == 0 ? 0 : 1
    }

    /// `ru 1f2e3d4c5b6a  2015-2027, 2027 provisional; working days 2026: 247`
    private static func line(_ calendar: WorkCalendar) -> String {
        let counts = calendar.years.map { year in "\(year): \(workingDays(calendar, year))" }
        let provisional = calendar.years.filter(calendar.isProvisional).map(String.init)
        let note = provisional.isEmpty ? "" : "; provisional \(provisional.joined(separator: ", "))"
        return
            "\(calendar.id) \(calendar.version) \(calendar.timeZone); working days \(counts.joined(separator: ", "))\(note)"
    }

    private static func workingDays(_ calendar: WorkCalendar, _ year: Int) -> Int {
        guard var date = CalendarDate(iso: "\(year)-01-01") else { return 0 }
        var count = 0
        while date.year == year {
            if (try? calendar.isWorkingDay(date)) == true { count += 1 }
            date = date.adding(days: 1)
        }
        return count
    }
}
