import Regulations

extension FuzzTarget {
    /// A zone that can be read gives an offset at every time, and the days in order.
    static let timeZone = FuzzTarget(name: "time-zone") { bytes in
        guard let zone = try? TimeZoneRules(identifier: "Fuzz/Zone", tzif: Array(bytes)) else { return }
        for year in [1900, 1969, 1970, 2026, 2037, 2038, 2400] {
            guard let date = CalendarDate(year: year, month: 3, day: 31) else { continue }
            let start = zone.startOfDay(date)
            require(abs(zone.offset(at: start)) < 26 * 3600, "no offset is further than 26 hours from UTC")
            require(start <= zone.last(date, minutes: 1439), "a day's last minute is not before its start")
            _ = zone.rfc3339(start)
        }
    }

    /// A policy file: it is a policy, or there are faults, each with a line.
    static let policy = FuzzTarget(name: "policy") { bytes in
        do throws(ConfigurationFaults) {
            let policy = try Policy(file: "fuzz.json", bytes: Array(bytes))
            require(!policy.kinds.isEmpty, "a policy has kinds")
        } catch {
            require(!error.faults.isEmpty && error.faults.allSatisfy { $0.line >= 1 }, "faults say where they are")
        }
    }

    /// A production calendar that can be read answers for every day of its years.
    static let calendar = FuzzTarget(name: "calendar") { bytes in
        do throws(ConfigurationFaults) {
            let calendar = try WorkCalendar(file: "fuzz.json", bytes: Array(bytes), version: "fuzz")
            for year in calendar.years {
                for day in 1...31 {
                    guard let date = CalendarDate(year: year, month: 1, day: day) else { continue }
                    _ = try? calendar.isWorkingDay(date)
                }
            }
        } catch {
            require(!error.faults.isEmpty && error.faults.allSatisfy { $0.line >= 1 }, "faults say where they are")
        }
    }
}
