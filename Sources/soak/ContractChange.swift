/// Takes a customer's right to confirm at one instance and looks how soon the others know.
struct ContractChange {
    /// What is promised.
    private static let secondsMax = 1.0

    let desk: Desk
    let sockets: [String]

    /// `ticket`: one of acme that waits for a confirmation. Gives the seconds until everybody knew, and faults.
    func measure(ticket: String) throws(Failure) -> (seconds: Double, faults: [String]) {
        let contacts = desk.customers.filter { $0.organization == "acme" }
        guard let loser = contacts.last, contacts.count > 1, mayConfirm(loser, ticket, sockets[0]) else {
            return (0, ["\(ticket) could not be confirmed in the first place"])
        }
        try patch(contacts.dropLast())
        let changed = monotonic()
        var faults: [String] = []
        for (number, socket) in sockets.enumerated() {
            let isKnown = wait(upTo: Self.secondsMax, every: 0.01) { !mayConfirm(loser, ticket, socket) }
            if !isKnown { faults.append("a contract's change was not known to instance \(number + 1) within a second") }
        }
        let seconds = monotonic() - changed
        try patch(contacts)
        return (seconds, faults)
    }

    private func patch(_ contacts: [Person]) throws(Failure) {
        let names = contacts.map { "\"\($0.id)\"" }.joined(separator: ",")
        let answer = try Line([sockets[0]]).ask(
            "PATCH", "/v1/contracts/\(desk.contracts["acme"] ?? "")", token: desk.lead.token,
            json: #"{"responsible_contacts":[\#(names)]}"#)
        guard answer.status == 200 else { throw Failure("the contract's change was answered \(answer.status)") }
    }

    private func mayConfirm(_ person: Person, _ ticket: String, _ socket: String) -> Bool {
        let answer = try? Line([socket]).ask("GET", "/v1/tickets/\(ticket)", token: person.token)
        return answer?.json?["actions"]?.elements.contains { $0.text == "confirm" } ?? true
    }
}
