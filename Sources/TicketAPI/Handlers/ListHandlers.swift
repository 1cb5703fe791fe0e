import JSONText
import Regulations
import Tickets

extension API {
    /// Tickets by filters and order.
    func listTickets(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let (query, page) = API.ticketQuery(&input, by: exchange.caller, at: exchange.now)
        try input.finish()
        let found = try await store.tickets(query, exchange.access)
        // Asked for afterwards: it knows every version that a ticket was registered under until then.
        let rulebook = rulebook()
        return try exchange.list(found, page) {
            try TicketBody($0, for: exchange.role, in: exchange.language, rulebook)
        }
    }

    /// What a query asks for; faults are the input's.
    static func ticketQuery(_ input: inout Input, by caller: Caller, at now: Instant) -> (TicketQuery, PageInput) {
        var query = TicketQuery(page: PageRequest(limit: 50), now: now)
        query.sort = input.query.choice("sort", of: TicketSort.self) ?? .newestFirst
        query.states = states(&input)
        if query.sort == .triage && query.states.isEmpty { query.states = Set(State.allCases.filter(\.isOpen)) }
        query.priority = input.query.choice("priority", of: Priority.self)
        query.kind = input.query.string("kind")
        query.product = input.query.string("product")
        query.organization = input.query.string("organization")
        query.tag = input.query.string("tag")
        switch input.query.string("assignee") {
        case nil: break
        case "me": query.assignee = .user(caller.id)
        case "none": query.assignee = .nobody
        case let text?:
            if let id = UserID(text) {
                query.assignee = .user(id)
            } else {
                input.query.fault(.notOneOf, at: "assignee", ["values": "u_…, me, none"])
            }
        }
        query.registeredFrom = input.query.instant("registered_from")
        query.registeredTo = input.query.instant("registered_to")
        query.updatedFrom = input.query.instant("updated_from")
        query.updatedTo = input.query.instant("updated_to")
        query.overdue = input.query.bool("overdue")
        query.text = input.query.text("q", max: Limit.search)
        let page = input.page()
        query.page = page.request
        return (query, page)
    }

    private static func states(_ input: inout Input) -> Set<State> {
        var states: Set<State> = []
        for text in input.query.strings("state") {
            if text == "open" {
                states.formUnion(State.allCases.filter(\.isOpen))
            } else if let state = State(rawValue: text) {
                states.insert(state)
            } else {
                let known = State.allCases.map(\.rawValue) + ["open"]
                input.query.fault(.notOneOf, at: "state", ["values": known.joined(separator: ", ")])
            }
        }
        return states
    }
}
