import HTTPWire
import JSONText
import Regulations
import Tickets

/// One call on many tickets. Each is answered by the handler of the single call, so both say the same.
extension API {
    func changeTickets(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let tickets = input.body.distinct("tickets", required: true, max: Batch.ticketsMax, mayBeEmpty: false)
        let action = input.body.choice("action", required: true, of: BatchAction.self)
        // What is in it is each ticket's own matter.
        let body = input.body.object("body", required: true).map { JSONNode(.object($0.members)) }
        try input.finish()
        guard let tickets, let action, let body else { preconditionFailure("absent members are faults") }
        var json = JSONWriter()
        json.node(body)
        let batch = Batch(
            id: .make(), actor: exchange.caller.user, action: action, body: json.bytes, language: exchange.language,
            instance: exchange.instance, at: exchange.now, tickets: tickets.compactMap(\.self))
        try await store.accept(batch, exchange.access)
        return .json(200, BatchBody(results: try await carryOut(batch)), in: exchange.language)
    }

    /// Ends the batches that a killed process left. Called now and then; `seconds` leaves those alone that have
    /// just begun; two at one batch do no harm. What cannot be done now throws and is left for the next time.
    public func finishAbandonedBatches(olderThan seconds: Int = 10) async throws {
        for id in try await store.abandonedBatches(olderThan: seconds) {
            guard let batch = try await store.unfinishedBatch(id) else { continue }
            _ = try await carryOut(batch)
        }
    }

    /// Does what is not done yet, one ticket after the other in the order given.
    private func carryOut(_ batch: Batch) async throws -> [BatchResult] {
        // By their bytes: texts that only look the same are two.
        let done = Set(try await store.results(of: batch.id).map { Array($0.ticket.utf8) })
        for ticket in batch.tickets where !done.contains(Array(ticket.utf8)) { try await carryOut(batch, on: ticket) }
        try await store.finish(batch.id)
        return try await store.results(of: batch.id)
    }

    private func carryOut(_ batch: Batch, on ticket: String) async throws {
        let exchange = Exchange(of: batch, on: ticket, now: now().truncatedToMilliseconds())
        do {
            let answer =
                batch.action == .setPriority ? try await setPriority(exchange) : try await self.answer(exchange)
            // Noted with its effect; what changed nothing had none.
            try await store.keep(BatchResult(ticket: ticket, status: answer.status, problem: nil), of: batch.id)
        } catch {
            // Another instance was at work on the same list, and has done this one.
            if case .violates("follow_up_items_pkey") = error as? StoreError { return }
            let problem = Problem(error)
            // A busy or broken moment is no answer: whoever goes on with the list tries again.
            if problem.type.status == 503 { throw error }
            if let what = API.whatBroke(error) { observe(.broke(requestID: batch.instance, what: what)) }
            let answer = problem.answer(texts, in: batch.language, instance: batch.instance)
            let result = BatchResult(ticket: ticket, status: answer.status, problem: answer.body)
            try await store.keep(result, of: batch.id)
        }
    }

    /// What a PATCH of the priority alone does, without its condition.
    private func setPriority(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .setPriority) { ground, _ in
            var input = exchange.input(node)
            let priority = input.body.choice("priority", required: true, of: Priority.self)
            try input.finish()
            let edit = TicketEdit(priority: priority).effective(on: ground.record.ticket)
            return edit.isEmpty ? nil : Plan(.edit(edit))
        }
    }
}

extension Exchange {
    /// The single call that a batch makes on one of its tickets.
    convenience init(of batch: Batch, on ticket: String, now: Instant) {
        let call: Call =
            switch batch.action {
            case .assign: .assign
            case .requestInformation: .requestInformation
            case .solve: .solve
            case .merge: .merge
            case .setPriority: .patchTicket
            }
        let request = Request(
            method: "POST", target: "", path: Route(call).path, fields: Fields([("Content-Type", "application/json")]))
        let caller = Caller(user: batch.actor, token: .make(), expiresAt: nil)
        self.init(
            request: request, call: call, arguments: [ticket], caller: caller,
            access: Access(caller, item: batch.id), language: batch.language, instance: batch.instance,
            body: batch.body, now: now)
    }
}

struct BatchBody: Body {
    let results: [BatchResult]

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("results")
            json.array { json in
                for result in results {
                    json.object { json in
                        json.member("ticket", result.ticket)
                        json.member("status", result.status)
                        guard let problem = result.problem else { return }
                        json.key("problem")
                        json.raw(problem)
                    }
                }
            }
        }
    }
}
