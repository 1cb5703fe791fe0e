/// A point in time, exact to the microsecond, on POSIX's scale without leap seconds.
public struct Instant: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }
    public init(milliseconds: Int64) { self.init(microseconds: milliseconds * 1000) }
    public init(seconds: Int64) { self.init(microseconds: seconds * 1_000_000) }

    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 { microseconds.floorDivided(by: 1000) }
    /// Whole seconds, rounded down.
    public var seconds: Int64 { microseconds.floorDivided(by: 1_000_000) }

    /// RFC 3339 section 5.6 with any offset and any number of digits of a second, of which six count.
    ///
    /// Nil for anything else, a leap second included: no clock of ours can tell one. Nil too where the offset takes it
    /// out of the years 0000 to 9999 of UTC, in which it could not be written down again.
    public init?(rfc3339: String) {
        var text = Array(rfc3339.utf8)[...]
        func take(_ count: Int) -> Int? {
            guard text.count >= count, let value = decimal(text.prefix(count)) else { return nil }
            text = text.dropFirst(count)
            return value
        }
        func skip(_ letters: StaticString) -> Bool {
            guard let first = text.first else { return false }
            for index in 0..<letters.utf8CodeUnitCount where letters.utf8Start[index] == first {
                text = text.dropFirst()
                return true
            }
            return false
        }
        guard let year = take(4), skip("-"), let month = take(2), skip("-"), let day = take(2), skip("Tt"),
            let hour = take(2), skip(":"), let minute = take(2), skip(":"), let second = take(2),
            let date = CalendarDate(year: year, month: month, day: day), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction = 0
        if skip(".") {
            let digits = text.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard !digits.isEmpty, let value = decimal((digits + Array("000000".utf8)).prefix(6)) else { return nil }
            fraction = value
            text = text.dropFirst(digits.count)
        }
        var offset = 0
        if !skip("Zz") {
            let isWest = text.first == UInt8(ascii: "-")
            guard skip("+-"), let hours = take(2), skip(":"), let minutes = take(2), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (isWest ? -60 : 60)
        }
        guard text.isEmpty else { return nil }
        let seconds = date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - offset
        guard Self.writableSeconds.contains(seconds) else { return nil }
        self.init(microseconds: Int64(seconds) * 1_000_000 + Int64(fraction))
    }

    private static let writableSeconds =
        CalendarDate.days(year: 0, month: 1, day: 1) * 86_400..<CalendarDate.days(year: 10_000, month: 1, day: 1)
        * 86_400

    /// In UTC with exactly three digits of a second: `2026-11-20T09:30:00.000Z`.
    public var rfc3339: String {
        String(unsafeUninitializedCapacity: Self.rfc3339Count) {
            writeRFC3339(to: $0)
            return Self.rfc3339Count
        }
    }

    /// How many bytes `rfc3339` has.
    public static let rfc3339Count = 24

    /// Writes the bytes of `rfc3339`.
    public func writeRFC3339(to text: UnsafeMutableBufferPointer<UInt8>) {
        let milliseconds = Int(milliseconds)
        let date = CalendarDate(daysSince1970: milliseconds.floorDivided(by: 86_400_000)).civil
        let time = milliseconds %% 86_400_000
        func put(_ value: Int, _ start: Int, _ end: Unicode.Scalar) {
            text[start] = UInt8(truncatingIfNeeded: 0x30 + value / 10)
            text[start + 1] = UInt8(truncatingIfNeeded: 0x30 + value % 10)
            text[start + 2] = UInt8(ascii: end)
        }
        // RFC 3339 has four digits for a year; nothing that we store comes near the limits.
        let year = min(max(date.year, 0), 9999)
        put(year / 100, 0, "-")
        put(year % 100, 2, "-")
        put(date.month, 5, "-")
        put(date.day, 8, "T")
        put(time / 3_600_000, 11, ":")
        put(time / 60_000 % 60, 14, ":")
        put(time / 1000 % 60, 17, ".")
        put(time % 1000 / 10, 20, "Z")
        text[22] = UInt8(truncatingIfNeeded: 0x30 + time % 10)
        text[23] = UInt8(ascii: "Z")
    }

    public var description: String { rfc3339 }

    public func truncatedToMilliseconds() -> Instant { Instant(milliseconds: milliseconds) }
    public func adding(seconds: Int64) -> Instant { Instant(microseconds: microseconds + seconds * 1_000_000) }
    public func adding(milliseconds: Int64) -> Instant { Instant(microseconds: microseconds + milliseconds * 1000) }
    public func adding(microseconds: Int64) -> Instant { Instant(microseconds: self.microseconds + microseconds) }

    public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
}
