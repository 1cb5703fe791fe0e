import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@Suite struct RegistrationTests {
    @Test(arguments: [
        ("omnivox", "problem", false, Priority.critical, true), ("omnivox", "incident", false, .normal, false),
        ("omnivox", "incident", true, .critical, true), ("omnivox", "development_request", false, .low, false),
        ("maics", "suggestion", false, .low, false), ("maics", "problem", false, .normal, false),
        ("maics", "problem", true, .critical, true), ("dialog", "outage", false, .critical, true),
        ("smartivr", "mass_incident", false, .critical, true), ("call-to-visit", "problem", false, .critical, true),
    ])
    func `blocking kinds and the reporter's word make a ticket critical`(
        product: String, kind: String, said: Bool, priority: Priority, blocking: Bool
    ) {
        let draft = Draft(
            product: product, kind: kind, subject: "s", description: "d", blocking: said, organization: "acme",
            reporter: User.carol.id)
        let ticket = Registration.decide(
            draft, number: 7, contract: Samples.contract, by: Actor(User.carol), at: Samples.noon,
            rules: Samples.rules(product)
        ).ticket
        #expect(ticket.priority == priority && ticket.blocking == blocking)
        #expect(ticket.id.number == 7 && ticket.version == 1 && ticket.eventSeq == 1)
    }

    /// Product, kind, channel, given details, the places of the faults.
    static let detailRows: [(String, String, String, [String: String], [String])] = [
        ("maics", "consultation", "api", [:], []),
        ("maics", "problem", "api", [:], ["steps_to_reproduce", "actual_result", "expected_result"]),
        ("omnivox", "incident", "api", ["os_version": " "], ["os_version", "product_version", "browser_version"]),
        ("omnivox", "service_request", "api", [:], []),
        ("call-to-visit", "incident", "in_app", [:], ["technical_details"]),
        ("call-to-visit", "incident", "tracker", [:], []),
        (
            "dialog", "consultation", "phone", [:],
            ["organization_name", "organization_address", "contact_name", "category", "contact_phone"]
        ),
        (
            "dialog", "consultation", "phone",
            [
                "organization_name": "a", "organization_address": "b", "contact_name": "c", "category": "d",
                "contact_email": "e",
            ], []
        ),
        ("smartivr", "incident", "api", ["colour": "red"], ["colour"]),
    ]

    @Test(arguments: detailRows)
    func `each regulation wants its own details`(
        row: (product: String, kind: String, channel: String, details: [String: String], faults: [String])
    ) {
        let faults = Registration.detailFaults(
            row.details, kind: row.kind, channel: row.channel, policy: Samples.rules(row.product).policy)
        #expect(Set(faults.map(\.pointer)) == Set(row.faults.map { "/details/\($0)" }))
        #expect(faults.count == row.faults.count)
    }

    @Test(arguments: Samples.products)
    func `the API is open everywhere, any other channel is the regulation's`(product: String) {
        let policy = Samples.rules(product).policy
        for channel in ["api"] + policy.channels {
            #expect(Registration.faults(kind: policy.kinds[0], channel: channel, policy: policy).isEmpty)
        }
        let faults = Registration.faults(kind: "nonsense", channel: "pigeon", policy: policy)
        #expect(faults.map(\.pointer) == ["/kind", "/channel"])
    }

    @Test func `white space of any script is blank`() {
        for text in ["", " ", "\u{a0}\u{2003}\t\n", "\u{3000}"] { #expect(text.isBlank) }
        for text in ["a", " . ", "\u{200b}"] { #expect(!text.isBlank) }
    }
}

@Suite struct IdentifierTests {
    @Test(arguments: ["OMNIVOX-1", "CTV-1042", "AB-999999999999999999"])
    func `a registration number is read back as it was written`(text: String) throws {
        #expect(try #require(TicketID(text)).description == text)
    }

    @Test(arguments: [
        "", "OMNIVOX", "OMNIVOX-", "OMNIVOX-0", "OMNIVOX-01", "omnivox-1", "OMNIVOX-1 ", "A-1", "OMNIVOX--1",
        "OMNIVOX-1-2",
        "OMNIVOX-+1", "OMNIVOX-1000000000000000000", "ABCDEFGHIJKLM-1", "ОМ-1",
    ])
    func `anything else is none`(text: String) {
        #expect(TicketID(text) == nil)
    }

    @Test func `identifiers carry the letter of what they name`() throws {
        let id = UserID.make()
        #expect(UserID(id.text) == id)
        #expect(ContractID(id.text) == nil && UserID(id.text + "0") == nil && UserID("u_" + "é") == nil)
        #expect(UserID(String(id.text.dropLast()) + "-") == nil && UserID("u-" + id.text.dropFirst(2)) == nil)
    }

    @Test func `identifiers are equal exactly if their texts are, and hash alike`() {
        let first = UserID(stored: "u_0000000000000000000000")
        for place in 0..<24 {
            var text = Array("u_0000000000000000000000".utf8)
            text[place] = UInt8(ascii: "1")
            let other = UserID(stored: String(decoding: text, as: UTF8.self))
            #expect(other != first && other == UserID(stored: other.text) && Set([first, other, first]).count == 2)
        }
    }

    @Test(arguments: ["4.3", "4.3.1", "0.0", "10.20.30"]) func `release versions`(text: String) {
        #expect(Release.isVersion(text))
    }

    @Test(arguments: ["", "4", "4.", "4.3.2.1", "v4.3", "4.03", "4.3 ", "-1.2", "4.3-rc1"])
    func `no release versions`(text: String) {
        #expect(!Release.isVersion(text))
    }
}
