import Foundation
import TestKit
import Testing

/// A running service with one customer, one engineer and a contract for omnivox.
struct Desk: Sendable {
    var service: RunningService
    let customer: String
    let engineer: String
    let customerID: String
    let engineerID: String

    static func open(_ settings: [String: String], in folder: PrivateFolder) async throws -> Desk {
        func token(_ words: String...) async throws -> String {
            let result = try await BuiltProgram.run(["token", "create"] + words, settings)
            try #require(result.status == 0, "\(result.errors)")
            return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let customer = try await token(
            "--email", "anna@acme.example.com", "--role", "customer", "--organization", "acme")
        let engineer = try await token("--email", "egor@support.example.com", "--role", "engineer")
        let lead = try await token("--email", "lena@support.example.com", "--role", "lead")
        let service = try await RunningService.start(settings, in: folder)
        func id(_ token: String) async throws -> String {
            try #require(try await service.insist("GET", "/v1/me", token: token).member("id"))
        }
        let customerID = try await id(customer)
        let contract = try await service.insist(
            "POST", "/v1/contracts", token: lead,
            #"{"organization":"acme","product":"omnivox","valid_from":"2020-01-01","responsible_contacts":["\#(customerID)"]}"#
        )
        try #require(contract.status == 201)
        return Desk(
            service: service, customer: customer, engineer: engineer, customerID: customerID,
            engineerID: try await id(engineer))
    }

    /// Gives the number of a new ticket; `partOf` the whole that it belongs to.
    func register(_ kind: String, partOf whole: String? = nil) async throws -> String {
        let part = whole.map { #","part_of":"\#($0)""# } ?? ""
        let answer = try await service.insist(
            "POST", "/v1/tickets", token: engineer,
            """
            {"product":"omnivox","kind":"\(kind)","subject":"No calls","description":"Since nine.",\
            "details":{"os_version":"1","product_version":"2","browser_version":"3"},\
            "organization":"acme","reporter":"\(customerID)"\(part)}
            """)
        try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        return try #require(try answer.member("id"))
    }

    func assign(_ ticket: String) async throws {
        let answer = try await service.insist(
            "POST", "/v1/tickets/\(ticket)/assign", token: engineer, #"{"assignees":["\#(engineerID)"]}"#)
        try #require(answer.status == 200)
    }

    func state(_ ticket: String) async throws -> String? {
        try await service.insist("GET", "/v1/tickets/\(ticket)", token: engineer).member("state")
    }

    /// How many events of this action the ticket's history has.
    func count(_ action: String, of ticket: String) async throws -> Int {
        let answer = try await service.insist("GET", "/v1/tickets/\(ticket)/events?limit=200", token: engineer)
        let events = try answer.member("items", as: [[String: Any]].self) ?? []
        return events.count { $0["action"] as? String == action }
    }

    /// While the list of the first attempt is not done, the answer is 409 of the key; while the machine is busy, 503.
    static func retry(_ call: () async throws -> RunningService.Answer) async throws -> RunningService.Answer {
        for _ in 0..<240 {
            let answer = try await call()
            let type: String? = try answer.member("type")
            guard type == "/problems/idempotency-key-in-progress" || answer.status == 503 else { return answer }
            try await Task.sleep(for: .milliseconds(250))
        }
        return try await call()
    }
}
