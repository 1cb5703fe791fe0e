import HTTPWire
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// Lists, figures, calendars, the job and what is installed.
@Suite struct ServiceTests {
    @Test func `pages show everything once, whatever the order and while tickets are added`() async throws {
        try await World.with { world in
            var all: [String] = []
            for index in 0..<7 {
                world.clock.now = world.clock.now.adding(seconds: index % 2 == 0 ? 1 : 0)
                all.append(try await world.ticket(index == 3 ? .solved : .registered, blocking: index == 5))
            }
            for sort in TicketSort.allCases {
                var path: String? = "/v1/tickets?sort=\(sort.rawValue)&limit=3&organization=acme"
                var seen: [String] = []
                while let next = path {
                    let page = try await world.get(next, as: .egor)
                    try #require(page.status == 200, "\(sort): \(page.json)")
                    seen += page["items"].array.compactMap { $0["id"].string }
                    let link = page.fields.first("link")
                    #expect((link == nil) == page["next_cursor"].isNull)
                    path = link.map { String($0.dropFirst().prefix { $0 != ">" }) }
                    if seen.count == 3, sort == .oldestFirst { all.append(try await world.ticket()) }
                }
                #expect(Set(seen) == Set(all), "\(sort)")
                #expect(seen.count == all.count)
                if sort == .triage { #expect(seen.first == all[5]) }
                if sort == .autoClose { #expect(seen.first == all[3]) }
            }
            let cursor = try #require(try await world.get("/v1/tickets?limit=1", as: .egor)["next_cursor"].string)
            #expect(try await world.get("/v1/tickets?cursor=\(cursor)", as: .egor).status == 200)
            for wrong in ["/v1/tickets?sort=triage&cursor=", "/v1/users?cursor=", "/v1/tickets?state=open&cursor="] {
                #expect(try await world.get(wrong + cursor, as: .egor).faults == ["?cursor not_a_cursor"])
            }
        }
    }

    @Test func `words are searched for, and faults in them are told`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned)
            let said = try await world.post(
                "/v1/tickets/\(id)/comments", #"{"body":"Тайные слова","internal":true}"#, as: .egor)
            #expect(said.status == 201)
            func found(_ q: String, _ person: Person) async throws -> Reply {
                try await world.get("/v1/tickets?state=open&q=\(q)", as: person)
            }
            for (q, person, count) in [
                (id, Person.egor, 1), (id, .carla, 1), (id, .gina, 0),
                ("%D1%82%D0%B0%D0%B9%D0%BD%D0%BE%D0%B5", .egor, 1),
                ("%D1%82%D0%B0%D0%B9%D0%BD%D0%BE%D0%B5", .carla, 0), ("nowhere", .egor, 0),
                ("%27+%7C+%3A%2A", .carla, 1),
            ] {
                let reply = try await found(q, person)
                #expect(reply.status == 200 && reply["items"].array.count == count, "\(q) \(person) \(reply.json)")
            }
            let long = String(repeating: "a", count: 257)
            for (q, fault) in [
                ("", "?q blank"), ("%20%09", "?q blank"), ("a%00", "?q nul_character"), (long, "?q too_long"),
                ("a&q=b", "?q repeated_parameter"), ("%FF", "?q not_utf8"),
            ] {
                let reply = try await found(q, .egor)
                #expect(reply.status == 422 && reply.faults == [fault], "\(q) \(reply.json)")
            }
            #expect(try await found(String(repeating: "%D0%AF", count: 256), .egor).status == 200)
        }
    }

