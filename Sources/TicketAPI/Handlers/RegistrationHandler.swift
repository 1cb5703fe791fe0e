import JSONText
import Regulations
import Tickets

/// How a ticket begins.
extension API {
    func createTicket(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        return try await repeatedly {
            var input = exchange.input(node)
            let request = RegistrationRequest(&input, by: exchange.caller, rulebook())
            input.body.finish()
            input.query.finish()
            // A new number is taken with the ground: not for a request that is known to be refused and needs no ground.
            guard let rules = request.rules, !input.hasFaults || request.names(anyOther: exchange.caller) else {
                if request.rules == nil { try await checkWithoutProduct(request, exchange, &input) }
                try input.refuse()
                preconditionFailure("an unknown product is a fault")
            }
            let ground = try await store.registrationGround(
                request.draft, prefix: rules.policy.prefix, day: rules.day(of: exchange.now), exchange.access)
            request.check(ground, &input)
            try input.refuse()
            guard let contract = ground.contract else { throw Refusal.noContractInForce }
            let change = Registration.decide(
                request.draft, number: ground.number, contract: contract, by: Actor(exchange.caller.user),
                at: exchange.now, rules: rules)
            var people: Names = [exchange.caller.id: exchange.caller.user.name]
            if let reporter = ground.reporter { people[reporter.id] = reporter.name }
            let record = TicketRecord(ticket: change.ticket, people: people, links: change.linked, mayConfirm: false)
            var answer = try answer(with: record, exchange, status: 201)
            answer.location = "/v1/tickets/\(change.ticket.id)"
            try await store.write(change, answer: answer.kept, exchange.access)
            return answer
        }
    }
}

extension API {
    /// What is right or wrong whatever the product is: who reports for whom, and what the ticket follows.
    private func checkWithoutProduct(
        _ request: RegistrationRequest, _ exchange: Exchange, _ input: inout Input
    ) async throws {
        if exchange.role.isEmployee {
            let organization = try await store.organization(request.draft.organization, exchange.access)
            let reporter = try await store.users([request.draft.reporter]).first
            request.check(organizationExists: organization != nil, reporter: reporter, &input)
        }
        let others = [("follows", request.draft.follows), ("part_of", request.draft.partOf)]
        for case (let member, let id?) in others where try await store.otherTicket(id, exchange.access) == nil {
            input.body.fault(.notFound, at: member)
        }
    }
}

/// A request to register, as far as it could be read.
private struct RegistrationRequest {
    /// Members with faults have stand-ins here; the request is refused then.
    let draft: Draft
    /// Nil: unknown product, a fault already.
    let rules: TicketRules?
    private let reporterIsReadable: Bool
    private let namesOrganization: Bool
    private let namesReporter: Bool

    init(_ input: inout Input, by caller: Caller, _ rulebook: Rulebook) {
        let product = input.body.word("product", required: true)
        let kind = input.body.word("kind", required: true)
        let subject = input.body.text("subject", required: true, max: Limit.subject)
        let description = input.body.text("description", required: true, max: Limit.text)
        let details = input.body.object("details")
        let blocking = input.body.bool("blocking") ?? false
        let channel = input.body.word("channel") ?? Registration.apiChannel
        let tags = input.body.tags() ?? []
        let follows = input.body.word("follows")
        var organization: String?
        var reporter: String?
        var priority: Priority?
        var partOf: String?
        if caller.role.isEmployee {
            organization = input.body.word("organization", required: true)
            reporter = input.body.word("reporter", required: true)
            priority = input.body.choice("priority", of: Priority.self)
            partOf = input.body.word("part_of")
        } else {
            input.body.refuse("organization", "reporter", "priority", "part_of")
        }
        namesOrganization = organization != nil
        namesReporter = reporter != nil
        let reporterID = caller.role.isEmployee ? reporter.flatMap { UserID($0) } : caller.id
        reporterIsReadable = reporterID != nil

        let policy = product.flatMap { rulebook.current[$0] }
        rules = policy.flatMap { rulebook.rules(product: $0.code, version: $0.version) }
        if product != nil && rules == nil {
            input.body.fault(
                .notOneOf, at: "product", ["values": rulebook.current.keys.sorted().joined(separator: ", ")])
        }
        var values: [String: String] = [:]
        if let policy, rules != nil {
            let faults = Registration.faults(kind: kind ?? "", channel: channel, policy: policy)
            input.add(faults.filter { $0.pointer != "/kind" || kind != nil })
            let given = details?.values(policy) ?? [:]
            if !input.body.has("details") || details != nil || input.body.isNull("details") {
                values = input.details(given, over: [:], kind: kind ?? "", channel: channel, policy)
            }
        } else {
            details?.checkValues()
        }
        let seen = RegistrationRequest.ticket(follows, "follows", &input)
        let whole = RegistrationRequest.ticket(partOf, "part_of", &input)
        draft = Draft(
            product: product ?? "", kind: kind ?? "", subject: subject ?? "", description: description ?? "",
            details: values, blocking: blocking, channel: channel, tags: tags,
            organization: caller.role.isEmployee ? organization ?? "" : caller.user.organization ?? "",
            reporter: reporterID ?? caller.id, priority: priority, follows: seen, partOf: whole)
    }

    /// What cannot be a registration number names no ticket: the same words as for one that does not exist.
    private static func ticket(_ name: String?, _ member: String, _ input: inout Input) -> TicketID? {
        guard let name else { return nil }
        let id = TicketID(name)
        if id == nil { input.body.fault(.notFound, at: member) }
        return id
    }

    /// Whether anything in it can only be judged by the store.
    func names(anyOther caller: Caller) -> Bool {
        caller.role.isEmployee || draft.follows != nil || draft.partOf != nil
    }

    /// Adds the faults that only the store could tell of.
    func check(_ ground: RegistrationGround, _ input: inout Input) {
        check(organizationExists: ground.organizationExists, reporter: ground.reporter, &input)
        let source = Linking.Source(product: draft.product, organization: draft.organization)
        if draft.follows != nil {
            input.add(Linking.faults(.follows, from: source, to: ground.follows, at: "/follows"))
        }
        if draft.partOf != nil {
            input.add(Linking.faults(.partOf, from: source, to: ground.partOf, at: "/part_of"))
        }
    }

    func check(organizationExists: Bool, reporter: User?, _ input: inout Input) {
        if namesOrganization && !organizationExists { input.body.fault(.notFound, at: "organization") }
        guard namesReporter else { return }
        if !reporterIsReadable || reporter == nil {
            input.body.fault(.notFound, at: "reporter")
        } else if namesOrganization && reporter?.organization != draft.organization {
            input.body.fault(.otherOrganization, at: "reporter")
        }
    }
}
