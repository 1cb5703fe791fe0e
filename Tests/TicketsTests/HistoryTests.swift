import Digests
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@Suite struct HistoryTests {
    /// The recipe is final: these bytes were computed by an independent script.
    @Test func `the hash of an event is the documented one`() throws {
        let at = try #require(Instant(rfc3339: "2026-11-20T09:30:00.000Z"))
        let lines = [
            "reglament-event-v1", "OMNIVOX-7", "1", "2026-11-20T09:30:00.000Z", User.carol.id.text, "register",
            "3.4(1)",
            "-", "registered", "description \(Digest(of: "d").hex)", "subject \(Digest(of: "s").hex)",
        ]
        let hash = HashChain.hash(
            previous: HashChain.root(of: TicketID(prefix: "OMNIVOX", number: 7)), seq: 1, at: at, actor: User.carol.id,
            action: .register, clause: "3.4(1)", from: nil, to: .registered,
            digests: [
                ValueDigest(name: "description", digest: Digest(of: "d")),
                ValueDigest(name: "subject", digest: Digest(of: "s")),
            ])
        #expect(hash == Digest(of: lines.joined(separator: "\n")))
    }

    @Test func `every value of a change has its fingerprint, in order, under a salt of its own`() throws {
        let ticket = Ticket.sample()
        let change = try Lifecycle.decide(
            .assign([User.ada.id], priority: .high), on: ticket, by: Actor(User.ada), at: LifecycleTests.later,
            rules: Samples.rules("omnivox"), contract: nil)
        let names = change.event.digests.map(\.name)
        #expect(names == names.sorted())
        #expect(Set(names) == Set(change.event.changes.map(\.field)))
        #expect(Set(change.event.changes.map(\.salt)).count == change.event.changes.count)
        for field in change.event.changes {
            let json = "{\"from\":\(field.from),\"to\":\(field.to)}"
            let expected = change.event.digests.first { $0.name == field.field }?.digest
            #expect(HashChain.digest(of: json, salt: field.salt.hex) == expected)
        }
    }

    @Test func `a change of any part of an event changes its hash`() {
        let at = Samples.noon
        func hash(
            previous: String = "a", seq: Int = 2, at: Instant = at, actor: UserID? = User.ada.id,
            action: Action = .assign,
            clause: String? = "3.4", from: State? = .registered, to: State? = .assigned,
            digests: [ValueDigest] = [ValueDigest(name: "x", digest: Digest(of: "1"))]
        ) -> Digest {
            HashChain.hash(
                previous: previous, seq: seq, at: at, actor: actor, action: action, clause: clause, from: from, to: to,
                digests: digests)
        }
        let all = [
            hash(), hash(previous: "b"), hash(seq: 3), hash(at: LifecycleTests.later), hash(actor: nil),
            hash(action: .solve), hash(clause: nil), hash(from: nil), hash(to: nil), hash(digests: []),
            hash(digests: [ValueDigest(name: "y", digest: Digest(of: "1"))]),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test(arguments: [
        (FieldValue.null, "null"), (.text("a\"\n€😀"), "\"a\\\"\\n€😀\""), (.flag(true), "true"), (.number(-3), "-3"),
        (.list(["b", "a"]), "[\"b\",\"a\"]"), (.record(["b": "2", "a": "1"]), "{\"a\":\"1\",\"b\":\"2\"}"),
    ])
    func `values are written canonically`(value: FieldValue, expected: String) {
        var json = JSONWriter()
        value.write(to: &json)
        #expect(String(decoding: json.bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: Samples.products)
    func `a clause is the regulation's own or none`(product: String) {
        let policy = Samples.rules(product).policy
        for (action, clause) in policy.actionClauses {
            #expect(Action(rawValue: action) != nil)
            #expect(policy.clauses[clause] != nil)
        }
        for silent in [Action.merge, .edit, .link, .unlink, .commentInternal, .recalculateDeadline] {
            #expect(policy.actionClauses[silent.rawValue] == nil)
        }
        #expect(Set(Vocabulary.states) == Set(State.allCases.map(\.rawValue)))
        #expect(Set(Vocabulary.priorities) == Set(Priority.allCases.map(\.rawValue)))
        #expect(Set(Vocabulary.eventActions) == Set(Action.allCases.map(\.rawValue)))
    }
}

@Suite struct PermissionTests {
    /// The role table of the contract, written out a second time.
    @Test(arguments: Call.allCases)
    func `who may call what`(call: Call) {
        let all: Set<Role> = [.customer, .engineer, .lead, .admin, .service]
        let people: Set<Role> = [.customer, .engineer, .lead, .admin]
        let employees: Set<Role> = [.engineer, .lead, .admin]
        let expected: Set<Role>? =
            switch call {
            case .health, .readiness, .openAPI, .docsPage, .problemList, .problemPage, .metrics: nil
            case .me, .listTokens, .createToken, .revokeToken: all
            case .readFeed: [.engineer, .lead, .admin, .service]
            case .confirm, .dispute, .withdraw: [.customer]
            case .assign, .requestInformation, .solve, .merge, .patchTicket, .addLink, .removeLink, .queueSummary,
                .listReleases, .changeTickets:
                employees
            case .createOrganization, .patchOrganization, .createUser, .patchUser, .createContract, .patchContract,
                .createRelease, .publishRelease:
                [.lead, .admin]
            case .runAutoClose, .listRuns: [.admin, .service]
            case .listTickets, .createTicket, .readTicket, .addComment, .listComments, .addAttachment, .listAttachments,
                .readAttachment, .listEvents, .explain,
                .listOrganizations, .readOrganization, .listUsers, .readUser, .listContracts, .readContract,
                .listProducts,
                .listPolicies, .readPolicy, .calendarDeadline:
                people
            }
        #expect(Permissions.roles(call) == expected)
    }

    @Test(arguments: Role.allCases, Role.allCases)
    func `whose account somebody may write`(writer: Role, other: Role) {
        let expected = writer == .admin || writer == .lead && other == .customer
        #expect(Permissions.mayWrite(writer, userOf: other) == expected)
    }
}
