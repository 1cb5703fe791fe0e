import HTTPWire
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// How a ticket begins, how it is edited, and how a retry is recognised.
@Suite struct RegistrationTests {
    private let good = #"{"product":"maics","kind":"consultation","subject":"S","description":"D"}"#

    @Test func `every fault of a registration is found at once`() async throws {
        try await World.with { world in
            func faults(_ body: String, as person: Person = .carla) async throws -> [String] {
                try await world.post("/v1/tickets", body, as: person).faults
            }
            #expect(
                Set(try await faults("{}")) == [
                    "/product missing", "/kind missing", "/subject missing", "/description missing",
                ])
            #expect(
                Set(
                    try await faults(
                        #"{"product":"omnivox","kind":"incident","subject":" ","description":"D","details":{"os_version":"","x":"y","product_version":7},"channel":"fax","organization":"acme","priority":"high","tags":["a","a"],"extra":1}"#
                    )) == [
                        "/subject blank", "/details/os_version blank", "/details/x unknown_member",
                        "/details/product_version not_a_string", "/details/browser_version missing",
                        "/channel not_one_of",
                        "/organization not_yours", "/priority not_yours", "/tags/1 duplicate", "/extra unknown_member",
                    ])
            #expect(
                try await faults(
                    #"{"product":"dialog","kind":"incident","subject":"S","description":"D","details":{"organization_name":"O","organization_address":"A","contact_name":"N","category":"C"}}"#
                )
                    == ["/details/contact_phone at_least_one_of"])
            #expect(try await faults(good.replacing("maics", with: "nothing")) == ["/product not_one_of"])
            #expect(try await faults(good, as: .egor) == ["/organization missing", "/reporter missing"])
            let others =
                #"{"product":"maics","kind":"x","subject":"S","description":"D","organization":"none","reporter":"u_x","follows":"?","part_of":"MAICS-99999"}"#
            #expect(
                Set(try await faults(others, as: .egor)) == [
                    "/kind not_one_of", "/organization not_found", "/reporter not_found", "/follows not_found",
                    "/part_of not_found",
                ])
            #expect(
                Set(try await faults(others.replacing("maics", with: "nothing"), as: .egor)) == [
                    "/product not_one_of", "/organization not_found", "/reporter not_found", "/follows not_found",
                    "/part_of not_found",
                ])
            let unknown =
                #"{"product":"nothing","kind":"x","subject":"S","description":"D","follows":"MAICS-99999","details":{"x":5,"y":"\#(String(repeating: "y", count: 9_000))"}}"#
            #expect(
                Set(try await faults(unknown)) == [
                    "/product not_one_of", "/follows not_found", "/details/x not_a_string", "/details/y too_long",
                ])
            let foreign =
                #"{"product":"maics","kind":"consultation","subject":"S","description":"D","organization":"acme","reporter":"\#(Person.gina.id)"}"#
            #expect(try await faults(foreign, as: .egor) == ["/reporter other_organization"])
            let none = try await world.post("/v1/tickets", good.replacing("maics", with: "smartivr"), as: .gina)
            #expect(none.summary == "422 no-contract-in-force")
        }
    }

    @Test func `an employee registers what came by another channel`() async throws {
        try await World.with { world in
            let body =
                #"{"product":"omnivox","kind":"problem","subject":"S","description":"D","channel":"phone","details":{"os_version":"a","product_version":"b","browser_version":"c"},"organization":"acme","reporter":"\#(Person.cody.id)"}"#
            let reply = try await world.post("/v1/tickets", body, as: .egor)
            #expect(reply.status == 201, "\(reply.json)")
            #expect(reply.fields.first("location") == "/v1/tickets/\(reply["id"].string ?? "")")
            #expect(reply["reporter"]["name"].string == "cody" && reply["registered_by"]["name"].string == "egor")
            #expect(reply["priority"].string == "critical" && reply["blocking"].bool == true)
            #expect(!reply["solution_due_at"].isNull)
            let read = try await world.get("/v1/tickets/\(reply["id"].string ?? "")", as: .egor)
            #expect(read.body == reply.body)
        }
    }

    @Test func `a retry with its key gives the first answer and does nothing twice`() async throws {
        try await World.with { world in
            let first = try await world.post("/v1/tickets", good, as: .carla, key: "one")
            let again = try await world.post("/v1/tickets", good, as: .carla, key: "one")
            #expect(again.status == 201 && again.body == first.body)
            for name in ["location", "etag", "content-type", "content-language"] {
                #expect(again.fields.first(name) == first.fields.first(name), "\(name)")
            }
            #expect(again.fields.first("idempotency-replayed") == "true")
            #expect(first.fields.first("idempotency-replayed") == nil)
            #expect(try await world.get("/v1/tickets", as: .carla)["items"].array.count == 1)

            let other = try await world.post("/v1/tickets", good.replacing("S", with: "T"), as: .carla, key: "one")
            #expect(other.summary == "422 idempotency-key-reused")
            let broken = try await world.post("/v1/tickets", "{", as: .carla, key: "one")
            #expect(broken.summary == "422 idempotency-key-reused")
            #expect(try await world.post("/v1/tickets", good, as: .cody, key: "one").status == 201)

            let refused = try await world.post("/v1/tickets", "{}", as: .carla, key: "two")
            let refusedAgain = try await world.post("/v1/tickets", "{}", as: .carla, key: "two")
            #expect(refused.status == 422 && refusedAgain.body == refused.body)
            #expect(refusedAgain.fields.first("idempotency-replayed") == "true")
            let unreadable = try await world.post("/v1/tickets", "{", as: .carla, key: "three")
            #expect(unreadable.summary == "400 invalid-json")
            #expect(try await world.post("/v1/tickets", good, as: .carla, key: "three").status == 201)
            for key in ["", "a b", String(repeating: "k", count: 256)] {
                let reply = try await world.post("/v1/tickets", good, as: .carla, key: key)
                #expect(reply.summary == "400 invalid-idempotency-key")
            }
        }
    }

    @Test func `twenty requests with one key make one ticket`() async throws {
        try await World.with { world in
            let good = good
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await world.post("/v1/tickets", good, as: .carla, key: "race") }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(replies.map(\.summary)).isSubset(of: ["201", "409 idempotency-key-in-progress"]))
            #expect(Set(replies.filter { $0.status == 201 }.map(\.body)).count == 1)
            #expect(try await world.get("/v1/tickets", as: .carla)["items"].array.count == 1)
        }
    }

    @Test func `a patch changes what it names, under the version it was based on`() async throws {
        try await World.with { world in
            let path = "/v1/tickets/\(try await world.ticket(product: "omnivox"))"
            func patch(_ body: String, _ tag: String, _ type: String = "application/json") async throws -> Reply {
                try await world.call(
                    "PATCH", path, body, as: .egor, fields: [("If-Match", tag), ("Content-Type", type)])
            }
            let tag = try #require(try await world.get(path, as: .carla).fields.first("etag"))
            let first = try await patch(#"{"priority":"high"}"#, tag, "application/merge-patch+json")
            #expect(first["priority"].string == "high" && first["version"].integer == 2)
            #expect(try await patch(#"{"subject":"T"}"#, tag).summary == "412 stale-version")
            let same = try await patch(#"{"priority":"high"}"#, "*")
            #expect(same.status == 200 && same["version"].integer == 2)
            let more = try await patch(#"{"subject":"T","tags":["x"],"details":{"os_version":"W"}}"#, "*")
            #expect(more["details"].description == #"{"os_version":"W"}"#)
            let less = try await patch(#"{"tags":null,"details":{"os_version":null}}"#, "*")
            #expect(less["tags"].array.isEmpty && less["details"].names.isEmpty)
            let actions = try await world.get("\(path)/events", as: .egor)["items"].array.compactMap {
                $0["action"].string
            }
            #expect(actions == ["register", "set_priority", "edit", "edit"])
            let faults = try await patch(#"{"subject":null,"priority":"x","kind":"incident","details":{"y":"z"}}"#, "*")
                .faults
            #expect(
                Set(faults) == [
                    "/subject not_removable", "/priority not_one_of", "/kind unknown_member",
                    "/details/y unknown_member",
                ])
            let wrong = try await patch("{}", "*", "text/plain")
            #expect(wrong.status == 415 && wrong.fields.first("accept-patch")?.contains("merge-patch") == true)
        }
    }

    @Test func `an unchanged ticket costs 304, in the same language and for the same caller`() async throws {
        try await World.with { world in
            let path = "/v1/tickets/\(try await world.ticket())"
            let tag = try #require(try await world.get(path, as: .carla).fields.first("etag"))
            let same = try await world.get(path, as: .carla, fields: [("If-None-Match", "W/\(tag)")])
            #expect(same.status == 304 && same.body.isEmpty && same.fields.first("etag") == tag)
            let gzipped = "\(tag.dropLast())-gz\""
            #expect(try await world.get(path, as: .carla, fields: [("If-None-Match", gzipped)]).status == 304)
            #expect(
                try await world.get(path, as: .carla, fields: [("If-None-Match", tag), ("Accept-Language", "ru")])
                    .status
                    == 200)
            #expect(try await world.get(path, as: .egor, fields: [("If-None-Match", tag)]).status == 200)
            let head = try await world.call("HEAD", path, as: .carla)
            #expect(head.status == 200 && head.body.isEmpty && head.fields.first("etag") == tag)
        }
    }

    /// What the wire layer refuses, too, once it has read who asks.
    @Test(arguments: [("/v1/tickets?q=%zz", "x", 400), ("/%zz", "x", 400), ("/v1/me", "Expect", 417)])
    func `a refused head is answered under the caller's name and in its language`(
        path: String, field: String, status: Int
    ) async throws {
        try await World.with { world in
            let fields = [("X-Request-Id", "abc"), ("Accept-Language", "ru"), (field, "y")]
            let reply = try await world.call("GET", path, fields: fields)
            #expect(reply.status == status && reply.fields.first("x-request-id") == "abc")
            #expect(reply.fields.first("content-language") == "ru")
            let detail = reply["detail"].string ?? ""
            #expect(detail.unicodeScalars.contains { ("А"..."я").contains($0) }, "\(detail)")
        }
    }

    @Test func `every response has the fields that the contract promises`() async throws {
        try await World.with { world in
            let uuid = "0190f3e4-0000-7000-8000-000000000000"
            for (path, person, status) in [
                ("/v1/me", Person.carla, 200), ("/v1/x", .carla, 404), ("/v1/tickets/A", .sven, 403),
            ] {
                let reply = try await world.get(
                    path, as: person, fields: [("X-Request-Id", uuid), ("Accept-Language", "ru")])
                #expect(reply.status == status)
                #expect(reply.fields.first("x-request-id") == uuid)
                #expect(reply.fields.first("cache-control") == "no-store")
                #expect(reply.fields.first("content-language") == "ru")
                #expect(reply.fields.first("vary") == "Authorization, Accept-Language, Accept-Encoding")
                #expect(reply.fields.first("date") != nil)
                if status >= 400 { #expect(reply["instance"].string == "urn:uuid:\(uuid)") }
            }
            let nobody = try await world.call("GET", "/v1/me")
            #expect(nobody.fields.first("www-authenticate") == #"Bearer realm="reglament""#)
            for bad in ["Bearer rgl_x", "Basic eDp5", "Bearer", "Bearer \(Person.secrets[.carla] ?? "") x"] {
                let reply = try await world.call("GET", "/v1/me", fields: [("Authorization", bad)])
                #expect(reply.status == 401, "\(bad)")
                #expect(
                    reply.fields.first("www-authenticate") == #"Bearer realm="reglament", error="invalid_token""#)
            }
            let lower = try await world.call(
                "GET", "/v1/me", fields: [("authorization", "bearer  \(Person.secrets[.carla] ?? "")")])
            #expect(lower.status == 200)
            let seen = world.observed.all.map { "\($0)" }.joined()
            for secret in Person.secrets.values { #expect(!seen.contains(secret)) }
        }
    }
}
