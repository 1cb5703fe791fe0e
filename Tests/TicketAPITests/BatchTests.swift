import Digests
import HTTPWire
import Regulations
import TestKit
import Testing
import TicketStore
import Tickets

@testable import TicketAPI

@Suite struct BatchTests {
    /// What is done, the address of the single call, bodies that are good and bad.
    struct Row: Sendable, CustomTestStringConvertible {
        let action: BatchAction
        let path: String
        let bodies: [String]
        var testDescription: String { action.rawValue }
    }

    static let rows = [
        Row(
            action: .assign, path: "assign",
            bodies: [
                World.assignment, #"{"assignees":["\#(Person.egor.id)","\#(Person.carla.id)"],"priority":"odd"}"#, "{}",
            ]),
        Row(
            action: .requestInformation, path: "request-information",
            bodies: [#"{"comment":"Which build?"}"#, #"{"comment":"\u0000","more":1}"#]),
        Row(
            action: .solve, path: "solve",
            bodies: [
                #"{"comment":"Решено"}"#, #"{"comment":"!","type":"mass_update","release":"9.9"}"#,
                #"{"comment":" ","release":1.50}"#,
            ]),
        Row(action: .merge, path: "merge", bodies: [#"{"into":"MAICS-999999"}"#, #"{"into":null}"#]),
    ]

    private func batch(_ tickets: [String], _ action: BatchAction, _ body: String) -> String {
        #"{"tickets":[\#(tickets.map { "\"\($0)\"" }.joined(separator: ","))],"action":"\#(action.rawValue)","body":\#(body)}"#
    }

    /// A problem without what names the request.
    private func problem(_ json: JSON) -> String {
        json.names.filter { $0 != "instance" }.map { "\($0): \(json[$0])" }.joined(separator: ", ")
    }

    @Test(arguments: rows)
    func `each ticket gets what the single call would have answered`(row: Row) async throws {
        try await World.with { world in
            for body in row.bodies {
                func mixed() async throws -> [String] {
                    var ids: [String] = []
                    for state in State.allCases { ids.append(try await world.ticket(state)) }
                    return ids + ["MAICS-999999", "maics-1", "Ж"]
                }
                let alone = try await mixed()
                let together = try await mixed()
                let request = self.batch(together, row.action, body)
                let reply = try await world.call(
                    "POST", "/v1/tickets/batch", request, as: .egor, fields: [("Accept-Language", "ru")])
                #expect(reply.status == 200, "\(reply.json)")
                let results = reply["results"].array
                #expect(results.compactMap { $0["ticket"].string } == together)
                for (index, id) in alone.enumerated() {
                    let path = "/v1/tickets/\(id == "Ж" ? "%D0%96" : id)/\(row.path)"
                    let single = try await world.call(
                        "POST", path, body, as: .egor, fields: [("Accept-Language", "ru")])
                    #expect(results[index]["status"].integer == single.status, "\(id) \(body)")
                    if single.status < 400 {
                        #expect(results[index].names == ["ticket", "status"])
                        let one = try await world.get("/v1/tickets/\(id)", as: .egor)
                        let other = try await world.get("/v1/tickets/\(together[index])", as: .egor)
                        #expect(one["state"].string == other["state"].string)
                        #expect(one["version"].integer == other["version"].integer)
                    } else {
                        #expect(self.problem(results[index]["problem"]) == self.problem(single.json), "\(id) \(body)")
                    }
                }
            }
        }
    }

    @Test func `a priority is set once, and to what it is already without an event`() async throws {
        try await World.with { world in
            var ids: [String] = []
            for state in State.allCases { ids.append(try await world.ticket(state)) }
            let request = self.batch(ids, .setPriority, #"{"priority":"high"}"#)
            for expected in [2, 2] {
                let reply = try await world.post("/v1/tickets/batch", request, as: .lena)
                let statuses = reply["results"].array.compactMap { $0["status"].integer }
                #expect(statuses == [200, 200, 200, 200, 409], "\(reply.json)")
                let ticket = try await world.get("/v1/tickets/\(ids[0])", as: .egor)
                #expect(ticket["priority"].string == "high" && ticket["version"].integer == expected)
            }
            let events = try await world.get("/v1/tickets/\(ids[0])/events", as: .egor)["items"].array
            #expect(events.compactMap { $0["action"].string } == ["register", "set_priority"])
            let wrong = try await world.post(
                "/v1/tickets/batch", self.batch([ids[0]], .setPriority, #"{"priority":null,"subject":"S"}"#), as: .lena)
            let faults = wrong["results"][0]["problem"]["errors"].array.compactMap { $0["pointer"].string }
            #expect(faults == ["/priority", "/subject"])
        }
    }

    @Test func `faults of the whole are told of the whole, and nothing is done`() async throws {
        try await World.with { world in
            let id = try await world.ticket()
            let many = (1...501).map { "MAICS-\($0)" }
            let action = #""action":"set_priority","body":{"priority":"low"}"#
            for (body, faults) in [
                ("{}", ["/tickets missing", "/action missing", "/body missing"]),
                (#"{"tickets":[],\#(action)}"#, ["/tickets empty"]),
                (#"{"tickets":["\#(id)","\#(id)"],\#(action)}"#, ["/tickets/1 duplicate"]),
                (#"{"tickets":["\#(id)",1],\#(action)}"#, ["/tickets/1 not_a_string"]),
                (#"{"tickets":"\#(id)",\#(action)}"#, ["/tickets not_an_array"]),
                (#"{"tickets":["\#(id)"],"action":"confirm","body":{}}"#, ["/action not_one_of"]),
                (#"{"tickets":["\#(id)"],"action":"merge","body":[]}"#, ["/body not_an_object"]),
                (#"{"tickets":["\#(id)"],\#(action),"more":1}"#, ["/more unknown_member"]),
                (self.batch(many, .setPriority, #"{"priority":"low"}"#), ["/tickets too_many"]),
            ] {
                let reply = try await world.post("/v1/tickets/batch", body, as: .egor)
                #expect(reply.status == 422 && reply.faults == faults, "\(reply.json)")
            }
            let reply = try await world.post(
                "/v1/tickets/batch", self.batch([id] + many.dropFirst(2), .setPriority, "{}"), as: .egor)
            #expect(reply.status == 200 && reply["results"].array.count == 500)
            #expect(try await world.get("/v1/tickets/\(id)", as: .egor)["version"].integer == 1)
        }
    }

    @Test func `a retry gets the first answer, whatever became of the tickets`() async throws {
        try await World.with { world in
            let ids = [try await world.ticket(), try await world.ticket(.closed), "X"]
            let request = self.batch(ids, .assign, World.assignment)
            let first = try await world.post("/v1/tickets/batch", request, as: .egor, key: "k")
            let second = try await world.post("/v1/tickets/batch", request, as: .egor, key: "k")
            #expect(first.status == 200 && second.status == 200 && second.body == first.body)
            #expect(first.fields.first("idempotency-replayed") == nil)
            #expect(second.fields.first("idempotency-replayed") == "true")
            let russian = [("Idempotency-Key", "k"), ("Accept-Language", "ru")]
            let third = try await world.call("POST", "/v1/tickets/batch", request, as: .egor, fields: russian)
            #expect(third.body == first.body && third.fields.first("content-language") == "en")
            let other = self.batch(ids, .setPriority, #"{"priority":"low"}"#)
            let reused = try await world.post("/v1/tickets/batch", other, as: .egor, key: "k")
            #expect(reused.summary == "422 idempotency-key-reused")
            #expect(try await world.get("/v1/tickets/\(ids[0])", as: .egor)["version"].integer == 2)
        }
    }

    @Test(arguments: [true, false])
    func `a whole takes its parts along, and what comes second is told so`(wholeFirst: Bool) async throws {
        try await World.with { world in
            let whole = try await world.ticket(.assigned, blocking: true)
            var parts: [String] = []
            for _ in 0..<2 {
                let part = try await world.ticket(.assigned)
                let linked = try await world.post(
                    "/v1/tickets/\(part)/links", #"{"type":"part_of","ticket":"\#(whole)"}"#, as: .egor)
                #expect(linked.status == 201)
                parts.append(part)
            }
            let order = wholeFirst ? [whole, parts[0]] : [parts[0], whole]
            let reply = try await world.post(
                "/v1/tickets/batch", self.batch(order, .solve, #"{"comment":"Fixed"}"#), as: .egor)
            let statuses = reply["results"].array.compactMap { $0["status"].integer }
            #expect(statuses == (wholeFirst ? [200, 409] : [200, 200]), "\(reply.json)")
            for ticket in [whole] + parts {
                let events = try await world.get("/v1/tickets/\(ticket)/events", as: .egor)["items"].array
                #expect(events.count { $0["action"].string == "solve" } == 1)
            }
        }
    }

    /// What PostgreSQL says when it has no room, no memory, no connection, no disk that works.
    @Test(arguments: ["53100", "53200", "53300", "58030"])
    func `a full disk is nobody's answer, alone or in a batch`(sqlstate: String) async throws {
        try await World.with { world in
            let ids = [try await world.ticket(), try await world.ticket()]
            try await world.database.run(
                """
                CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '\(sqlstate)'; END $$;
                CREATE TRIGGER no_room BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.ticket = '\(ids[1])')
                EXECUTE FUNCTION fail()
                """)
            let alone = try await world.post("/v1/tickets/\(ids[1])/assign", World.assignment, as: .egor, key: "alone")
            #expect(alone.summary == "503 unavailable" && alone.fields.first("retry-after") != nil)
            let request = self.batch(ids, .assign, World.assignment)
            let first = try await world.post("/v1/tickets/batch", request, as: .egor, key: "both")
            #expect(first.summary == "503 unavailable")
            try await world.database.run("DROP TRIGGER no_room ON events")
            try await world.onItsLoop { try await $0.api.finishAbandonedBatches(olderThan: 0) }
            let second = try await world.post("/v1/tickets/batch", request, as: .egor, key: "both")
            #expect(second["results"].array.compactMap { $0["status"].integer } == [200, 200], "\(second.json)")
        }
    }

    @Test func `what a killed process left is finished by any other, once, and then the key is answered`() async throws
    {
        try await World.with { world in
            var ids: [String] = []
            for state in State.allCases { ids.append(try await world.ticket(state)) }
            // Two that only look the same.
            ids += ["\u{e9}", "e\u{301}"]
            let tickets = ids
            let now = world.clock.now
            // Accepted under a key, and nothing more: the process dies.
            let body = self.batch(tickets, .setPriority, #"{"priority":"critical"}"#)
            let request = Digest(of: Array("POST\n/v1/tickets/batch\n\n\(body)".utf8))
            let key = IdempotencyKey(caller: Person.egor.user.id, key: "left", request: request)
            let batch = Batch(
                id: .make(), actor: Person.egor.user, action: .setPriority,
                body: Array(#"{"priority":"critical"}"#.utf8),
                language: .ru, instance: "6f9619ff-8b86-4011-b42d-00c04fc964ff", at: now, tickets: tickets)
            try await world.onItsLoop { world in
                let caller = Caller(user: Person.egor.user, token: .make(), expiresAt: nil)
                try await world.store.accept(batch, Access(caller, key: key))
            }
            let early = try await world.post("/v1/tickets/batch", body, as: .egor, key: "left")
            #expect(early.summary == "409 idempotency-key-in-progress")
            // Two instances find it at the same time.
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        _ = try? await world.onItsLoop { try await $0.api.finishAbandonedBatches(olderThan: 0) }
                    }
                }
            }
            let reply = try await world.post("/v1/tickets/batch", body, as: .egor, key: "left")
            #expect(reply.fields.first("idempotency-replayed") == "true")
            let statuses = reply["results"].array.compactMap { $0["status"].integer }
            #expect(statuses == [200, 200, 200, 200, 409, 404, 404], "\(reply.json)")
            let problem = reply["results"][5]["problem"]
            #expect(problem["instance"].string == "urn:uuid:\(batch.instance)")
            for id in tickets.prefix(4) {
                let events = try await world.get("/v1/tickets/\(id)/events", as: .egor)["items"].array
                #expect(events.count { $0["action"].string == "set_priority" } == 1)
            }
        }
    }
}
