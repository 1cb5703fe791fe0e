public import Regulations

/// Every regulation, calendar and time zone that this installation knows at a moment. Shared by all loops, and by reference: every
/// request asks for it.
public final class Rulebook: Sendable {
    /// The version in force of each policy, by code.
    public let current: [String: Policy]
    /// Every known version, the current ones included, by code and version.
    private let versions: [PolicyVersion: Policy]
    private let rules: [PolicyVersion: TicketRules]
    private let words: [PolicyVersion: TicketWords]
    public let calendars: [String: WorkCalendar]
    private let zones: [String: TimeZoneRules]
    private let whenUnknown: @Sendable () -> Void

    /// - Parameters:
    ///   - unusable: versions that this host lacks a calendar or a zone for: their tickets can be shown, and nothing else.
    ///   - zones: each one that a policy, a schedule or a calendar names.
    ///   - whenUnknown: called when somebody asks for a version that is not here, on whatever thread that is.
    public init(
        current: [Policy], earlier: [Policy], unusable: [Policy] = [], calendars: [WorkCalendar],
        zones: [TimeZoneRules], whenUnknown: @escaping @Sendable () -> Void = {}
    ) {
        self.whenUnknown = whenUnknown
        self.current = Dictionary(current.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })
        versions = Self.byVersion(current + earlier)
        words = Self.byVersion(current + earlier + unusable).mapValues(TicketWords.init)
        self.calendars = Dictionary(calendars.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.zones = Dictionary(zones.map { ($0.identifier, $0) }, uniquingKeysWith: { first, _ in first })
        rules = versions.compactMapValues { [calendars = self.calendars, zones = self.zones] policy in
            guard let calendar = calendars[policy.calendar], let zone = zones[policy.timeZone] else { return nil }
            return TicketRules(policy: policy, calendar: calendar, zone: zone, zones: zones)
        }
    }

    /// Of an installation that is not read yet.
    public static let empty = Rulebook(current: [], earlier: [], calendars: [], zones: [])

    /// Nil when another instance registered tickets under a version that this one has not read yet.
    public func policy(_ code: String, version: Int) -> Policy? {
        let policy = versions[PolicyVersion(code: code, version: version)]
        if policy == nil { whenUnknown() }
        return policy
    }

    /// What that version calls things in every one of its tickets; nil as for `policy`.
    public func words(_ code: String, version: Int) -> TicketWords? {
        let words = words[PolicyVersion(code: code, version: version)]
        if words == nil { whenUnknown() }
        return words
    }

    public func zone(_ identifier: String) -> TimeZoneRules? { zones[identifier] }

    /// What a ticket lives under; nil when its policy's version, calendar or zone is unknown here.
    public func rules(product: String, version: Int) -> TicketRules? {
        let rules = rules[PolicyVersion(code: product, version: version)]
        // A policy that is known and lacks something needs no look for it.
        if rules == nil { _ = policy(product, version: version) }
        return rules
    }

    private static func byVersion(_ policies: [Policy]) -> [PolicyVersion: Policy] {
        Dictionary(
            policies.map { (PolicyVersion(code: $0.code, version: $0.version), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    private struct PolicyVersion: Hashable {
        let code: String
        let version: Int
    }
}

/// What every ticket that is shown takes from its regulation; by reference, so that no ticket copies all that a regulation
/// holds.
public final class TicketWords: Sendable {
    /// The keys of the details in their order.
    public let detailKeys: [String]
    private let states: [LocalizedText?]

    init(_ policy: Policy) {
        detailKeys = policy.details.map(\.key)
        states = State.allCases.map { policy.states[$0.rawValue] }
    }

    /// The regulation's own name for a state.
    public func name(of state: State, _ language: Language) -> String {
        states[state.index]?[language] ?? state.rawValue
    }
}

/// The regulation, the calendar and the zone that one ticket lives under. By reference: it is large, and each step has it.
public final class TicketRules: Sendable {
    public let policy: Policy
    public let calendar: WorkCalendar
    public let zone: TimeZoneRules
    let zones: [String: TimeZoneRules]

    init(policy: Policy, calendar: WorkCalendar, zone: TimeZoneRules, zones: [String: TimeZoneRules]) {
        (self.policy, self.calendar, self.zone, self.zones) = (policy, calendar, zone, zones)
    }

    /// The date on which contracts are looked at.
    public func day(of instant: Instant) -> CalendarDate { zone.date(of: instant) }

    /// The clause that allows a step; nil where the regulation is silent.
    public func clause(_ action: Action) -> String? { policy.actionClauses[action.rawValue] }
}
