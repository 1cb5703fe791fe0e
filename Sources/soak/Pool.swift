import EventLoop

/// What the clients believe of the tickets that are open: they are wrong now and then, as people are.
final class Pool: Sendable {
    struct Ticket: Sendable {
        let id: String
        let organization: String
        var state: String
    }

    private let tickets = Locked<[Ticket]>([])

    func add(_ ticket: Ticket) { tickets.withLock { $0.append(ticket) } }

    /// A closed one is forgotten.
    func note(_ id: String, state: String) {
        tickets.withLock { tickets in
            guard let place = tickets.lastIndex(where: { $0.id == id }) else { return }
            if state == "closed" { tickets.remove(at: place) } else { tickets[place].state = state }
        }
    }

    func pick(of organization: String?, _ generator: inout SeededGenerator) -> Ticket? {
        some(of: organization, upTo: 1, &generator).first
    }

    /// The newest hundred are those that everybody is at.
    func some(of organization: String?, upTo count: Int, _ generator: inout SeededGenerator) -> [Ticket] {
        let recent = tickets.withLock { tickets in
            Array((organization.map { name in tickets.filter { $0.organization == name } } ?? tickets).suffix(100))
        }
        return Array(recent.shuffled(using: &generator).prefix(count))
    }
}
