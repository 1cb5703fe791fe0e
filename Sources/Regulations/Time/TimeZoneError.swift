/// Why there are no rules for a time zone.
public enum TimeZoneError: Error, Equatable, Sendable, CustomStringConvertible {
    case unknown(String)
    /// The file is there, but not what RFC 9636 says.
    case malformed(String, reason: String)

    public var description: String {
        switch self {
        case .unknown(let identifier): "unknown time zone \(identifier)"
        case .malformed(let identifier, let reason): "time zone \(identifier): \(reason)"
        }
    }
}

/// Where time zones come from; the program reads them out of the system's files.
public protocol TimeZoneSource: Sendable {
    func rules(for identifier: String) throws(TimeZoneError) -> TimeZoneRules
}
