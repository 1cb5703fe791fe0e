import JSONText
import Regulations
import Tickets

/// The steps of the lifecycle: each an address of its own under the ticket's.
extension API {
    func assign(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .assign) { _, _ in
            var input = exchange.input(node)
            let named = input.body.distinct("assignees", required: true, max: Limit.assignees, mayBeEmpty: false)
            let priority = input.body.choice("priority", of: Priority.self)
            let ids = (named ?? []).map { $0.flatMap { UserID($0) } }
            // Whoever takes a ticket is known already.
            let caller = exchange.caller.user
            let others = ids.compactMap(\.self).filter { $0 != caller.id }
            let users = [caller] + (others.isEmpty ? [] : try await self.store.users(others))
            for (index, (name, id)) in zip(named ?? [], ids).enumerated() where name != nil {
                let user = users.first { $0.id == id }
                if user?.active == true && user?.role.isEmployee == true { continue }
                input.body.faults.add(FaultCode.notAnActiveEmployee.rawValue, at: "/assignees/\(index)")
            }
            try input.finish()
            var plan = Plan(.assign(ids.compactMap(\.self), priority: priority))
            plan.newcomers = users
            return plan
        }
    }

    func requestInformation(_ exchange: Exchange) async throws -> Answer {
        try await say(exchange, .requestInformation, "comment", required: true) { .requestInformation($0 ?? "") }
    }

    func confirm(_ exchange: Exchange) async throws -> Answer {
        try await say(exchange, .confirm, "comment", required: false) { .confirm($0) }
    }

    func dispute(_ exchange: Exchange) async throws -> Answer {
        try await say(exchange, .dispute, "reason", required: true) { .dispute($0 ?? "") }
    }

    func withdraw(_ exchange: Exchange) async throws -> Answer {
        try await say(exchange, .withdraw, "comment", required: false) { .withdraw($0) }
    }

    /// A step whose body is one text.
    private func say(
        _ exchange: Exchange, _ action: Action, _ member: String, required: Bool, _ step: (String?) -> Step
    ) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, action) { _, _ in
            var input = exchange.input(node)
            let text = input.body.text(member, required: required, max: Limit.text)
            try input.finish()
            return Plan(step(text))
        }
    }

    func solve(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .solve) { ground, _ in
            let ticket = ground.record.ticket
            var input = exchange.input(node)
            let comment = input.body.text("comment", required: true, max: Limit.text) ?? ""
            let before = input.body.faults.count
            let type = input.body.choice("type", of: SolutionType.self) ?? .individualWork
            let typeIsClear = input.body.faults.count == before
            let name = input.body.word("release", required: typeIsClear && type == .massUpdate)
            if typeIsClear && type == .individualWork && name != nil {
                input.body.fault(.notAllowedHere, at: "release")
            }
            var release: Release?
            if let name, typeIsClear, type == .massUpdate {
                if Release.isVersion(name) {
                    release = try await self.store.release(ticket.product, name, exchange.access)
                }
                if release == nil { input.body.fault(.notFound, at: "release") }
            }
            try input.finish()
            let solving = Solving(comment: comment, type: type, release: name)
            let waits = release.map { $0.publishedAt == nil } ?? false
            var plan = Plan(waits ? .planSolution(solving) : .solve(solving))
            // Only a ticket that blocks can be a whole, and one can become its part while this is being decided.
            if ticket.blocking { plan.solving = (solving, waits) }
            return plan
        }
    }

    func merge(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .merge) { ground, _ in
            var input = exchange.input(node)
            let name = input.body.word("into", required: true)
            let target = try await self.other(name, exchange)
            if name != nil {
                input.add(Linking.faults(.duplicateOf, from: .init(ground.record), to: target, at: "/into"))
            }
            try input.finish()
            return target.map { Plan(.merge(into: $0.id)) }
        }
    }

    /// A ticket that a member names; nil: there is none that the caller may see.
    func other(_ name: String?, _ exchange: Exchange) async throws -> OtherTicket? {
        guard let id = name.flatMap({ TicketID($0) }) else { return nil }
        return try await store.otherTicket(id, exchange.access)
    }
}
