import Digests
public import JSONText
public import Regulations

/// What a request to register says, read but not yet judged.
public struct Draft: Sendable, Equatable {
    public var product: String
    public var kind: String
    public var subject: String
    public var description: String
    public var details: [String: String]
    public var blocking: Bool
    public var channel: String
    public var tags: [String]
    public var organization: String
    public var reporter: UserID
    /// Nil: by the kind.
    public var priority: Priority?
    public var follows: TicketID?
    public var partOf: TicketID?

    public init(
        product: String, kind: String, subject: String, description: String, details: [String: String] = [:],
        blocking: Bool = false, channel: String = "api", tags: [String] = [], organization: String,
        reporter: UserID, priority: Priority? = nil, follows: TicketID? = nil, partOf: TicketID? = nil
    ) {
        self.product = product
        self.kind = kind
        self.subject = subject
        self.description = description
        self.details = details
        self.blocking = blocking
        self.channel = channel
        self.tags = tags
        self.organization = organization
        self.reporter = reporter
        self.priority = priority
        self.follows = follows
        self.partOf = partOf
    }
}

/// How a ticket begins.
public enum Registration {
    /// The channel that is open in every regulation.
    public static let apiChannel = "api"

    /// Kinds that no regulation holds urgent.
    static let lowKinds: Set<String> = ["suggestion", "development_request"]

    public static func priority(kind: String, blocking: Bool) -> Priority {
        if blocking { return .critical }
        return lowKinds.contains(kind) ? .low : .normal
    }

    /// Every fault of what was sent against the policy; `pointer` prefixes are those of the request's members.
    public static func faults(kind: String, channel: String, policy: Policy) -> [JSONFault] {
        var faults: [JSONFault] = []
        if !policy.kinds.contains(kind) {
            faults.append(
                JSONFault(
                    pointer: "/kind", code: "not_one_of", arguments: ["values": policy.kinds.joined(separator: ", ")]))
        }
        if channel != apiChannel && !policy.channels.contains(channel) {
            let open = [apiChannel] + policy.channels
            faults.append(
                JSONFault(pointer: "/channel", code: "not_one_of", arguments: ["values": open.joined(separator: ", ")]))
        }
        return faults
    }

    /// Every fault of the details for a kind and a channel.
    public static func detailFaults(
        _ details: [String: String], kind: String, channel: String, policy: Policy
    ) -> [JSONFault] {
        var faults: [JSONFault] = []
        let known = Set(policy.details.map(\.key))
        for key in details.keys.sorted() where !known.contains(key) {
            faults.append(JSONFault(pointer: JSONPointer.appending(key, to: "/details"), code: "unknown_member"))
        }
        for rule in policy.details where rule.isRequired(kind: kind, channel: channel) {
            guard let value = details[rule.key] else {
                faults.append(JSONFault(pointer: "/details/\(rule.key)", code: "missing"))
                continue
            }
            if value.isBlank { faults.append(JSONFault(pointer: "/details/\(rule.key)", code: "blank")) }
        }
        for group in policy.atLeastOneOf {
            guard let first = group.first, group.allSatisfy({ details[$0]?.isBlank ?? true }) else { continue }
            faults.append(
                JSONFault(
                    pointer: "/details/\(first)", code: "at_least_one_of",
                    arguments: ["values": group.joined(separator: ", ")]))
        }
        return faults
    }

    /// A new ticket and its first event.
    public static func decide(
        _ draft: Draft, number: Int64, contract: ContractTerms, by actor: Actor, at now: Instant, rules: TicketRules
    ) -> Change {
        let policy = rules.policy
        let blocking = draft.blocking || policy.blockingKinds.contains(draft.kind)
        let id = TicketID(prefix: policy.prefix, number: number)
        var ticket = Ticket(
            id: id, product: policy.code, policyVersion: policy.version, organization: draft.organization,
            contract: contract.id, plan: contract.plan, kind: draft.kind, subject: draft.subject,
            description: draft.description, descriptionSalt: HashChain.makeSalt(), details: draft.details,
            blocking: blocking, priority: draft.priority ?? priority(kind: draft.kind, blocking: blocking),
            state: .registered, closeReason: nil, channel: draft.channel, reporter: draft.reporter,
            registeredBy: actor.id ?? draft.reporter, assignees: [], solution: nil, tags: draft.tags,
            registeredAt: now, assignedAt: nil, firstResponseAt: nil, solvedAt: nil, closedAt: nil,
            firstResponseDueAt: nil, solutionDueAt: nil, autoClose: nil, pauses: [], disputeCount: 0, version: 1,
            updatedAt: now, eventSeq: 0, eventHash: Digest(of: ""))
        Deadlines.setDueTimes(of: &ticket, rules: rules)
        var builder = ChangeBuilder(new: ticket, by: actor, at: now)
        if let whole = draft.partOf {
            builder.linked.append(Link(type: .partOf, ticket: whole))
            builder.condition = .whole(whole)
        }
        if let earlier = draft.follows { builder.linked.append(Link(type: .follows, ticket: earlier)) }
        noteFields(of: ticket, links: builder.linked, &builder)
        return builder.finish(.register, clause: rules.clause(.register), movesState: true)
    }

    private static func noteFields(of ticket: Ticket, links: [Link], _ builder: inout ChangeBuilder) {
        builder.note("kind", .null, .text(ticket.kind))
        builder.note("subject", .null, .text(ticket.subject))
        if !ticket.details.isEmpty { builder.note("details", .null, .record(ticket.details)) }
        builder.note("blocking", .null, .flag(ticket.blocking))
        builder.note("priority", .null, .text(ticket.priority.rawValue))
        builder.note("channel", .null, .text(ticket.channel))
        builder.note("organization", .null, .text(ticket.organization))
        builder.note("reporter", .null, .text(ticket.reporter.text))
        if !ticket.tags.isEmpty { builder.note("tags", .null, .list(ticket.tags)) }
        for link in links { builder.note(link.type.rawValue, .null, .text(link.ticket.description)) }
        builder.note("first_response_due_at", .null, FieldValue(ticket.firstResponseDueAt))
        builder.note("solution_due_at", .null, FieldValue(ticket.solutionDueAt))
    }
}

extension String {
    /// Empty after removing Unicode white space.
    public var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
