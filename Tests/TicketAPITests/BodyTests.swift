import Digests
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

@Suite struct BodyTests {
    @Test func `a ticket has the members of the contract in its order`() throws {
        let record = try Sample.record(links: [
            Link(type: .partOf, ticket: TicketID(prefix: "OMNIVOX", number: 9)),
            Link(type: .follows, ticket: TicketID(prefix: "OMNIVOX", number: 7)),
        ])
        var writer = JSONWriter()
        try TicketBody(record, for: .customer, in: .en, Sample.rulebook.get()).write(to: &writer)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self) == """
                {"id":"OMNIVOX-1042","product":"omnivox","policy":{"code":"omnivox","version":1},"organization":"acme",\
                "kind":"incident","subject":"Operator window freezes","description":"It freezes.",\
                "details":{"os_version":"Windows 11","product_version":"4.2.1","browser_version":"Edge 130"},\
                "blocking":false,"priority":"normal","state":"registered","state_name":"Registered","close_reason":null,\
                "channel":"api","reporter":{"id":"u_0000000000000000000001","name":"Carla Customer"},\
                "registered_by":{"id":"u_0000000000000000000001","name":"Carla Customer"},"assignees":[],"solution":null,\
                "links":[{"type":"follows","ticket":"OMNIVOX-7"},{"type":"part_of","ticket":"OMNIVOX-9"}],"tags":[],\
                "registered_at":"2026-11-20T09:30:00.000Z","assigned_at":null,"first_response_at":null,"solved_at":null,\
                "closed_at":null,"first_response_due_at":null,"solution_due_at":null,"auto_close_at":null,\
                "dispute_count":0,"version":1,"updated_at":"2026-11-20T09:30:00.000Z","actions":["comment","attach","withdraw"]}
                """)
    }

    @Test func `a solution says by whom, and nobody's e-mail address is shown`() throws {
        let json = try JSON(
            of: TicketBody(try Sample.record(state: .solved), for: .customer, in: .ru, try Sample.rulebook.get()))
        #expect(json["solution"].names == ["comment", "type", "release", "by", "at"])
        #expect(json["solution"]["by"].names == ["id", "name"])
        #expect(json["state_name"].string != "solved_awaiting_confirmation")
        #expect(!json.description.contains("example.com"))
    }

    @Test(arguments: State.allCases, Role.allCases)
    func `the actions are what the lifecycle offers the caller`(state: State, role: Role) throws {
        let record = try Sample.record(state: state, mayConfirm: true)
        let json = try JSON(of: TicketBody(record, for: role, in: .en, try Sample.rulebook.get()))
        #expect(json["actions"].strings == Lifecycle.actions(on: record, for: role).map(\.rawValue))
    }

    @Test func `an event can be recomputed from what it shows`() throws {
        let rulebook = try Sample.rulebook.get()
        let rules = try #require(rulebook.rules(product: "omnivox", version: 1))
        let ticket = try Sample.ticket()
        let change = try Lifecycle.decide(
            .assign([Sample.engineer.id], priority: .high), on: ticket, by: Actor(Sample.engineer), at: Sample.now,
            rules: rules,
            contract: nil)
        let json = try JSON(of: EventBody(EventRecord(event: change.event, commentSalt: nil, descriptionSalt: nil)))
        #expect(
            json.names == [
                "seq", "at", "actor", "action", "clause", "from", "to", "changes", "comment_id", "digests", "hash",
            ])
        let digests = try json["digests"].array.map { value in
            let name = try #require(value["name"].string)
            let digest = HashChain.digest(
                of: json["changes"][name].description, salt: try #require(value["salt"].string))
            #expect(digest.hex == value["sha256"].string)
            return ValueDigest(name: name, digest: digest)
        }
        let hash = HashChain.hash(
            previous: ticket.eventHash.hex, seq: 2, at: Sample.now, actor: Sample.engineer.id, action: .assign,
            clause: json["clause"].string, from: .registered, to: .assigned, digests: digests)
        #expect(hash.hex == json["hash"].string)
        #expect(json["changes"]["priority"].description == #"{"from":"normal","to":"high"}"#)
    }

    @Test func `a token's secret is shown, or null in a replay, or left out of lists`() throws {
        let token = Token(id: .make(), user: Sample.customer.id, name: "ci", createdAt: Sample.now, expiresAt: nil)
        #expect(try JSON(of: TokenBody(token, secret: "rgl_x"))["token"].string == "rgl_x")
        #expect(try JSON(of: TokenBody(token, secret: .some(nil)))["token"].isNull)
        #expect(try JSON(of: TokenBody(token)).names == ["id", "name", "created_at", "expires_at"])
    }

    @Test func `every shipped policy is shown with all members of the contract`() throws {
        for policy in try Sample.rulebook.get().current.values {
            let json = try JSON(of: PolicyBody(policy: policy, language: .en))
            #expect(
                json.names == [
                    "code", "version", "name", "document", "kinds", "blocking_kinds", "channels", "details",
                    "at_least_one_of", "further_problems", "confirmers", "auto_close_after_working_days",
                    "contract_may_override_auto_close", "states", "clauses", "plans", "calendar", "time_zone", "names",
                ])
            #expect(json["states"].names == State.allCases.map(\.rawValue))
            #expect(json["states"]["closed"].names == ["ru", "en"])
            #expect(json["plans"].names.contains("standard"))
            #expect(json["names"]["kinds"].names == policy.kinds)
        }
    }

    @Test func `the queue has a figure for everything that is open`() throws {
        let summary = QueueSummary(
            open: 2, overdue: 1, byState: [.assigned: 2], byPriority: [.high: 2], byProduct: ["maics": 2],
            byAssignee: [.init(assignee: nil, name: nil, count: 2)])
        let json = try JSON(of: QueueBody(summary: summary, products: ["dialog", "maics"]))
        #expect(
            json.description == """
                {"open":2,"overdue":1,"by_state":{"registered":0,"assigned":2,"awaiting_information":0,\
                "solved_awaiting_confirmation":0},"by_priority":{"critical":0,"high":2,"normal":0,"low":0},\
                "by_product":{"dialog":0,"maics":2},"by_assignee":[{"assignee":null,"count":2}]}
                """)
    }
}
