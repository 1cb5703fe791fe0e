import Regulations

/// The system's time zones, the same that PostgreSQL reads.
struct ZoneFiles: TimeZoneSource {
    let folder: String

    func rules(for identifier: String) throws(TimeZoneError) -> TimeZoneRules {
        let isPlain = identifier.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                || [0x2f, 0x5f, 0x2b, 0x2d].contains(byte)
        }
        guard isPlain, !identifier.hasPrefix("/"), let bytes = try? Files.read("\(folder)/\(identifier)") else {
            throw .unknown(identifier)
        }
        return try TimeZoneRules(identifier: identifier, tzif: bytes)
    }
}
