import Foundation
import Regulations
import Testing

@Suite struct WorkCalendarTests {
    @Test func `every shipped calendar loads and covers this decade's middle`() throws {
        let calendars = try Repository.calendars()
        #expect(calendars.count == 26)
        for calendar in calendars.values {
            for year in 2022...2026 {
                let days = try (1...12).flatMap { month in
                    try (1...28).map { day in
                        try calendar.isWorkingDay(try #require(CalendarDate(year: year, month: month, day: day)))
                    }
                }
                #expect(days.contains(true) && days.contains(false), "\(calendar.id) \(year)")
            }
            _ = try SystemZones().rules(for: calendar.timeZone)
        }
    }

    @Test func `days follow the lists`() throws {
        let calendar = try #require(Repository.calendars()["ru"])
        for (date, works, name) in [
            ("2025-11-01", true, "Working Saturday"), ("2025-11-03", false, "Day off"),
            ("2025-05-02", false, "Day off"),
            ("2025-01-04", false, ""), ("2025-11-05", true, nil), ("2025-11-08", false, nil),
        ] as [(String, Bool, String?)] {
            let day = try #require(CalendarDate(iso: date))
            #expect(try calendar.isWorkingDay(day) == works, "\(date)")
            #expect(calendar.name(of: day).map { $0.en.hasPrefix(name ?? "-") } ?? (name == nil), "\(date)")
        }
        #expect(throws: CountingError.calendarNotCovered(year: 1999)) {
            try calendar.isWorkingDay(CalendarDate(daysSince1970: 10_800))
        }
    }

    struct Bad: CustomTestStringConvertible {
        let old: String
        let new: String
        let line: Int
        let path: String
        let message: String
        var testDescription: String { "\(path) \(message)" }
    }

    static let good = """
        {"formatVersion": 1, "id": "xx", "name": {"en": "X", "local": "X"}, "localLanguage": "en",
        "timeZone": "UTC", "weekend": [6, 7], "later": {"known": false}, "years": [
        {"year": 2025, "status": "official", "workingDayCount": 260,
        "nonWorking": [{"date": "2025-05-02", "kind": "moved", "en": "Off", "movedFrom": "2025-01-04"}],
        "working": [],
        "weekendHolidays": [{"date": "2025-01-04", "kind": "holiday", "en": "New Year"}],
        "short": ["2025-03-07"]}]}
        """

    @Test(arguments: [
        Bad(
            old: "\"formatVersion\": 1", new: "\"formatVersion\": 2", line: 1, path: "/formatVersion",
            message: "must be from 1 to 1"),
        Bad(old: "\"xx\"", new: "\"yy\"", line: 1, path: "/id", message: "must be the file's name, xx"),
        Bad(
            old: "\"UTC\"", new: "\"Mars/Base\"", line: 2, path: "/timeZone",
            message: "Mars/Base is no time zone that is installed"),
        Bad(old: "[6, 7]", new: "[6, 8]", line: 2, path: "/weekend/1", message: "must be from 1 to 7"),
        Bad(old: "[6, 7]", new: "[6, 6]", line: 2, path: "/weekend/1", message: "6 stands here twice"),
        Bad(
            old: "\"official\"", new: "\"maybe\"", line: 3, path: "/years/0/status",
            message: "maybe is not one of official, provisional"),
        Bad(
            old: "260", new: "261", line: 3, path: "/years/0/workingDayCount",
            message: "the year has 260 working days by its lists"),
        Bad(
            old: "2025-05-02", new: "2025-05-03", line: 4, path: "/years/0/nonWorking/0/date",
            message: "2025-05-03 is on the weekend anyway"),
        Bad(
            old: "2025-05-02", new: "2024-05-02", line: 4, path: "/years/0/nonWorking/0/date",
            message: "2024-05-02 is not in 2025"),
        Bad(
            old: "2025-05-02", new: "2025-02-30", line: 4, path: "/years/0/nonWorking/0/date",
            message: "must be a date YYYY-MM-DD"),
        Bad(
            old: "\"working\": []", new: "\"working\": [{\"date\": \"2025-05-05\", \"en\": \"W\"}]", line: 5,
            path: "/years/0/working/0/date", message: "2025-05-05 is not on the weekend"),
        Bad(
            old: "\"working\": []", new: "\"working\": [{\"date\": \"2025-01-04\", \"en\": \"W\"}]", line: 6,
            path: "/years/0/weekendHolidays/0/date", message: "2025-01-04 stands here twice"),
        Bad(
            old: "\"2025-03-07\"", new: "\"2025-03-07\", \"2025-03-07\"", line: 7, path: "/years/0/short/1",
            message: "2025-03-07 stands here twice"),
        Bad(
            old: "\"2025-03-07\"", new: "\"2025-05-02\"", line: 7, path: "/years/0/short/0",
            message: "2025-05-02 is no working day"),
        Bad(
            old: "\"moved\"", new: "\"lunch\"", line: 4, path: "/years/0/nonWorking/0/kind",
            message: "lunch is not one of holiday, observed, moved"),
        Bad(old: "\"short\"", new: "\"working\"", line: 7, path: "", message: "duplicate name at column 1"),
    ])
    func `a bad calendar is refused with the place`(bad: Bad) throws {
        func load(_ text: String) throws(ConfigurationFaults) {
            _ = try WorkCalendar(
                file: "Config/calendars/xx.json", bytes: Array(text.utf8), version: "", isKnownZone: { $0 == "UTC" })
        }
        try load(Self.good)
        let faults = #expect(throws: ConfigurationFaults.self) { try load(Self.good.replacing(bad.old, with: bad.new)) }
        #expect(
            faults?.faults == [
                ConfigurationFault(
                    file: "Config/calendars/xx.json", line: bad.line, path: bad.path, message: bad.message)
            ])
    }
}
