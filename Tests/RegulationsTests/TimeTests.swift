import Foundation
import Regulations
import Testing

@Suite struct TimeTests {
    @Test func `a date is the next one's day before, for four centuries`() throws {
        var date = try #require(CalendarDate(iso: "1600-02-28"))
        var weekday = date.weekday
        while date.year < 2010 {
            let next = date.adding(days: 1)
            #expect(CalendarDate(year: next.year, month: next.month, day: next.day) == next)
            weekday = weekday % 7 + 1
            #expect(next.weekday == weekday)
            date = date.adding(days: 1)
        }
        #expect(CalendarDate(iso: "2000-02-29")?.daysSince1970 == 11_016)
        #expect(CalendarDate(iso: "2026-11-20")?.weekday == 5)
    }

    @Test(arguments: [
        "2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "2026-01-1", "20260101", "2026-01-01 ", "+026-01-01", "",
    ])
    func `a date that does not exist is none`(text: String) {
        #expect(CalendarDate(iso: text) == nil)
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-20t12:30:00.5+03:00", 1_795_167_000_500_000),
        ("2026-11-20T09:30:00.123456789z", 1_795_167_000_123_456),
        ("2026-11-20T09:30:00.12345678901234567890Z", 1_795_167_000_123_456), ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T23:59:00+23:59", 0), ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
    ])
    func `an RFC 3339 time is an instant`(text: String, microseconds: Int64) {
        #expect(Instant(rfc3339: text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-20", "2026-11-20T09:30Z", "2026-11-20 09:30:00Z", "2026-11-20T09:30:00", "2026-11-20T24:00:00Z",
        "2026-11-20T09:60:00Z", "2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "2026-11-20T09:30:00.Z",
        "2026-11-20T09:30:00+3:00", "2026-11-20T09:30:00+0300",
        "2026-11-20T09:30:00+24:00", "2026-11-20T09:30:00Z ", "２026-11-20T09:30:00Z", "2026-11-20T09:30:00,5Z",
        "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01",
    ])
    func `anything else is none`(text: String) {
        #expect(Instant(rfc3339: text) == nil)
    }

    @Test func `an instant is written with three digits and read back`() {
        #expect(Instant(microseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
        #expect(Instant(milliseconds: 1_795_167_000_007).rfc3339 == "2026-11-20T09:30:00.007Z")
        var random = RandomNumbers(seed: 1)
        for _ in 0..<2000 {
            let instant = Instant(milliseconds: .random(in: -62_000_000_000_000...253_402_300_799_999, using: &random))
            #expect(Instant(rfc3339: instant.rfc3339) == instant)
        }
    }
}

@Suite struct TimeZoneRulesTests {
    /// What the system calls a time zone; those under `right` count leap seconds and are refused.
    private static func identifiers() throws -> [String] {
        let paths = try #require(FileManager.default.enumerator(atPath: Repository.zoneinfo.path))
        return paths.compactMap { $0 as? String }.filter { path in
            let data = try? Data(contentsOf: Repository.zoneinfo.appending(path: path))
            return data?.starts(with: Data("TZif".utf8)) == true
        }
    }

    @Test func `every zone file of the machine loads, but for those with leap seconds`() throws {
        let identifiers = try Self.identifiers()
        #expect(identifiers.count > 400)
        for identifier in identifiers {
            if identifier.hasPrefix("right/") {
                #expect(throws: TimeZoneError.self) { try SystemZones().rules(for: identifier) }
            } else {
                _ = try SystemZones().rules(for: identifier)
            }
        }
    }

    @Test func `offsets are Foundation's, past and near future`() throws {
        var random = RandomNumbers(seed: 3)
        for identifier in TimeZone.knownTimeZoneIdentifiers {
            guard let zone = try? SystemZones().rules(for: identifier) else { continue }
            let reference = try #require(TimeZone(identifier: identifier))
            for _ in 0..<10 {
                let second = Int64.random(in: 1_500_000_000...1_700_000_000, using: &random)
                let expected = reference.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(second)))
                #expect(zone.offset(at: Instant(seconds: second)) == expected, "\(identifier) \(second)")
            }
        }
    }

    @Test func `the footer goes on for ever`() throws {
        for (identifier, winter, summer) in [
            ("Europe/Berlin", 3600, 7200), ("Europe/Dublin", 0, 3600), ("America/New_York", -18_000, -14_400),
            ("Australia/Lord_Howe", 39_600, 37_800), ("Europe/Moscow", 10_800, 10_800),
            ("America/Godthab", -7200, -3600),
        ] {
            let zone = try SystemZones().rules(for: identifier)
            for year in [2050, 2100, 2101, 2102, 2500, 9000] {
                let january = try #require(CalendarDate(year: year, month: 1, day: 15))
                let july = try #require(CalendarDate(year: year, month: 7, day: 15))
                #expect(zone.offset(at: zone.startOfDay(january)) == winter, "\(identifier) \(year)")
                #expect(zone.offset(at: zone.startOfDay(july)) == summer, "\(identifier) \(year)")
            }
        }
    }

    @Test func `a wall time that is skipped or repeated has the rule's two ends`() throws {
        let zone = try SystemZones().rules(for: "Europe/Berlin")
        for (date, minutes, first, last) in [
            ("2025-03-30", 150, "2025-03-30T03:00:00+02:00", "2025-03-30T03:00:00+02:00"),
            ("2025-10-26", 150, "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00"),
            ("2025-10-26", 120, "2025-10-26T02:00:00+02:00", "2025-10-26T02:00:00+01:00"),
            ("2025-10-26", 180, "2025-10-26T03:00:00+01:00", "2025-10-26T03:00:00+01:00"),
            ("2250-10-27", 150, "2250-10-27T02:30:00+02:00", "2250-10-27T02:30:00+01:00"),
        ] {
            let day = try #require(CalendarDate(iso: date))
            #expect(zone.rfc3339(zone.first(day, minutes: minutes)) == first)
            #expect(zone.rfc3339(zone.last(day, minutes: minutes)) == last)
        }
    }

    @Test func `a damaged file is refused and never crashes`() throws {
        let data = try Data(contentsOf: Repository.zoneinfo.appending(path: "Europe/Berlin"))
        let bytes = [UInt8](data)
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: TimeZoneError.self) { try TimeZoneRules(identifier: "x", tzif: Array(bytes[..<count])) }
        }
        var random = RandomNumbers(seed: 9)
        for _ in 0..<500 {
            var changed = bytes
            changed[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            guard let zone = try? TimeZoneRules(identifier: "x", tzif: changed) else { continue }
            _ = zone.startOfDay(CalendarDate(daysSince1970: 20_000))
        }
    }
}
