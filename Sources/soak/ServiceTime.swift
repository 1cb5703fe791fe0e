import Glibc

/// The time that every process of ours is told. It runs like any other, and leaps between rounds, so that what was
/// solved in one is due in another.
struct ServiceTime: Sendable {
    /// A Monday: 2026-03-02T06:00:00Z.
    private static let start = 1_772_431_200.0
    /// More than the single working day that our contracts grant, weekends included.
    private static let leap = 4.0 * 86_400

    private let offset: Double

    /// `rounds` since the beginning of the database.
    init(rounds: Int) { offset = Self.start + Self.leap * Double(rounds) - monotonic() }

    /// Milliseconds since 1970: what the time is to be at this moment.
    init(milliseconds: Int) { offset = Double(milliseconds) / 1000 - monotonic() }

    /// Milliseconds since 1970.
    var now: Int { Int((monotonic() + offset) * 1000) }

    var rfc3339: String { Self.rfc3339(now) }

    static func rfc3339(_ milliseconds: Int) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(count - text.count, 0)) + text
        }
        let date =
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let time = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return "\(date)T\(time).\(digits(milliseconds % 1000, 3))Z"
    }
}
