import JSONText
import Regulations
import Tickets

/// What is said on a ticket, and what it is tied to.
extension API {
    func addComment(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .comment) { _, _ in
            var input = exchange.input(node)
            let text = input.body.text("body", required: true, max: Limit.text) ?? ""
            var isInternal = false
            if exchange.role.isEmployee {
                isInternal = input.body.bool("internal") ?? false
            } else {
                input.body.refuse("internal")
            }
            try input.finish()
            var plan = Plan(isInternal ? .commentInternal(text) : .comment(text))
            plan.answer = .comment
            return plan
        }
    }

    func listComments(_ exchange: Exchange) async throws -> Answer {
        try await listOfTicket(exchange, store.comments) { CommentBody($0) }
    }

    func listEvents(_ exchange: Exchange) async throws -> Answer {
        if exchange.prefersEventStream {
            try exchange.admit()
            let id = try exchange.ticketID()
            try await find(id, exchange)
            return try streamEvents(of: id, exchange)
        }
        return try await listOfTicket(exchange, without: ["after"], store.events) { EventBody($0) }
    }

    /// A page of what belongs to a ticket. 404 comes before a wrong parameter.
    /// `refused`: parameters that only another form of the list takes.
    func listOfTicket<Item>(
        _ exchange: Exchange, without refused: [String] = [],
        _ read: (TicketID, PageRequest, Access) async throws(StoreError) -> Page<Item>?, _ body: (Item) -> some Body
    ) async throws -> Answer {
        try exchange.admit()
        let id = try exchange.ticketID()
        var input = exchange.input()
        let page = input.page()
        for name in refused where input.query.string(name) != nil { input.query.fault(.notAllowedHere, at: name) }
        do { try input.finish() } catch {
            try await find(id, exchange)
            throw error
        }
        guard let found = try await read(id, page.request, exchange.access) else { throw Problem(.notFound) }
        return exchange.list(found, page, body)
    }

    /// Throws when there is no such ticket that the caller may see.
    private func find(_ id: TicketID, _ exchange: Exchange) async throws {
        guard try await store.otherTicket(id, exchange.access) != nil else { throw Problem(.notFound) }
    }

    func addLink(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .link) { ground, _ in
            var input = exchange.input(node)
            let type = input.body.choice("type", required: true, of: LinkType.self)
            let name = input.body.word("ticket", required: true)
            let target = try await self.other(name, exchange)
            if let type, name != nil {
                if let target, ground.record.links.contains(Link(type: type, ticket: target.id)) {
                    throw Problem(.alreadyExists)
                }
                input.add(Linking.faults(type, from: .init(ground.record), to: target, at: "/ticket"))
            } else if name != nil && target == nil {
                input.body.fault(.notFound, at: "ticket")
            }
            try input.finish()
            guard let type, let target else { preconditionFailure("absent members are faults") }
            var plan = Plan(.link(Link(type: type, ticket: target.id)))
            plan.answer = .ticket(status: 201)
            return plan
        }
    }

    func removeLink(_ exchange: Exchange) async throws -> Answer {
        try await change(exchange, .unlink) { ground, _ in
            guard let type = LinkType(rawValue: exchange.arguments[1]), let other = TicketID(exchange.arguments[2]),
                ground.record.links.contains(Link(type: type, ticket: other))
            else { throw Problem(.notFound) }
            var input = exchange.input()
            try input.finish()
            var plan = Plan(.unlink(Link(type: type, ticket: other)))
            plan.answer = .nothing
            return plan
        }
    }
}
