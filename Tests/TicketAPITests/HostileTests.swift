import EventLoop
import HTTPWire
import Regulations
import TestKit
import Testing
import TicketStore
import Tickets

@testable import TicketAPI

/// Values that want to break out of where they are put, and a database that is not there.
@Suite struct HostileTests {
    private static let values = [
        "%00", "%27%3B--", "%22", "%5C", "..", "%2e%2e%2f", "-1", "99999999999999999999", "MAICS-999999999999999999",
        "u_0000000000000000000000", "%F0%9F%92%A5", "%E2%80%AE", "%0d%0aX-Evil:1", "infinity", "null", "%7B%7D", "%25",
        "MAICS-0",
        String(repeating: "9", count: 4000),
    ]

    @Test func `no value in a path or a query is ever our fault`() async throws {
        try await World.with { world in
            for route in Route.all {
                for value in HostileTests.values {
                    let path = route.path.split(separator: "/").map { $0.hasPrefix("{") ? value : String($0) }
                    let body = ["POST", "PATCH"].contains(route.method) ? "{}" : nil
                    for person in [Person.adam, .carla] {
                        let reply = try await world.call(
                            route.method, "/" + path.joined(separator: "/"), body, as: person,
                            fields: [("If-Match", "*")])
                        #expect((200..<500).contains(reply.status), "\(route) \(value): \(reply.json)")
                        #expect(reply.fields.first("x-evil") == nil)
                    }
                    if !route.path.contains("{") { break }
                }
            }
            let parameters = [
                "state", "priority", "kind", "product", "organization", "assignee", "tag", "registered_from",
                "updated_to", "overdue", "sort", "limit", "cursor", "x",
            ]
            for parameter in parameters {
                for value in HostileTests.values {
                    let reply = try await world.get("/v1/tickets?\(parameter)=\(value)", as: .egor)
                    #expect([200, 422].contains(reply.status), "\(parameter)=\(value): \(reply.json)")
                }
            }
        }
    }

    @Test func `no member of a body is ever our fault`() async throws {
        try await World.with { world in
            let values = [
                "null", "\"\"", "\"\\u0000\"", "\"'; DROP TABLE tickets; --\"", "0", "-1", "1e999", "true", "[]",
                "[null]",
                "[[]]", "{}", "[\"u_0000000000000000000000\"]", "\"0000-00-00\"", "\"9999-12-31T23:59:59Z\"",
                "\"\\u202e\"",
            ]
            let members: [(String, [String])] = [
                (
                    "/v1/tickets",
                    ["product", "kind", "subject", "details", "tags", "organization", "reporter", "follows"]
                ),
                ("/v1/users", ["email", "name", "role", "organization", "active"]),
                (
                    "/v1/contracts",
                    ["organization", "product", "plan", "valid_from", "valid_to", "responsible_contacts"]
                ),
                ("/v1/releases", ["product", "version", "notes"]), ("/v1/organizations", ["code", "name"]),
                ("/v1/jobs/auto-close", ["dry_run", "as_of", "plan"]),
                ("/v1/users/\(Person.adam.id)/tokens", ["name", "expires_at"]),
                ("/v1/tickets/\(try await world.ticket(.assigned))/assign", ["assignees", "priority"]),
            ]
            for (path, names) in members {
                for name in names {
                    for value in values {
                        let reply = try await world.post(path, "{\"\(name)\":\(value)}", as: .adam)
                        #expect((200..<500).contains(reply.status), "\(path) \(name)=\(value): \(reply.json)")
                    }
                }
            }
            for body in [
                "", "{", "[]", "null", "1", "\u{FEFF}{}", "{\"a\":1,\"a\":2}", "{\"a\":NaN}", "\"\\ud800\"", "{}x",
            ] {
                let reply = try await world.post("/v1/tickets", body, as: .carla)
                #expect([400, 422].contains(reply.status), "\(body)")
            }
            #expect(world.observed.all.allSatisfy { if case .broke = $0 { false } else { true } })
        }
    }

