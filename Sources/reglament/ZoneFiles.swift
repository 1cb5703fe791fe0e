import EventLoop
import Regulations

/// The system's time zones, the same that PostgreSQL reads; each is read once, since most calendars share a few.
struct ZoneFiles: TimeZoneSource {
    let folder: String
    private let known = Locked<[String: TimeZoneRules]>([:])

    /// No name of the time zone database is longer.
    private static let nameBytesMax = 64
    /// What lies in the folder beside the zones: this machine's own, templates, and all zones over again, without and with
    /// leap seconds.
    private static let otherFiles: Set<String> = ["localtime", "posixrules", "Factory", "posix", "right"]

    init(folder: String) { self.folder = folder }

    func rules(for identifier: String) throws(TimeZoneError) -> TimeZoneRules {
        guard identifier.utf8.count <= Self.nameBytesMax else { throw .unknown(identifier) }
        if let rules = known.withLock({ $0[identifier] }) { return rules }
        let rules = try read(identifier)
        known.withLock { $0[identifier] = rules }
        return rules
    }

    private func read(_ identifier: String) throws(TimeZoneError) -> TimeZoneRules {
        let isPlain = identifier.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                || [0x2f, 0x5f, 0x2b, 0x2d].contains(byte)
        }
        // One spelling for each file, or the same one would be remembered again and again.
        let parts = identifier.split(separator: "/", omittingEmptySubsequences: false)
        let isZone = !Self.otherFiles.contains(String(parts[0]))
        guard isPlain, isZone, parts.count <= 3, !parts.contains(""),
            let bytes = try? Files.read("\(folder)/\(identifier)")
        else {
            throw .unknown(identifier)
        }
        return try TimeZoneRules(identifier: identifier, tzif: bytes)
    }
}
