import Digests
import Foundation
public import Regulations
public import Tickets

/// The shipped regulations, calendars and the zones that they name.
public enum Samples {
    public static let rulebook: Rulebook = {
        do {
            let policies = try Repository.files(in: "Config/policies").map { name in
                try Policy(file: name, bytes: try Repository.bytes("Config/policies/\(name)"))
            }
            let calendars = try ["ru", "x-sixday"].map { id in
                try WorkCalendar(
                    file: "\(id).json", bytes: try Repository.bytes("Config/calendars/\(id).json"), version: "test")
            }
            let zones = try ["Europe/Moscow", "Asia/Yekaterinburg", "UTC"].map { try zone($0) }
            return Rulebook(current: policies, earlier: [], calendars: calendars, zones: zones)
        } catch { preconditionFailure("the shipped files are readable: \(error)") }
    }()

    public static let products = rulebook.current.keys.sorted()

    static func zone(_ identifier: String) throws -> TimeZoneRules {
        let data = try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/\(identifier)"))
        return try TimeZoneRules(identifier: identifier, tzif: Array(data))
    }

    public static func rules(_ product: String) -> TicketRules {
        guard let policy = rulebook.current[product],
            let rules = rulebook.rules(product: product, version: policy.version)
        else { preconditionFailure("\(product) is shipped") }
        return rules
    }

    /// 28 April 2026, 10:15 in Moscow: just before the May holidays.
    public static let noon = Instant(milliseconds: 1_777_360_500_000)

    public static let contract = ContractTerms(
        id: ContractID(stored: "k_0000000000000000000001"), plan: nil, autoCloseAfterWorkingDays: nil,
        responsibleContacts: [])

    /// What each regulation wants to be told with a request of its first kind.
    public static func details(_ product: String) -> [String: String] {
        guard let policy = rulebook.current[product] else { return [:] }
        return Dictionary(policy.details.map { ($0.key, "told") }, uniquingKeysWith: { first, _ in first })
    }
}

extension User {
    /// Named people: an engineer, another, a customer of acme.
    public static let ada = User(
        id: UserID(stored: "u_ada0000000000000000000"), email: "ada@example.com", name: "Ada", role: .engineer,
        organization: nil)
    public static let grace = User(
        id: UserID(stored: "u_grace00000000000000000"), email: "grace@example.com", name: "Grace", role: .lead,
        organization: nil)
    public static let carol = User(
        id: UserID(stored: "u_carol00000000000000000"), email: "carol@example.com", name: "Carol", role: .customer,
        organization: "acme")
}

extension Ticket {
    /// A ticket that went the usual way to a state; each step an hour after the one before.
    public static func sample(
        state: State = .registered, product: String = "omnivox", plan: String? = nil, blocking: Bool = false
    ) -> Ticket {
        let rules = Samples.rules(product)
        let draft = Draft(
            product: product, kind: rules.policy.kinds[0], subject: "Window freezes", description: "It does.",
            details: Samples.details(product), blocking: blocking, organization: "acme", reporter: User.carol.id)
        let terms = ContractTerms(
            id: Samples.contract.id, plan: plan, autoCloseAfterWorkingDays: nil, responsibleContacts: [User.carol.id])
        var ticket = Registration.decide(
            draft, number: 1, contract: terms, by: Actor(User.carol), at: Samples.noon, rules: rules
        ).ticket
        let way: [(Step, User)] =
            switch state {
            case .registered: []
            case .assigned: [(.assign([User.ada.id], priority: nil), .ada)]
            case .awaitingInformation:
                [(.assign([User.ada.id], priority: nil), .ada), (.requestInformation("?"), .ada)]
            case .solved:
                [
                    (.assign([User.ada.id], priority: nil), .ada),
                    (.solve(Solving(comment: "Restart", type: .individualWork, release: nil)), .ada),
                ]
            case .closed: [(.withdraw(nil), .carol)]
            }
        for (hours, (step, user)) in way.enumerated() {
            let now = Instant(milliseconds: Samples.noon.milliseconds + Int64(hours + 1) * 3_600_000)
            do {
                ticket = try Lifecycle.decide(
                    step, on: ticket, by: Actor(user), at: now, rules: rules, contract: terms
                ).ticket
            } catch { preconditionFailure("the usual way is allowed: \(error)") }
        }
        return ticket
    }
}

extension ID {
    /// One that a test has written down; well-formed or not, it has 24 bytes.
    public init(stored text: String) {
        var text = text
        guard let id = text.withUTF8({ ID(stored: UnsafeRawBufferPointer($0)) }) else {
            preconditionFailure("\(text) has not 24 bytes")
        }
        self = id
    }
}