    @Test func `a body full of faults gets an answer of a hundred`() async throws {
        try await World.with { world in
            let ones = Array(repeating: "1", count: 300_000).joined(separator: ",")
            let members = (0..<50_000).map { "\"x\($0)\":1" }.joined(separator: ",")
            for body in ["{\"tags\":[\(ones)]}", "{\(members)}", "{\"product\":\"maics\",\"details\":{\(members)}}"] {
                let reply = try await world.post("/v1/tickets", body, as: .carla)
                #expect(reply.status == 422 && reply.faults.count == 100 && reply.body.count < 30_000)
            }
            let few = try await world.post("/v1/tickets", #"{"tags":[1,1,1],"x":1}"#, as: .carla)
            #expect(few.faults.filter { $0.hasPrefix("/tags") }.count == 3 && few.faults.contains("/x unknown_member"))
        }
    }

    /// Of so many marks, which are not in canonical order, `==` takes minutes.
    private static func marks(_ bytes: Int) -> String { String(repeating: "\u{301}\u{323}", count: bytes / 4) }

    @Test(.timeLimit(.minutes(5))) func `no text takes longer than its length`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket(.assigned)
            let solved = try await world.ticket(.solved)
            let marks = Self.marks(150_000)
            let members: [(String, String, [String])] = [
                (
                    "POST", "/v1/tickets",
                    [
                        "product", "kind", "subject", "channel", "priority", "organization", "reporter", "follows",
                        "part_of",
                    ]
                ),
                ("PATCH", "/v1/tickets/\(ticket)", ["subject", "priority"]),
                ("POST", "/v1/tickets/\(ticket)/assign", ["priority", "comment"]),
                ("POST", "/v1/tickets/\(ticket)/solve", ["comment", "type", "release"]),
                ("POST", "/v1/tickets/\(solved)/merge", ["into", "comment"]),
                ("POST", "/v1/tickets/\(ticket)/comments", ["body", "internal"]),
                ("POST", "/v1/tickets/\(ticket)/links", ["type", "ticket"]),
                ("POST", "/v1/tickets/batch", ["action"]),
                ("POST", "/v1/users", ["email", "name", "role", "organization"]),
                ("PATCH", "/v1/users/\(Person.carla.id)", ["id", "email", "name", "role", "organization"]),
                ("POST", "/v1/users/\(Person.adam.id)/tokens", ["name", "expires_at"]),
                ("POST", "/v1/organizations", ["code", "name"]),
                ("PATCH", "/v1/organizations/acme", ["code", "name"]),
                ("POST", "/v1/contracts", ["organization", "product", "plan", "valid_from"]),
                ("POST", "/v1/releases", ["product", "version", "notes"]),
                ("POST", "/v1/jobs/auto-close", ["as_of", "plan"]),
            ]
            for (method, path, names) in members {
                let texts =
                    names.map { #"{"\#($0)":"\#(marks)"}"# } + [
                        #"{"\#(marks)":1}"#, #"{"\#(marks)":1,"\#(marks)x":2}"#,
                    ]
                for text in texts {
                    let reply = try await world.call(method, path, text, as: .adam, fields: [("If-Match", "*")])
                    #expect(
                        [403, 409, 422].contains(reply.status), "\(method) \(path) \(text.prefix(40)): \(reply.status)")
                }
            }
            let nested = [
                #"{"product":"maics","details":{"\#(marks)":"x"}}"#,
                #"{"product":"maics","details":{"x":"\#(marks)"}}"#,
                #"{"product":"maics","tags":["\#(marks)","\#(marks)"]}"#,
            ]
            for text in nested {
                #expect(try await world.post("/v1/tickets", text, as: .carla).status == 422)
            }
            for name in ["assignees", "tickets", "responsible_contacts"] {
                let path = ["assignees": "\(ticket)/assign", "tickets": "batch"][name].map { "/v1/tickets/\($0)" }
                let reply = try await world.post(
                    path ?? "/v1/contracts", #"{"\#(name)":["\#(marks)","\#(marks)"]}"#, as: .adam)
                #expect(reply.status == 422)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `no field takes longer than its length`() {
        let marks = Self.marks(1_000_000)
        #expect(!ContentType.admits(Fields([("content-type", marks)]), ContentType.json))
        #expect(!ContentType.admits(Fields([("content-type", "application/json;\(marks)")]), ContentType.json))
        #expect(!ContentType.isPlain(Fields([("content-encoding", marks)])))
        #expect(!Negotiation.acceptsJSON([marks]))
        #expect(!Negotiation.prefersEventStream([marks]))
        #expect(Negotiation.language([marks]) == .en)
        #expect(ByteRange([marks], size: 9) == .whole && ByteRange(["bytes=\(marks)"], size: 9) == .whole)
        #expect(!EntityTag.names([marks], "\"1\"") && MediaType.normalised(marks) == nil)
        #expect(RequestIdentity([marks]).id.utf8.count == 36 && API.token(Fields([("authorization", marks)])) == nil)
        let encoded = Self.marks(200_000).utf8.map { "%\(String($0, radix: 16))" }.joined()
        var query = QueryReader("state=\(encoded)&\(encoded)=1&sort=\(encoded)&overdue=\(encoded)&product=\(encoded)")
        #expect(query.strings("state").isEmpty && query.choice("sort", of: TicketSort.self) == nil)
        #expect(query.bool("overdue") == nil && query.string("product") == nil)
        query.finish()
        #expect(query.faults.count == 5)
    }

    /// Their sum is no secret.
    @Test func `no forged cursor is ever our fault`() async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned)
            let values = [
                "", "\u{0}", "99999999999", "-99999999999", "\(Int64.max)", "0000-01-01T00:00:00.000Z", "infinity",
                "9999-12-31T23:59:59.999Z", "x", "MAICS-1", String(repeating: "9", count: 30),
            ]
            let paths = [
                "/v1/tickets", "/v1/tickets?sort=triage", "/v1/tickets?sort=updated", "/v1/tickets?q=x",
                "/v1/tickets/\(id)/comments", "/v1/tickets/\(id)/events", "/v1/tickets/\(id)/attachments", "/v1/users",
                "/v1/organizations", "/v1/contracts", "/v1/releases", "/v1/users/\(Person.adam.id)/tokens",
                "/v1/jobs/runs",
            ]
            for path in paths {
                let parts = path.split(separator: "?").map(String.init)
                var input = Input(query: parts.count > 1 ? parts[1] : nil, path: parts[0])
                let scope = input.page().scope
                for value in values {
                    for count in 1...5 {
                        let cursor = Cursor.encode(Array(repeating: value, count: count), scope: scope)
                        let reply = try await world.get(
                            path + (parts.count > 1 ? "&" : "?") + "cursor=\(cursor)", as: .adam)
                        #expect([200, 404, 422].contains(reply.status), "\(path) \(count) \(value): \(reply.json)")
                    }
                }
            }
        }
    }

    @Test func `without its database the service says so, quickly`() async throws {
        let rulebook = try Sample.rulebook.get()
        let texts = try Sample.texts.get()
        try await onLoop { loop in
            let store = PostgresStore(
                loop: loop, connections: ConnectionOptions(url: "host=/nonexistent dbname=none"),
                rulebook: { rulebook },
                now: { Sample.now })
            let api = API(store: store, rulebook: { rulebook }, texts: texts, now: { Sample.now })
            let secret = TokenSecret.make()
            for path in ["/v1/me", "/readyz", "/healthz"] {
                let start = ContinuousClock.now
                let response = await api.respond(
                    Request(
                        method: "GET", target: path, path: path, fields: Fields([("Authorization", "Bearer \(secret)")])
                    ))
                #expect(response.status == (path == "/healthz" ? 200 : 503))
                #expect(response.fields.first("retry-after") == (path == "/healthz" ? nil : "1"))
                #expect(start.duration(to: .now) < .seconds(5), "\(path)")
            }
            await store.close()
        }
    }
}
