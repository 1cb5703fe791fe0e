import JSONText
import Regulations
import TicketStore
import Tickets

/// One ticket's history, written step by step with the times at which it happened: through the same engine and the same
/// store as every other change.
struct History {
    private(set) var ticket: Ticket
    private let contract: ContractTerms
    private let rules: TicketRules
    private let store: PostgresStore

    /// Registers. Throws a sentence when the regulation refuses the draft.
    init(
        _ draft: Draft, by actor: Actor, at now: Instant, source: ImportSource? = nil, _ session: Session
    ) async throws {
        guard let policy = session.rulebook.current[draft.product],
            let rules = session.rulebook.rules(product: policy.code, version: policy.version)
        else { throw Failure.failed("There is no product `\(draft.product)`.") }
        let faults =
            Registration.faults(kind: draft.kind, channel: draft.channel, policy: policy)
            + Registration.detailFaults(draft.details, kind: draft.kind, channel: draft.channel, policy: policy)
        guard faults.isEmpty else {
            let words = faults.map { "\($0.pointer) \($0.code)" }.joined(separator: ", ")
            throw Failure.failed("The regulation \(policy.code) refuses “\(draft.subject)”: \(words)")
        }
        let ground = try await session.store.registrationGround(
            draft, prefix: policy.prefix, day: rules.day(of: now), .staff)
        guard let contract = ground.contract else {
            throw Failure.failed(
                "\(draft.organization) has no contract for \(draft.product) on \(rules.day(of: now).iso).")
        }
        let change = Registration.decide(
            draft, number: ground.number, contract: contract, by: actor, at: now, rules: rules)
        try await session.store.write(change, source: source)
        (ticket, self.contract, self.rules, store) = (change.ticket, contract, rules, session.store)
    }

    /// Goes on with a ticket that is there; nil: there is none.
    init?(_ id: TicketID, at now: Instant, _ session: Session) async throws {
        guard let ground = try await session.store.changeGround(id, at: now, .staff),
            let rules = session.rulebook.rules(
                product: ground.record.ticket.product, version: ground.record.ticket.policyVersion)
        else { return nil }
        (ticket, contract, self.rules, store) = (ground.record.ticket, ground.contract, rules, session.store)
    }

    mutating func take(
        _ step: Step, by actor: Actor, at now: Instant, source: ImportSource? = nil, cause: Cause = .call
    ) async throws {
        let change: Change
        do {
            change = try Lifecycle.decide(
                step, on: ticket, by: actor, at: now, rules: rules, contract: contract, cause: cause)
        } catch { throw Failure.failed("\(ticket.id) takes no \(step.action.rawValue): \(error)") }
        try await store.write(change, source: source)
        ticket = change.ticket
    }
}
