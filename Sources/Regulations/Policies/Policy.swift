/// One support regulation as a file says it (`docs/reference/policy-file.md`).
public struct Policy: Sendable, Equatable {
    /// Also the product's code.
    public let code: String
    /// Of ticket numbers, as in `OMNIVOX-1042`.
    public let prefix: String
    public let version: Int
    public let name: LocalizedText
    /// The title of the original.
    public let document: String
    public let kinds: [String]
    public let blockingKinds: Set<String>
    /// Besides `api`, which is open in every regulation.
    public let channels: [String]
    public let details: [DetailRule]
    /// Of each group at least one detail must be given; a fault points at its first.
    public let atLeastOneOf: [[String]]
    public let furtherProblems: FurtherProblems
    public let confirmers: Confirmers
    /// Nil where requests never close by themselves.
    public let autoCloseAfterWorkingDays: Int?
    public let contractMayOverrideAutoClose: Bool
    /// A name for each of `Vocabulary.states`.
    public let states: [String: LocalizedText]
    /// What a clause of the original says, in our words.
    public let clauses: [String: LocalizedText]
    /// The clause that allows a step; a step on which the regulation is silent has none.
    public let actionClauses: [String: String]
    public let names: Names
    public let plans: [String: Plan]
    /// The id of a production calendar.
    public let calendar: String
    /// IANA.
    public let timeZone: String
    let source: Source

    public enum FurtherProblems: String, Sendable, CaseIterable {
        case newRequest = "new_request"
        /// A new request, or documented in the current one.
        case either
    }

    public enum Confirmers: String, Sendable, CaseIterable {
        case anyContact = "any_contact"
        /// Those on the contract's list.
        case responsibleContacts = "responsible_contacts"
    }

    /// A detail is allowed for every kind, and required as the rule says.
    public struct DetailRule: Sendable, Equatable {
        public enum Requirement: Sendable, Equatable {
            case optional
            case always
            case kinds([String])
            case channels([String])
        }

        public let key: String
        public let requirement: Requirement

        public func isRequired(kind: String, channel: String) -> Bool {
            switch requirement {
            case .optional: false
            case .always: true
            case .kinds(let kinds): kinds.contains(kind)
            case .channels(let channels): channels.contains(channel)
            }
        }
    }

    /// Names for users by code.
    public struct Names: Sendable, Equatable {
        public let kinds: [String: LocalizedText]
        public let details: [String: LocalizedText]
        public let channels: [String: LocalizedText]
    }

    /// A support package: times per priority, counted in the hours of its schedule.
    public struct Plan: Sendable, Equatable {
        public struct Times: Sendable, Equatable {
            /// Nil when nothing is promised.
            public let firstResponseMinutes: Int?
            public let solutionMinutes: Int?
        }

        public let name: LocalizedText
        public let schedule: SupportSchedule
        /// By priority; one that is missing has no times.
        public let times: [String: Times]
    }

    /// Where the policy was read and on which line some members stand.
    struct Source: Sendable, Equatable {
        var file: String
        var lines: [String: Int] = [:]

        func fault(_ path: String, _ message: String) -> ConfigurationFault {
            ConfigurationFault(file: file, line: lines[path] ?? 0, path: path, message: message)
        }
    }
}

extension Policy {
    /// What is missing from an installation with these calendars and time zones.
    public func faults(calendars: Set<String>, isKnownZone: (String) -> Bool) -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        if !calendars.contains(calendar) {
            faults.append(source.fault("/calendar", "\(calendar) is no calendar that is installed"))
        }
        var zones = [("/time_zone", timeZone)]
        for (code, plan) in plans.sorted(by: { $0.key < $1.key }) {
            zones.append(("/plans/\(code)/schedule/timeZone", plan.schedule.timeZone))
        }
        for (path, zone) in zones where !isKnownZone(zone) {
            faults.append(source.fault(path, "\(zone) is no time zone that is installed"))
        }
        return faults
    }

    /// Something wrong with it that only its surroundings tell, with the line of `path` in its file.
    public func fault(at path: String, _ message: String) -> ConfigurationFault { source.fault(path, message) }

    /// What a set of policies cannot have together: codes and prefixes are unique in an installation.
    public static func faults(among policies: [Policy]) -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        var codes: [String: String] = [:]
        var prefixes: [String: String] = [:]
        for policy in policies {
            if let other = codes.updateValue(policy.source.file, forKey: policy.code) {
                faults.append(policy.source.fault("/code", "\(policy.code) is the code of \(other) too"))
            }
            if let other = prefixes.updateValue(policy.source.file, forKey: policy.prefix) {
                faults.append(policy.source.fault("/prefix", "\(policy.prefix) is the prefix of \(other) too"))
            }
        }
        return faults
    }
}
