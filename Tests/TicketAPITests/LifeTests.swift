import HTTPWire
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// What can be done to a ticket, from its registration to its end.
@Suite struct LifeTests {
    @Test func `a step is never earlier than what it follows, whatever the clock says`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned)
            let before = try await world.get("/v1/tickets/\(id)", as: .egor)["updated_at"].string
            world.clock.now = Instant(milliseconds: world.clock.now.milliseconds - 3_600_000)
            try await world.comment(id, "an hour ago?")
            let after = try await world.get("/v1/tickets/\(id)", as: .egor)
            #expect(after["updated_at"].string == before && after["version"].integer == 3)
            let times = try await world.get("/v1/tickets/\(id)/events", as: .egor)["items"].array.map {
                $0["at"].string ?? ""
            }
            #expect(times.count == 3 && times == times.sorted())
        }
    }

    @Test func `a ticket goes all the way, each step with one event and one version`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned, product: "omnivox")
            let path = "/v1/tickets/\(id)"
            let steps: [(String, String, Person, String)] = [
                ("request-information", #"{"comment":"Which build?"}"#, .egor, "awaiting_information"),
                ("comments", #"{"body":"4.2.1"}"#, .carla, "assigned"),
                ("solve", #"{"comment":"Update."}"#, .lena, "solved_awaiting_confirmation"),
                ("dispute", #"{"reason":"No change."}"#, .cody, "assigned"),
                ("solve", #"{"comment":"Update again."}"#, .egor, "solved_awaiting_confirmation"),
                ("confirm", "{}", .carla, "closed"),
            ]
            for (index, (step, body, person, state)) in steps.enumerated() {
                world.clock.now = world.clock.now.adding(seconds: 60)
                let reply = try await world.post("\(path)/\(step)", body, as: person)
                #expect(reply.status == (step == "comments" ? 201 : 200), "\(step): \(reply.json)")
                let ticket = try await world.get(path, as: person)
                #expect(ticket["state"].string == state)
                #expect(ticket["version"].integer == index + 3)
                if step != "comments" {
                    #expect(ticket.body == reply.body, "\(step) answers what a reader then sees")
                    #expect(ticket.fields.first("etag") == reply.fields.first("etag"))
                }
            }
            let ticket = try await world.get(path, as: .carla)
            #expect(ticket["close_reason"].string == "confirmed")
            #expect(ticket["dispute_count"].integer == 1)
            #expect(ticket["solution"]["comment"].string == "Update again.")
            let events = try await world.get("\(path)/events", as: .carla)["items"].array
            #expect(
                events.compactMap { $0["action"].string } == [
                    "register", "assign", "request_information", "comment", "solve", "dispute", "solve", "confirm",
                ])
            #expect(events.compactMap { $0["seq"].integer } == Array(1...8))
            let comments = try await world.get("\(path)/comments", as: .carla)["items"].array
            #expect(comments.count == 5)
            #expect(comments.compactMap { $0["id"].string } == events.compactMap { $0["comment_id"].string })
        }
    }

    @Test(arguments: State.allCases)
    func `a call that the state lacks is 409 with what is possible, before its body is looked into`(
        state: State
    ) async throws {
        try await World.with { world in
            let id = try await world.ticket(state)
            let calls: [(String, Action, Person)] = [
                ("assign", .assign, .egor), ("request-information", .requestInformation, .egor),
                ("solve", .solve, .egor),
                ("merge", .merge, .egor), ("comments", .comment, .egor), ("confirm", .confirm, .carla),
                ("dispute", .dispute, .carla), ("withdraw", .withdraw, .carla), ("comments", .comment, .carla),
            ]
            for (call, action, person) in calls {
                let reply = try await world.post("/v1/tickets/\(id)/\(call)", #"{"x":1}"#, as: person)
                if Lifecycle.table[state]?[action] == nil {
                    #expect(reply.summary == "409 transition-not-allowed", "\(call)")
                    #expect(reply["state"].string == state.rawValue)
                    let actions = try await world.get("/v1/tickets/\(id)", as: person)["actions"].strings
                    #expect(reply["actions"].strings == actions)
                } else {
                    #expect(reply.summary == "422 invalid-input", "\(call)")
                    #expect(reply.faults.contains("/x unknown_member"))
                }
            }
        }
    }

    @Test func `the checks come in the contract's order`() async throws {
        try await World.with { world in
            let open = "/v1/tickets/\(try await world.ticket())"
            let closed = "/v1/tickets/\(try await world.ticket(.closed))"
            let solved = "/v1/tickets/\(try await world.ticket(.solved, product: "omnivox"))"
            func ask(
                _ method: String, _ path: String, _ body: String?, _ person: Person?, _ fields: (String, String)...
            ) async throws -> String {
                try await world.call(method, path, body, as: person, fields: fields).summary
            }
            let stale = ("If-Match", "\"99-0\"")
            #expect(try await ask("POST", "/v1/nothing", "{", nil) == "404 not-found")
            #expect(try await ask("PUT", open, "{", nil) == "405 method-not-allowed")
            #expect(try await ask("POST", "\(open)/assign", "{", nil) == "401 unauthorized")
            #expect(try await ask("GET", open, nil, .carla, ("Accept", "text/html")) == "406 not-acceptable")
            #expect(try await ask("POST", "/v1/tickets/MAICS-99/assign", "{", .egor) == "400 invalid-json")
            #expect(
                try await ask("POST", "\(open)/assign", "{}", .egor, ("Content-Type", "text/plain"))
                    == "415 unsupported-media-type")
            #expect(try await ask("POST", "/v1/tickets/MAICS-99/assign", "{}", .egor) == "404 not-found")
            #expect(try await ask("POST", "\(open)/assign", "{}", .gina) == "404 not-found")
            #expect(try await ask("POST", "/v1/tickets/MAICS-99/assign", "{}", .sven) == "403 forbidden")
            #expect(try await ask("POST", "\(closed)/assign", "{}", .carla, stale) == "403 forbidden")
            #expect(try await ask("POST", "\(closed)/confirm", "{}", .adam) == "403 forbidden")
            #expect(try await ask("POST", "\(closed)/assign", "{}", .egor, stale) == "412 stale-version")
            #expect(try await ask("PATCH", closed, "{}", .egor) == "428 precondition-required")
            #expect(
                try await ask("PATCH", closed, #"{"x":1}"#, .egor, ("If-Match", "*")) == "409 transition-not-allowed")
            #expect(try await ask("POST", "\(open)/confirm", #"{"x":1}"#, .cody) == "409 transition-not-allowed")
            #expect(try await ask("POST", "\(solved)/confirm", #"{"x":1}"#, .cody) == "403 not-authorised-to-confirm")
            #expect(try await ask("POST", "\(solved)/confirm", #"{"x":1}"#, .carla) == "422 invalid-input")
            #expect(try await ask("GET", "\(open)?x=1", nil, .carla) == "422 invalid-input")
            #expect(try await ask("GET", "/v1/tickets/MAICS-99?x=1", nil, .carla) == "404 not-found")
            #expect(try await ask("GET", "/healthz?x=1", nil, nil) == "200")
        }
    }

    /// A ticket that is there has an empty page of what it has none of; one that is not has none, whatever else is wrong.
    @Test(arguments: ["comments", "events", "attachments", "explain"])
    func `what belongs to a ticket is not found where the ticket is not`(part: String) async throws {
        try await World.with { world in
            let id = try await world.ticket()
            for person in [Person.egor, .carla] {
                let path = "/v1/tickets/\(id)/\(part)"
                let found = try await world.get(path, as: person)
                #expect(found.status == 200)
                if part != "explain" { #expect(found["items"].array.isEmpty == (part != "events")) }
                #expect(try await world.get("\(path)?x=1", as: person).summary == "422 invalid-input")
                for wrong in ["", "?x=1"] {
                    let missing = try await world.get("/v1/tickets/MAICS-99/\(part)\(wrong)", as: person)
                    #expect(missing.summary == "404 not-found", "\(part)\(wrong)")
                }
            }
            for wrong in ["", "?x=1"] {
                #expect(
                    try await world.get("/v1/tickets/\(id)/\(part)\(wrong)", as: .gina).summary == "404 not-found")
            }
        }
    }

    @Test func `another organization's customer sees nothing of a ticket`() async throws {
        try await World.with { world in
            let id = try await world.ticket()
            for route in Route.all where route.path.hasPrefix("/v1/tickets/{id}") {
                let path = route.path.replacing("{id}", with: id).replacing("{type}", with: "follows")
                    .replacing("{ticket}", with: id)
                let body = ["POST", "PATCH"].contains(route.method) ? "{}" : nil
                let reply = try await world.call(route.method, path, body, as: .gina)
                #expect(reply.summary == "404 not-found", "\(route.method) \(route.path)")
            }
            #expect(try await world.get("/v1/tickets", as: .gina)["items"].array.isEmpty)
            let follows =
                #"{"product":"maics","kind":"consultation","subject":"S","description":"D","follows":"\#(id)"}"#
            let missing = follows.replacing(id, with: "MAICS-99999")
            let one = try await world.post("/v1/tickets", follows, as: .gina)
            let other = try await world.post("/v1/tickets", missing, as: .gina)
            #expect(one.faults == ["/follows not_found"])
            #expect(one["errors"].description == other["errors"].description)
        }
    }

    @Test func `parts are solved with their whole, and wait with it for a release`() async throws {
        try await World.with { world in
            let whole = try await world.ticket(.assigned, blocking: true)
            func part() async throws -> String {
                let id = try await world.ticket()
                let link = #"{"type":"part_of","ticket":"\#(whole)"}"#
                let linked = try await world.post("/v1/tickets/\(id)/links", link, as: .egor)
                #expect(linked.status == 201)
                #expect(linked["links"][0]["type"].string == "part_of")
                let again = try await world.post("/v1/tickets/\(id)/links", link, as: .egor)
                #expect(again.summary == "409 already-exists")
                return id
            }
            let parts = [try await part(), try await part()]
            let links = try await world.get("/v1/tickets/\(whole)", as: .egor)["links"].array
            #expect(links.compactMap { $0["ticket"].string } == parts)
            #expect(Set(links.compactMap { $0["type"].string }) == ["has_part"])

            let release = #"{"product":"maics","version":"4.2.2"}"#
            #expect(try await world.post("/v1/releases", release, as: .lena).status == 201)
            #expect(try await world.post("/v1/releases", release, as: .lena).summary == "409 already-exists")
            let solve = #"{"comment":"Next build.","type":"mass_update","release":"4.2.2"}"#
            let waiting = try await world.post("/v1/tickets/\(whole)/solve", solve, as: .egor)
            #expect(waiting["state"].string == "assigned" && waiting["solved_at"].isNull)
            #expect(waiting["solution"]["release"].string == "4.2.2")
            for part in parts {
                let ticket = try await world.get("/v1/tickets/\(part)", as: .carla)
                #expect(ticket["state"].string == "registered")
                #expect(ticket["solution"]["release"].string == "4.2.2")
            }
            let publish = "/v1/releases/maics/4.2.2/publish"
            let published = try await world.post(publish, as: .lena, key: "publish")
            #expect(published["solved"].integer == 3, "\(published.json)")
            #expect(Set(published["tickets"].strings) == Set(parts + [whole]))
            let replay = try await world.post(publish, as: .lena, key: "publish")
            #expect(replay.body == published.body && replay.fields.first("idempotency-replayed") == "true")
            #expect(try await world.post(publish, as: .lena).summary == "409 already-published")
            for id in parts + [whole] {
                let ticket = try await world.get("/v1/tickets/\(id)", as: .carla)
                #expect(ticket["state"].string == "solved_awaiting_confirmation")
                let events = try await world.get("/v1/tickets/\(id)/events", as: .carla)["items"].array
                #expect(events.last?["action"].string == "solve")
                #expect(events.last?["actor"]["name"].string == "lena")
            }
        }
    }

    @Test func `a part that was asked for information is solved too, once however often the call is retried`()
        async throws
    {
        try await World.with { world in
            let whole = try await world.ticket(.assigned, blocking: true)
            let part = try await world.ticket(.awaitingInformation)
            let link = #"{"type":"part_of","ticket":"\#(whole)"}"#
            #expect(try await world.post("/v1/tickets/\(part)/links", link, as: .egor).status == 201)
            let path = "/v1/tickets/\(whole)/solve"
            let first = try await world.post(path, #"{"comment":"C"}"#, as: .egor, key: "whole")
            let again = try await world.post(path, #"{"comment":"C"}"#, as: .egor, key: "whole")
            #expect(again.body == first.body && again.fields.first("idempotency-replayed") == "true")
            let ticket = try await world.get("/v1/tickets/\(part)", as: .carla)
            #expect(ticket["state"].string == "solved_awaiting_confirmation")
            #expect(ticket["solution"]["comment"].string == "C")
            #expect(try await world.get("/v1/tickets/\(part)/comments", as: .carla)["items"].array.count == 2)
        }
    }

    @Test func `a solution's faults are all found`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned)
            func solve(_ body: String) async throws -> [String] {
                try await world.post("/v1/tickets/\(id)/solve", body, as: .egor).faults
            }
            #expect(try await solve("{}") == ["/comment missing"])
            #expect(try await solve(#"{"comment":" ","type":"magic"}"#) == ["/comment blank", "/type not_one_of"])
            #expect(try await solve(#"{"comment":"C","release":"1.0"}"#) == ["/release not_allowed_here"])
            #expect(try await solve(#"{"comment":"C","type":"mass_update"}"#) == ["/release missing"])
            #expect(try await solve(#"{"comment":"C","type":"mass_update","release":"9.9"}"#) == ["/release not_found"])
            #expect(try await solve(#"{"comment":"C","type":"mass_update","release":"v1"}"#) == ["/release not_found"])
        }
    }

    @Test func `assignees are distinct active employees`() async throws {
        try await World.with { world in
            let id = try await world.ticket()
            func assign(_ ids: [String]) async throws -> [String] {
                let list = ids.map { "\"\($0)\"" }.joined(separator: ",")
                return try await world.post("/v1/tickets/\(id)/assign", "{\"assignees\":[\(list)]}", as: .egor).faults
            }
            let (egor, carla) = (Person.egor.id, Person.carla.id)
            #expect(try await assign([]) == ["/assignees empty"])
            #expect(try await assign([egor, egor]) == ["/assignees/1 duplicate"])
            #expect(
                try await assign([carla, egor, "u_nobody", Person.sven.id]) == [
                    "/assignees/0 not_an_active_employee", "/assignees/2 not_an_active_employee",
                    "/assignees/3 not_an_active_employee",
                ])
            let mixed = #"{"assignees":["\#(egor)","\#(carla)",5,"\#(egor)","u_x"]}"#
            #expect(
                Set(try await world.post("/v1/tickets/\(id)/assign", mixed, as: .egor).faults) == [
                    "/assignees/1 not_an_active_employee", "/assignees/2 not_a_string", "/assignees/3 duplicate",
                    "/assignees/4 not_an_active_employee",
                ])
            #expect(try await assign([egor, Person.adam.id]).isEmpty)
        }
    }

    /// And in those of the ticket's own regulation.
    @Test func `a step that a state does not allow is refused in the client's words`() async throws {
        try await World.with { world in
            let path = "/v1/tickets/\(try await world.ticket())/confirm"
            for (language, detail) in [
                ("en", "The ticket is in the state “Registered”, which does not allow this."),
                ("ru", "Заявка находится в состоянии «Зарегистрирован», которое этого не допускает."),
            ] {
                let reply = try await world.call("POST", path, as: .carla, fields: [("Accept-Language", language)])
                #expect(reply.summary == "409 transition-not-allowed" && reply["state"].string == "registered")
                #expect(reply["detail"].string == detail)
            }
        }
    }

    @Test func `a merge and links are judged at their member`() async throws {
        try await World.with { world in
            let id = try await world.ticket()
            let closed = try await world.ticket(.closed)
            let other = try await world.ticket(product: "omnivox")
            func merge(_ into: String) async throws -> [String] {
                try await world.post("/v1/tickets/\(id)/merge", #"{"into":"\#(into)"}"#, as: .egor).faults
            }
            #expect(try await merge(id) == ["/into itself"])
            #expect(try await merge(closed) == ["/into closed"])
            #expect(try await merge(other) == ["/into other_product"])
            #expect(try await merge("MAICS-999999") == ["/into not_found"])
            #expect(try await merge("nonsense") == ["/into not_found"])
            let target = try await world.ticket()
            let merged = try await world.post("/v1/tickets/\(id)/merge", #"{"into":"\#(target)"}"#, as: .egor)
            #expect(merged["close_reason"].string == "duplicate")
            #expect(merged["links"].description == #"[{"type":"duplicate_of","ticket":"\#(target)"}]"#)
            let link = "/v1/tickets/\(id)/links/duplicate_of/\(target)"
            #expect(try await world.call("DELETE", link, as: .egor).status == 204)
            #expect(try await world.call("DELETE", link, as: .egor).summary == "404 not-found")
            let bad = try await world.post("/v1/tickets/\(id)/links", #"{"type":"has_part"}"#, as: .egor)
            #expect(bad.faults == ["/type not_one_of", "/ticket missing"])
        }
    }

    @Test func `internal comments are for employees and leave no trace for customers`() async throws {
        try await World.with { world in
            let path = "/v1/tickets/\(try await world.ticket())"
            let before = try await world.get(path, as: .egor)
            let said = try await world.post("\(path)/comments", #"{"body":"Hm.","internal":true}"#, as: .egor)
            #expect(said.status == 201 && said["internal"].bool == true)
            let after = try await world.get(path, as: .egor)
            #expect(after.body == before.body && after.fields.first("etag") == before.fields.first("etag"))
            #expect(try await world.get("\(path)/comments", as: .egor)["items"].array.count == 1)
            #expect(try await world.get("\(path)/comments", as: .carla)["items"].array.isEmpty)
            #expect(try await world.get("\(path)/events", as: .carla)["items"].array.count == 1)
            let refused = try await world.post("\(path)/comments", #"{"body":"Hm.","internal":false}"#, as: .carla)
            #expect(refused.faults == ["/internal not_yours"])
        }
    }

    @Test func `of many who race one wins, and no update is lost`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.solved)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        index % 2 == 0
                            ? try await world.post("/v1/tickets/\(id)/confirm", as: .carla).status
                            : try await world.post("/v1/tickets/\(id)/dispute", #"{"reason":"R"}"#, as: .cody).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1)
            #expect(Set(statuses) == [200, 409])
            #expect(try await world.get("/v1/tickets/\(id)", as: .carla)["version"].integer == 4)
        }
    }
}