    @Test func `filters narrow the list`() async throws {
        try await World.with { world in
            let mine = try await world.ticket(.assigned, more: #","tags":["vip","два слова"]"#)
            world.clock.now = world.clock.now.adding(seconds: 1)
            let closed = try await world.ticket(.closed, product: "omnivox")
            func list(_ query: String, as person: Person = .egor) async throws -> [String] {
                try await world.get("/v1/tickets?\(query)", as: person)["items"].array.compactMap { $0["id"].string }
            }
            #expect(try await list("assignee=me") == [mine])
            #expect(try await list("assignee=none") == [closed])
            #expect(try await list("assignee=\(Person.lena.id)") == [])
            #expect(try await list("state=open") == [mine])
            #expect(try await list("state=closed&state=assigned") == [closed, mine])
            #expect(try await list("sort=triage") == [mine])
            #expect(try await list("tag=vip") == [mine])
            #expect(try await list("tag=%D0%B4%D0%B2%D0%B0+%D1%81%D0%BB%D0%BE%D0%B2%D0%B0") == [mine])
            #expect(try await list("product=omnivox&kind=service_request&priority=normal") == [closed])
            #expect(try await list("registered_from=2026-11-20T09:30:01Z") == [closed])
            #expect(try await list("registered_to=2026-11-20T12:30:01%2B03:00") == [mine])
            #expect(try await list("overdue=true") == [])
            #expect(try await list("organization=globex", as: .carla) == [])
            #expect(try await list("", as: .gina) == [])
            let summary = try await world.get("/v1/queue/summary", as: .egor)
            #expect(summary["open"].integer == 1)
            #expect(summary["by_assignee"][0]["assignee"]["name"].string == "egor")
        }
    }

    @Test func `the job closes what nobody answered, as planned, and says so again`() async throws {
        try await World.with { world in
            let due = try await world.ticket(.solved)
            let at = try #require(try await world.get("/v1/tickets/\(due)", as: .egor)["auto_close_at"].string)
            func run(_ body: String, key: String? = nil) async throws -> Reply {
                try await world.post("/v1/jobs/auto-close", body, as: .sven, key: key)
            }
            let early = try await run(#"{"dry_run":true}"#)
            #expect(early["due"].integer == 0 && early["closed"].integer == 0)
            let dry = try await run(#"{"dry_run":true,"as_of":"\#(at)"}"#)
            #expect(dry["due"].integer == 1 && dry["tickets"].strings == [due], "\(dry.json)")
            #expect(dry.json.names == ["run_id", "as_of", "dry_run", "due", "closed", "plan", "tickets"])
            let plan = try #require(dry["plan"].string)
            #expect(try await run(#"{"plan":"\#(plan)"}"#).summary == "409 plan-changed")
            world.clock.now = try #require(Instant(rfc3339: at))
            let again = try await run(#"{"dry_run":true}"#)
            let closing = #"{"plan":"\#(again["plan"].string ?? "")"}"#
            let closed = try await run(closing, key: "night")
            #expect(closed["closed"].integer == 1, "\(closed.json)")
            let replay = try await run(closing, key: "night")
            #expect(replay.body == closed.body && replay.fields.first("idempotency-replayed") == "true")
            #expect(try await run(closing).summary == "409 plan-changed")
            let ticket = try await world.get("/v1/tickets/\(due)", as: .carla)
            #expect(ticket["close_reason"].string == "no_response")
            let event = try await world.get("/v1/tickets/\(due)/events", as: .carla)["items"].array.last
            #expect(event?["actor"].description == #"{"id":null,"name":"auto-close","role":"service"}"#)
            #expect(event?["clause"].string == "3.5")
            let runs = try await world.get("/v1/jobs/runs", as: .adam)["items"].array
            #expect(runs.count == 4 && runs.allSatisfy { $0["started_by"].string == Person.sven.id })
        }
    }

    @Test func `runs wait for one another and hold nobody else up`() async throws {
        try await World.with { world in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await world.post("/v1/jobs/auto-close", as: .sven).status }
                    group.addTask { try await world.get("/v1/tickets", as: .egor).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.allSatisfy { $0 == 200 }, "\(statuses)")
        }
    }

    @Test func `a calendar counts a deadline and names its days`() async throws {
        try await World.with { world in
            let path = "/v1/calendars/ru/deadline"
            let reply = try await world.get(
                "\(path)?from=2025-12-30T10:00:00%2B03:00&working_days=2", as: .carla,
                fields: [("Accept-Language", "ru")])
            #expect(reply.status == 200, "\(reply.json)")
            #expect(
                reply.json.names == [
                    "from", "working_days", "calendar", "calendar_version", "time_zone", "deadline", "days",
                ])
            let days = reply["days"].array
            #expect(days.filter { $0["counted"].bool == true }.compactMap { $0["number"].integer } == [1, 2])
            #expect(days.contains { $0["counted"].bool == false && $0["name"].string != nil })
            func faults(_ query: String) async throws -> [String] {
                try await world.get("\(path)?\(query)", as: .carla).faults
            }
            #expect(try await faults("") == ["?from missing", "?working_days missing"])
            #expect(
                try await faults("from=x&working_days=-1&time_zone=Mars&y=1") == [
                    "?from not_a_time", "?working_days out_of_range", "?time_zone unknown_time_zone",
                    "?y unknown_parameter",
                ])
            #expect(
                try await faults("from=2026-11-20T09:30:00Z&working_days=9999") == [
                    "?working_days calendar_not_covered"
                ])
            #expect(try await world.get("/v1/calendars/xx/deadline", as: .carla).summary == "404 not-found")
            let zero = try await world.get("\(path)?from=2026-11-20T09:30:00.123Z&working_days=0", as: .carla)
            #expect(zero["deadline"].string == "2026-11-20T09:30:00.123Z")
        }
    }

