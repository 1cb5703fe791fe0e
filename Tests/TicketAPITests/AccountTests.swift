import HTTPWire
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// Organizations, users, tokens, contracts and releases.
@Suite struct AccountTests {
    @Test func `a lead writes customers and nobody else`() async throws {
        try await World.with { world in
            func make(_ role: String, _ organization: String?, as person: Person) async throws -> Reply {
                let code = organization.map { "\"\($0)\"" } ?? "null"
                let body =
                    #"{"email":"\#(role)-\#(person)@example.com","name":"N","role":"\#(role)","organization":\#(code)}"#
                return try await world.post("/v1/users", body, as: person)
            }
            let made = try await make("customer", "acme", as: .lena)
            #expect(made.status == 201 && made.fields.first("location") == "/v1/users/\(made["id"].string ?? "")")
            #expect(made.json.names == ["id", "email", "name", "role", "organization", "active"])
            #expect(try await make("engineer", nil, as: .lena).summary == "403 forbidden")
            #expect(try await make("engineer", nil, as: .adam).status == 201)
            #expect(try await make("service", "acme", as: .adam).faults == ["/organization not_allowed_here"])
            #expect(try await make("customer", nil, as: .adam).faults == ["/organization missing"])
            #expect(try await make("customer", "none", as: .adam).faults == ["/organization not_found"])
            #expect(try await make("boss", nil, as: .adam).faults == ["/role not_one_of"])
            let taken = #"{"email":"CARLA@example.com","name":"N","role":"customer","organization":"acme"}"#
            #expect(try await world.post("/v1/users", taken, as: .lena).summary == "409 already-exists")
            let odd = #"{"email":"x","name":"","role":"customer","organization":"acme","phone":"1"}"#
            #expect(
                try await world.post("/v1/users", odd, as: .lena).faults == [
                    "/email not_an_email", "/name blank", "/phone unknown_member",
                ])
            func patch(_ id: String, _ body: String, as person: Person) async throws -> Reply {
                try await world.call("PATCH", "/v1/users/\(id)", body, as: person)
            }
            #expect(try await patch(Person.egor.id, #"{"name":"X"}"#, as: .lena).summary == "403 forbidden")
            #expect(try await patch(Person.cody.id, #"{"role":"admin"}"#, as: .lena).summary == "403 forbidden")
            #expect(try await patch(Person.cody.id, #"{"email":"new@example.com"}"#, as: .lena).status == 200)
            #expect(
                try await patch(Person.cody.id, #"{"id":"u_x","name":null}"#, as: .lena).faults == [
                    "/id immutable", "/name not_removable",
                ])
            #expect(try await patch("u_unknown", "{}", as: .lena).summary == "404 not-found")
            #expect(
                try await patch(Person.cody.id, #"{"role":"engineer"}"#, as: .adam).faults == [
                    "/organization not_allowed_here"
                ])
            #expect(try await patch(Person.cody.id, #"{"active":false}"#, as: .adam).status == 200)
            #expect(try await world.get("/v1/me", as: .cody).summary == "401 unauthorized")
        }
    }

    @Test func `a customer sees its own organization's people and nobody's else`() async throws {
        try await World.with { world in
            let users = try await world.get("/v1/users", as: .carla)["items"].array
            #expect(Set(users.compactMap { $0["name"].string }) == ["carla", "cody"])
            #expect(try await world.get("/v1/users/\(Person.gina.id)", as: .carla).summary == "404 not-found")
            #expect(try await world.get("/v1/users/\(Person.egor.id)", as: .carla).summary == "404 not-found")
            #expect(try await world.get("/v1/organizations", as: .carla)["items"].array.count == 1)
            #expect(try await world.get("/v1/organizations/globex", as: .carla).summary == "404 not-found")
            let contracts = try await world.get("/v1/contracts", as: .gina)["items"].array
            #expect(contracts.compactMap { $0["organization"].string } == ["globex"])
            #expect(try await world.get("/v1/me", as: .sven)["role"].string == "service")
        }
    }

    @Test func `a token is shown once, holds till it is revoked or expires`() async throws {
        try await World.with { world in
            let path = "/v1/users/\(Person.carla.id)/tokens"
            let body = #"{"name":"ci","expires_at":"2026-11-20T10:30:00Z"}"#
            let made = try await world.post(path, body, as: .carla, key: "token")
            let secret = try #require(made["token"].string)
            #expect(made.json.names == ["id", "name", "token", "created_at", "expires_at"])
            let replay = try await world.post(path, body, as: .carla, key: "token")
            #expect(replay.status == 201 && replay["token"].isNull && replay["id"].string == made["id"].string)
            let list = try await world.get(path, as: .carla)
            #expect(list["items"].array.count == 2)
            #expect(!String(decoding: list.body, as: UTF8.self).contains("rgl_"))

            func me() async throws -> Int {
                try await world.call("GET", "/v1/me", fields: [("Authorization", "Bearer \(secret)")]).status
            }
            #expect(try await me() == 200)
            world.clock.now = try #require(Instant(rfc3339: "2026-11-20T10:29:59.999Z"))
            #expect(try await me() == 200)
            world.clock.now = world.clock.now.adding(milliseconds: 1)
            #expect(try await me() == 401)
            world.clock.now = Sample.now
            let own = "\(path)/\(made["id"].string ?? "")"
            #expect(try await world.call("DELETE", own, as: .cody).summary == "403 forbidden")
            #expect(try await world.call("DELETE", own, as: .gina).summary == "404 not-found")
            #expect(try await world.call("DELETE", own, as: .egor).summary == "403 forbidden")
            #expect(try await world.call("DELETE", own, as: .sven).summary == "403 forbidden")
            #expect(try await world.call("DELETE", own, as: .lena).status == 204)
            #expect(try await me() == 401)
            #expect(try await world.call("DELETE", own, as: .carla).summary == "404 not-found")
            let past = #"{"name":"N","expires_at":"2026-11-20T09:30:00Z"}"#
            #expect(try await world.post(path, past, as: .carla).faults == ["/expires_at not_in_the_future"])
            #expect(try await world.post(path, as: .carla).faults == ["/name missing"])
        }
    }

    @Test func `a contract agrees on what the regulation leaves open`() async throws {
        try await World.with { world in
            func make(_ product: String, _ more: String, as person: Person = .lena) async throws -> Reply {
                try await world.post(
                    "/v1/contracts",
                    #"{"organization":"globex","product":"\#(product)","valid_from":"2027-01-01"\#(more)}"#, as: person)
            }
            #expect(try await make("maics", "").summary == "409 contract-overlap")
            #expect(
                try await make("call-to-visit", #","auto_close_after_working_days":7"#).faults == [
                    "/auto_close_after_working_days not_agreeable"
                ])
            #expect(
                try await make(
                    "omnivox",
                    #","auto_close_after_working_days":366,"plan":"gold","valid_to":"2026-12-31","responsible_contacts":["\#(Person.gina.id)","\#(Person.carla.id)","x"]"#
                ).faults == [
                    "/plan not_one_of", "/valid_to ends_before_start", "/auto_close_after_working_days out_of_range",
                    "/responsible_contacts/1 not_an_active_contact", "/responsible_contacts/2 not_an_active_contact",
                ])
            #expect(try await make("nothing", "").faults == ["/product not_one_of"])
            let contacts =
                #","valid_to":"2027-02-01","responsible_contacts":["\#(Person.carla.id)",5,"\#(Person.carla.id)"]"#
            #expect(
                Set(try await make("omnivox", contacts).faults) == [
                    "/responsible_contacts/0 not_an_active_contact", "/responsible_contacts/1 not_a_string",
                    "/responsible_contacts/2 duplicate", "/responsible_contacts/2 not_an_active_contact",
                ])
            for date in ["2027-02-29", "0000-01-01", "2027-1-1", "tomorrow"] {
                #expect(try await make("dialog", #","valid_to":"\#(date)""#).faults == ["/valid_to not_a_date"])
            }
            let made = try await make(
                "omnivox",
                #","auto_close_after_working_days":365,"valid_to":"2027-01-01","responsible_contacts":["\#(Person.gina.id)"]"#
            )
            #expect(made.status == 201)
            #expect(
                made.json.names == [
                    "id", "organization", "product", "plan", "valid_from", "valid_to", "auto_close_after_working_days",
                    "responsible_contacts",
                ])
            let path = "/v1/contracts/\(made["id"].string ?? "")"
            let patched = try await world.call(
                "PATCH", path,
                #"{"plan":"standard","valid_to":null,"responsible_contacts":null,"organization":"globex"}"#, as: .lena)
            #expect(patched["plan"].string == "standard" && patched["valid_to"].isNull)
            #expect(patched["auto_close_after_working_days"].integer == 365)
            #expect(try await world.get(path, as: .gina).body == patched.body)
            #expect(try await world.get(path, as: .carla).summary == "404 not-found")
            let moved = try await world.call("PATCH", path, #"{"product":"maics","valid_from":null}"#, as: .lena)
            #expect(moved.faults == ["/product immutable", "/valid_from not_removable"])
        }
    }

    @Test func `who changes one thing undoes nothing that somebody else changes at the same time`() async throws {
        try await World.with { world in
            func patch(_ path: String, _ body: String) async throws -> Int {
                try await world.call("PATCH", path, body, as: .adam).status
            }
            let contract = try #require(
                try await world.get("/v1/contracts", as: .gina)["items"].array.first?["id"].string)
            for round in 0..<30 {
                let active = round % 2 == 0
                let user = "/v1/users/\(Person.cody.id)"
                async let name = patch(user, #"{"name":"N\#(round)"}"#)
                async let access = patch(user, #"{"active":\#(active)}"#)
                let contacts = active ? #""\#(Person.gina.id)""# : ""
                async let days = patch("/v1/contracts/\(contract)", #"{"valid_to":"2030-01-\#(10 + round % 20)"}"#)
                async let who = patch("/v1/contracts/\(contract)", #"{"responsible_contacts":[\#(contacts)]}"#)
                #expect(try await [name, access, days, who] == [200, 200, 200, 200])
                let after = try await world.get(user, as: .lena)
                #expect(after["name"].string == "N\(round)" && after["active"].bool == active)
                let terms = try await world.get("/v1/contracts/\(contract)", as: .lena)
                #expect(terms["valid_to"].string == "2030-01-\(10 + round % 20)")
                #expect(terms["responsible_contacts"].array.count == (active ? 1 : 0))
            }
        }
    }

    @Test func `every fault of a user is found, whatever the role`() async throws {
        try await World.with { world in
            let body = #"{"email":"x@example.com","name":"N","organization":"none","role":"boss"}"#
            let faults = ["/role not_one_of", "/organization not_found"]
            let made = try await world.post("/v1/users", body, as: .adam)
            #expect(made.faults == faults)
            let path = "/v1/users/\(Person.carla.id)"
            let patch = #"{"organization":"none","role":"boss"}"#
            let patched = try await world.call("PATCH", path, patch, as: .adam)
            #expect(patched.faults == faults)
        }
    }

    @Test func `who has moved to another customer is no longer named to the one before`() async throws {
        try await World.with { world in
            let ticket = "/v1/tickets/\(try await world.ticket(.assigned))"
            let moved = try await world.call(
                "PATCH", "/v1/users/\(Person.egor.id)", #"{"role":"customer","organization":"globex"}"#, as: .adam)
            #expect(moved.status == 200, "\(moved.json)")
            let seen = try await world.get(ticket, as: .carla)
            #expect(seen["assignees"][0]["name"].string == "former user")
            let events = try await world.get(ticket + "/events", as: .carla)["items"].array
            #expect(events.last?["actor"]["name"].string == "former user")
            #expect(try await world.get(ticket, as: .lena)["assignees"][0]["name"].string == Person.egor.user.name)
        }
    }

    @Test func `an organization has a code of its own`() async throws {
        try await World.with { world in
            func make(_ body: String) async throws -> Reply {
                try await world.post("/v1/organizations", body, as: .lena)
            }
            #expect(try await make(#"{"code":"acme","name":"N"}"#).summary == "409 already-exists")
            for code in ["Acme", "-a", "a_b", "", String(repeating: "a", count: 64)] {
                #expect(try await make(#"{"code":"\#(code)","name":"N"}"#).faults == ["/code not_a_code"])
            }
            let made = try await make(#"{"code":"0-a","name":"N"}"#)
            #expect(made.status == 201 && made.fields.first("location") == "/v1/organizations/0-a")
            let patched = try await world.call(
                "PATCH", "/v1/organizations/0-a", #"{"code":"0-a","name":"M"}"#, as: .lena)
            #expect(patched["name"].string == "M")
            let renamed = try await world.call("PATCH", "/v1/organizations/0-a", #"{"code":"b"}"#, as: .lena)
            #expect(renamed.faults == ["/code immutable"])
            let removed = try await world.call("PATCH", "/v1/organizations/0-a", #"{"code":null}"#, as: .lena)
            #expect(removed.faults == ["/code immutable"])
        }
    }
}
