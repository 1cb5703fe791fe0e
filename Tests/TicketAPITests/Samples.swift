import Digests
import Foundation
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// The installation that the tests run against: the shipped policies, calendars and texts.
enum Sample {
    static let texts = Result {
        try Texts(en: Repository.bytes("Config/texts/en.json"), ru: Repository.bytes("Config/texts/ru.json"))
    }

    /// Drawn once for all tests.
    static let reference = Result { Reference(try texts.get()) }

    static let rulebook = Result {
        let policies = try Repository.files(in: "Config/policies").filter { $0.hasSuffix(".json") }.map {
            try Policy(file: $0, bytes: try Repository.bytes("Config/policies/\($0)"))
        }
        let calendars = try ["ru", "us"].map { id in
            let bytes = try Repository.bytes("Config/calendars/\(id).json")
            return try WorkCalendar(file: "\(id).json", bytes: bytes, version: String(Digest(of: bytes).hex.prefix(12)))
        }
        let names =
            policies.map(\.timeZone) + calendars.map(\.timeZone)
            + policies.flatMap { $0.plans.values.map(\.schedule.timeZone) }
        let zones = try Set(names).map { name in
            let bytes = Array(try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/\(name)")))
            return try TimeZoneRules(identifier: name, tzif: bytes)
        }
        return Rulebook(current: policies, earlier: [], calendars: calendars, zones: zones)
    }

    /// A Friday morning in Moscow.
    static let now = Instant(milliseconds: 1_795_167_000_000)

    static let customer = user("u_0000000000000000000001", "Carla Customer", .customer, organization: "acme")
    static let engineer = user("u_0000000000000000000002", "Egor Engineer", .engineer)

    static func user(_ id: String, _ name: String, _ role: Role, organization: String? = nil) -> User {
        let email = "\(name.split(separator: " ")[0].lowercased())@example.com"
        return User(id: UserID(stored: id), email: email, name: name, role: role, organization: organization)
    }

    static func ticket(state: State = .registered, at now: Instant = Sample.now) throws -> Ticket {
        let rulebook = try Sample.rulebook.get()
        let policy = try #require(rulebook.current["omnivox"])
        let rules = try #require(rulebook.rules(product: "omnivox", version: policy.version))
        let draft = Draft(
            product: "omnivox", kind: "incident", subject: "Operator window freezes", description: "It freezes.",
            details: ["browser_version": "Edge 130", "os_version": "Windows 11", "product_version": "4.2.1"],
            organization: "acme", reporter: customer.id)
        let terms = ContractTerms(
            id: ContractID(stored: "k_0000000000000000000001"), plan: nil, autoCloseAfterWorkingDays: nil,
            responsibleContacts: [])
        var ticket = Registration.decide(
            draft, number: 1042, contract: terms, by: Actor(customer), at: now, rules: rules
        )
        .ticket
        let steps: [Step] =
            switch state {
            case .registered: []
            case .assigned: [.assign([engineer.id], priority: nil)]
            case .awaitingInformation: [.assign([engineer.id], priority: nil), .requestInformation("Which build?")]
            case .solved, .closed:
                [
                    .assign([engineer.id], priority: nil),
                    .solve(Solving(comment: "Try this.", type: .individualWork, release: nil)),
                ]
            }
        for step in steps {
            ticket = try Lifecycle.decide(step, on: ticket, by: Actor(engineer), at: now, rules: rules, contract: terms)
                .ticket
        }
        if state == .closed {
            ticket = try Lifecycle.decide(
                .withdraw(nil), on: ticket, by: Actor(customer), at: now, rules: rules, contract: terms
            )
            .ticket
        }
        return ticket
    }

    static func record(
        state: State = .registered, at now: Instant = Sample.now, links: [Link] = [], mayConfirm: Bool = false
    ) throws -> TicketRecord {
        TicketRecord(
            ticket: try ticket(state: state, at: now),
            people: [customer.id: customer.name, engineer.id: engineer.name],
            links: links, mayConfirm: mayConfirm)
    }
}

/// A JSON value of an answer, for reading in tests.
struct JSON: CustomStringConvertible {
    let node: JSONNode?

    init(_ node: JSONNode?) { self.node = node }
    init(_ bytes: [UInt8]) throws { self.init(try JSONReader.read(bytes)) }

    init(of body: some Body) throws {
        var writer = JSONWriter()
        body.write(to: &writer)
        try self.init(writer.bytes)
    }

    subscript(name: String) -> JSON {
        guard case .object(let members) = node?.value else { return JSON(nil) }
        return JSON(members.first { $0.name == name }?.node)
    }

    subscript(index: Int) -> JSON { index < array.count ? array[index] : JSON(nil) }

    var array: [JSON] {
        guard case .array(let nodes) = node?.value else { return [] }
        return nodes.map { JSON($0) }
    }

    var names: [String] {
        guard case .object(let members) = node?.value else { return [] }
        return members.map(\.name)
    }

    var string: String? {
        guard case .string(let text) = node?.value else { return nil }
        return text
    }

    var strings: [String] { array.compactMap(\.string) }

    var integer: Int? {
        guard case .number(let literal) = node?.value else { return nil }
        return Int(literal)
    }

    var bool: Bool? {
        guard case .bool(let value) = node?.value else { return nil }
        return value
    }

    var isNull: Bool {
        guard case .null = node?.value else { return false }
        return true
    }

    var description: String {
        guard let node else { return "nothing" }
        var writer = JSONWriter()
        writer.node(node)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