    @Test func `what is installed is listed`() async throws {
        try await World.with { world in
            let codes = ["call-to-visit", "dialog", "maics", "omnivox", "smartivr"]
            #expect(
                try await world.get("/v1/products", as: .carla)["items"].array.compactMap { $0["code"].string } == codes
            )
            let first = try await world.get("/v1/policies?limit=2", as: .carla)
            let second = try await world.get("/v1/policies?cursor=\(first["next_cursor"].string ?? "")", as: .carla)
            #expect((first["items"].array + second["items"].array).compactMap { $0["code"].string } == codes)
            #expect(second["next_cursor"].isNull)
            #expect(try await world.get("/v1/policies/dialog", as: .carla)["auto_close_after_working_days"].isNull)
            #expect(try await world.get("/v1/policies/none", as: .carla).summary == "404 not-found")
        }
    }

    @Test func `the service says how it is and what its problems mean`() async throws {
        try await World.with { world in
            #expect(try await world.call("GET", "/healthz").json.description == #"{"status":"ok"}"#)
            #expect(try await world.call("GET", "/readyz").status == 200)
            for type in ProblemType.allCases {
                let page = try await world.call(
                    "GET", "/problems/\(type.rawValue)", fields: [("Accept-Language", "ru")])
                #expect(page.status == 200 && page.fields.first("content-type") == "text/html; charset=utf-8")
            }
            #expect(try await world.call("GET", "/problems/none").summary == "404 not-found")
            let garbage = try Reply(try await SocketClient.exchange(port: world.port, Array("GARBAGE\r\n\r\n".utf8)))
            #expect(garbage.summary == "400 malformed-request")
            let large = String(repeating: " ", count: 1_048_577)
            #expect(try await world.post("/v1/tickets", large, as: .carla).summary == "413 content-too-large")
        }
    }

    /// As `respond` answers it, but for what names the one request.
    @Test func `what needs neither a caller nor the database is answered at once`() async throws {
        try await World.with { world in
            let alike = ["content-type", "content-language", "content-length", "allow", "cache-control", "vary"]
            for (method, path, status) in [
                ("GET", "/healthz", 200), ("HEAD", "/healthz", 200), ("POST", "/healthz", 405), ("GET", "/none", 404),
                ("GET", "/%ff", 400), ("OPTIONS", "*", 405), ("GET", "/v1", 404),
            ] {
                for language in ["en", "ru"] {
                    let request = Request(
                        method: method, target: path, path: path, fields: Fields([("Accept-Language", language)]))
                    let (ready, awaited) = await Task(executorPreference: world.loop) {
                        (await Self.prompt(request, world, waits: false), await world.api.respond(request))
                    }.value
                    let response = try #require(ready, "\(path)")
                    #expect(response.status == status, "\(path)")
                    #expect(awaited.status == status)
                    for name in alike { #expect(response.fields.values(name) == awaited.fields.values(name)) }
                    #expect(world.observed.answered.suffix(2).map(\.status) == [status, status])
                }
            }
            for path in ["/readyz", "/docs", "/openapi.json", "/metrics", "/problems", "/v1/tickets", "/v1/none"] {
                let request = Request(method: "GET", target: path, path: path)
                let isPrompt = await Task(executorPreference: world.loop) {
                    world.api.respondPromptly(request) != nil
                }.value
                #expect(!isPrompt, "\(path)")
            }
        }
    }

    /// As `respond` answers it, whatever it answers.
    @Test func `a ticket is read without a task for whoever is remembered`() async throws {
        try await World.with { world in
            let id = try await world.ticket()
            let own = try await world.get("/v1/tickets/\(id)", as: .carla)
            let tag = try #require(own.fields.first("etag"))
            let asked: [(path: String, query: String?, person: Person, fields: [(String, String)], status: Int)] = [
                (id, nil, .egor, [], 200), (id, nil, .carla, [], 200), (id, nil, .gina, [], 404),
                (id, nil, .carla, [("If-None-Match", tag)], 304), (id, "x=1", .egor, [], 422),
                ("none", nil, .egor, [], 404),
                ("MAICS-999999", nil, .egor, [], 404), (id, nil, .egor, [("Accept", "image/png")], 406),
                (id, nil, .egor, [("Idempotency-Key", "k"), ("Accept-Language", "ru")], 200),
            ]
            for (path, query, person, fields, status) in asked {
                let target = "/v1/tickets/\(path)"
                let request = Request(
                    method: "GET", target: target, path: target, query: query,
                    fields: Fields([("Authorization", "Bearer \(Person.secrets[person] ?? "")")] + fields))
                var response: Response?
                var awaited: Response?
                // Whom nobody has seen for a second is not remembered.
                for _ in 0..<100 where response == nil {
                    (awaited, response) = await Task(executorPreference: world.loop) {
                        (await world.api.respond(request), await Self.prompt(request, world))
                    }.value
                }
                guard let response, let awaited else {
                    Issue.record("\(path) \(person)")
                    continue
                }
                #expect(response.status == status && awaited.status == status, "\(path) \(person)")
                for name in ["content-type", "content-language", "etag", "cache-control", "vary"] {
                    #expect(response.fields.values(name) == awaited.fields.values(name))
                }
                if status < 400 { #expect(Self.bytes(response) == Self.bytes(awaited)) }
                let noted = try #require(world.observed.answered.suffix(2).first)
                let prompt = try #require(world.observed.answered.last)
                #expect(noted.status == prompt.status && noted.route == prompt.route)
                #expect(noted.principal == prompt.principal && noted.problem == prompt.problem)
                #expect(noted.bodyBytes == prompt.bodyBytes)
                if status == 200 { #expect(prompt.database > 0 && prompt.encode > 0) }
            }
            let target = "/v1/tickets/\(id)"
            let strangers = [
                Request(method: "GET", target: target, path: target),
                Request(
                    method: "GET", target: target, path: target,
                    fields: Fields([("Authorization", "Bearer \(TokenSecret.make())")])),
                Request(
                    method: "HEAD", target: target, path: target,
                    fields: Fields([("Authorization", "Bearer \(Person.secrets[.egor] ?? "")")])),
            ]
            for request in strangers {
                let prompt = await Task(executorPreference: world.loop) { await Self.prompt(request, world) }.value
                #expect(prompt == nil)
            }
        }
    }

    /// RFC 9110, 13.1.1 and 13.1.2.
    @Test func `a condition that does not hold changes nothing, and shows nothing`() async throws {
        try await World.with { world in
            let path = "/v1/tickets/\(try await world.ticket())"
            let tag = try #require(try await world.get(path, as: .egor).fields.first("etag"))
            for (fields, status) in [
                ([("If-Match", tag)], 200), ([("If-Match", "*")], 200), ([("If-Match", "\"1-gone\"")], 412),
                ([("If-Match", "W/\(tag)")], 412), ([("If-Match", tag), ("If-None-Match", tag)], 304),
                ([("If-Match", "\"x\""), ("If-None-Match", tag)], 412), ([("If-None-Match", ",\(tag)")], 304),
            ] {
                #expect(try await world.get(path, as: .egor, fields: fields).status == status, "\(fields)")
            }
            for page in ["/openapi.json", "/docs", "/problems", "/problems/not-found"] {
                #expect(try await world.get(page, as: .egor, fields: [("If-Match", "\"x\"")]).status == 412)
            }
            for unless in [tag, "*", "W/\(tag)"] {
                let fields = [("If-Match", tag), ("If-None-Match", unless)]
                let edited = try await world.call("PATCH", path, #"{"tags":["x"]}"#, as: .egor, fields: fields)
                #expect(edited.summary == "412 stale-version")
                let said = try await world.call("POST", path + "/comments", #"{"body":"x"}"#, as: .egor, fields: fields)
                #expect(said.summary == "412 stale-version")
            }
            let fields = [("If-Match", tag), ("If-None-Match", "\"9-x\"")]
            #expect(try await world.call("PATCH", path, #"{"tags":["x"]}"#, as: .egor, fields: fields).status == 200)
        }
    }

    /// Nil: a task is needed, or the database, which nothing `waits` for.
    private static func prompt(_ request: Request, _ world: World, waits: Bool = true) async -> Response? {
        switch world.api.respondPromptly(request) {
        case .now(let response)?: return response
        case .later(let start)? where waits:
            return await withUnsafeContinuation { continuation in start { continuation.resume(returning: $0) } }
        case .later?, nil: return nil
        }
    }

    private static func bytes(_ response: Response) -> [UInt8]? {
        if case .bytes(let bytes) = response.body { bytes } else { nil }
    }

    @Test func `explain tells a customer why`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.solved, product: "omnivox")
            let reply = try await world.get("/v1/tickets/\(id)/explain", as: .cody)
            #expect(reply["state"].string == "solved_awaiting_confirmation")
            #expect(reply["since"].string == Sample.now.rfc3339)
            let confirm = reply["next"].array.first { $0["action"].string == "confirm" }
            #expect(confirm?["allowed"].bool == false)
            #expect(confirm?["because"].string?.contains("contract") == true)
            #expect(reply["auto_close"]["working_days"].integer == 14)
            #expect(try await world.get("/v1/tickets/\(id)/explain?x=1", as: .cody).faults == ["?x unknown_parameter"])
        }
    }
}
