import HTTPWire
import JSONText
import Regulations
import Tickets

/// Reading one ticket, and changing what it says about itself.
extension API {
    func readTicket(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        return try show(
            try await store.ticket(try exchange.ticketID(), at: exchange.now, exchange.access), exchange)
    }

    /// Nil: there is no such ticket for this caller.
    @inline(never)
    func show(_ record: TicketRecord?, _ exchange: Exchange) throws(Problem) -> Answer {
        guard let record else { throw Problem(.notFound) }
        var input = exchange.input()
        try input.finish()
        return try answer(with: record, exchange).unlessMatched(exchange.request.fields)
    }

    func patchTicket(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        return try await change(exchange, .edit, needsVersion: true) { ground, rules in
            var input = exchange.input(node)
            let edit = try self.edit(&input, of: ground.record.ticket, rules.policy).effective(on: ground.record.ticket)
            return edit.isEmpty ? nil : Plan(.edit(edit))
        }
    }

    /// The new values that a patch gives, checked against the policy.
    private func edit(_ input: inout Input, of ticket: Ticket, _ policy: Policy) throws(Problem) -> TicketEdit {
        for name in ["subject", "priority"] where input.body.isNull(name) { input.body.fault(.notRemovable, at: name) }
        let subject = input.body.text("subject", max: Limit.subject)
        let priority = input.body.choice("priority", of: Priority.self)
        let tags = input.body.isNull("tags") ? [] : input.body.tags()
        if input.body.isNull("tags") { _ = input.body.member("tags") }
        var details: [String: String]?
        if input.body.isNull("details") {
            _ = input.body.member("details")
            details = input.details([:], over: [:], kind: ticket.kind, channel: ticket.channel, policy)
        } else if let members = input.body.object("details") {
            details = input.details(
                members.values(policy), over: ticket.details, kind: ticket.kind, channel: ticket.channel, policy)
        }
        try input.finish()
        return TicketEdit(subject: subject, priority: priority, tags: tags, details: details)
    }

    /// A ticket with its tag.
    func answer(with record: TicketRecord, _ exchange: Exchange, status: Int = 200) throws(Problem) -> Answer {
        let body = try TicketBody(record, for: exchange.role, in: exchange.language, rulebook())
        var answer = Answer.json(status, body, in: exchange.language)
        answer.etag = EntityTag.make(version: record.ticket.version, body: answer.body)
        return answer
    }
}

extension JSONObjectReader {
    /// Of details whose product nobody knows: texts they must be in any case.
    func checkValues() {
        var reader = self
        for (index, member) in members.enumerated() {
            guard let text = reader.string(at: index) else { continue }
            if text.isEmpty { faults.add(FaultCode.empty.rawValue, at: pointer(to: member.name)) }
            if text.isLonger(than: Limit.detail) {
                faults.add(FaultCode.tooLong.rawValue, at: pointer(to: member.name), ["max": "\(Limit.detail)"])
            }
        }
    }

    /// The details given here; nil as a value removes one. A key that the policy lacks is a fault.
    func values(_ policy: Policy) -> [String: String?] {
        var reader = self
        var values: [String: String?] = [:]
        let known = Set(policy.details.map { Array($0.key.utf8) })
        for (index, member) in members.enumerated() {
            let before = faults.count
            let text = reader.string(at: index)
            if faults.count > before { continue }
            // Here, where every member is seen once: a text may equal another one for Swift that has other bytes.
            if known.contains(Array(member.name.utf8)) {
                values[member.name] = .some(text)
            } else {
                faults.add(FaultCode.unknownMember.rawValue, at: pointer(to: member.name))
            }
        }
        return values
    }
}

extension Input {
    /// The details that come of given values over present ones, with every fault of them against the policy.
    func details(
        _ given: [String: String?], over present: [String: String], kind: String, channel: String, _ policy: Policy
    ) -> [String: String] {
        var details = present
        for (key, value) in given { details[key] = value }
        for fault in Registration.detailFaults(details, kind: kind, channel: channel, policy: policy)
        where !body.faults.has(at: fault.pointer) {
            add([fault])
        }
        for (key, value) in given.sorted(by: { $0.key < $1.key }) {
            let pointer = JSONPointer.appending(key, to: "/details")
            guard let value, !body.faults.has(at: pointer) else { continue }
            if value.isEmpty { body.faults.add(FaultCode.empty.rawValue, at: pointer) }
            if value.isLonger(than: Limit.detail) {
                body.faults.add(FaultCode.tooLong.rawValue, at: pointer, ["max": "\(Limit.detail)"])
            }
        }
        return details
    }
}
