import HTTPWire
import Synchronization
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// A monotonic clock that the test turns.
final class TurnedClock: Sendable {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000_000)
    var now: UInt64 { nanoseconds.load(ordering: .relaxed) }
    func turn(seconds: UInt64) { nanoseconds.add(seconds * 1_000_000_000, ordering: .relaxed) }
}

@Suite struct RateLimitTests {
    private func limits(
        _ clock: TurnedClock, customer: Int = 3, employee: Int = 6, failed: Int = 2
    ) -> RateLimits {
        RateLimits(customer: customer, employee: employee, failedAuthentications: failed, clock: { clock.now })
    }

    private func limit(_ reply: Reply) -> String? { reply.fields.first("ratelimit") }

    @Test func `a token has its requests a minute, is told how many are left, and waits as long as it is told`()
        async throws
    {
        let clock = TurnedClock()
        try await World.with(limits: limits(clock)) { world in
            for (left, seconds) in [(2, 20), (1, 40), (0, 60)] {
                let reply = try await world.get("/v1/me", as: .carla)
                #expect(reply.status == 200)
                #expect(reply.fields.values("ratelimit-policy") == [#""token";q=3;w=60"#])
                #expect(reply.fields.values("ratelimit") == [#""token";r=\#(left);t=\#(seconds)"#])
            }
            // Also for what would be refused anyway: the limit comes before everything but 401.
            let refused = try await world.post("/v1/tickets", "{", as: .carla)
            #expect(refused.summary == "429 too-many-requests")
            #expect(refused.fields.first("retry-after") == "20")
            #expect(limit(refused) == #""token";r=0;t=60"#)
            #expect(refused["detail"].string?.contains("20 s") == true)
            // Others are not concerned, and employees have more.
            #expect(try await world.get("/v1/me", as: .cody).status == 200)
            #expect(limit(try await world.get("/v1/me", as: .egor)) == #""token";r=5;t=10"#)
            #expect(limit(try await world.get("/v1/me", as: .sven)) == #""token";r=5;t=10"#)
            clock.turn(seconds: 19)
            #expect(try await world.get("/v1/me", as: .carla).status == 429)
            clock.turn(seconds: 1)
            #expect(try await world.get("/v1/me", as: .carla).status == 200)
            #expect(try await world.get("/v1/me", as: .carla).status == 429)
        }
    }

    @Test func `what needs no token has no limit`() async throws {
        try await World.with(limits: limits(TurnedClock(), customer: 1)) { world in
            for path in ["/healthz", "/readyz", "/problems/not-found", "/metrics", "/healthz", "/nowhere"] {
                let reply = try await world.call("GET", path)
                #expect(reply.status == (path == "/nowhere" ? 404 : 200))
                #expect(limit(reply) == nil && reply.fields.first("ratelimit-policy") == nil)
            }
        }
    }

    @Test func `without limits nothing is said of them`() async throws {
        try await World.with { world in
            let reply = try await world.get("/v1/me", as: .carla)
            #expect(reply.status == 200 && limit(reply) == nil)
        }
    }

    @Test func `an answer 304 costs nothing`() async throws {
        try await World.with(limits: limits(TurnedClock(), customer: 4)) { world in
            let ticket = try await world.ticket()
            let path = "/v1/tickets/\(ticket)"
            let read = try await world.get(path, as: .carla)
            #expect(limit(read)?.contains("r=2;") == true)
            let tag = try #require(read.fields.first("etag"))
            for _ in 0..<6 {
                let unchanged = try await world.get(path, as: .carla, fields: [("If-None-Match", tag)])
                #expect(unchanged.status == 304)
                #expect(limit(unchanged)?.contains("r=2;") == true)
            }
            #expect(limit(try await world.get(path, as: .carla))?.contains("r=1;") == true)
        }
    }

    @Test func `a refusal for the rate is not kept under the request's key`() async throws {
        let clock = TurnedClock()
        try await World.with(limits: limits(clock, customer: 1)) { world in
            let body = #"{"product":"maics","kind":"consultation","subject":"S","description":"D"}"#
            #expect(try await world.get("/v1/me", as: .carla).status == 200)
            #expect(try await world.post("/v1/tickets", body, as: .carla, key: "k").status == 429)
            clock.turn(seconds: 60)
            let made = try await world.post("/v1/tickets", body, as: .carla, key: "k")
            #expect(made.status == 201 && made.fields.first("idempotency-replayed") == nil)
            clock.turn(seconds: 60)
            let replayed = try await world.post("/v1/tickets", body, as: .carla, key: "k")
            #expect(replayed.body == made.body && limit(replayed)?.contains("r=0;") == true)
        }
    }

    @Test func `who guesses is slowed down, and who shares the address is not locked out`() async throws {
        let clock = TurnedClock()
        try await World.with(limits: limits(clock, customer: 100, failed: 2)) { world in
            func guess(_ value: String) async throws -> Reply {
                try await world.call("GET", "/v1/me", fields: [("Authorization", value)])
            }
            #expect(try await world.get("/v1/me", as: .carla).status == 200)
            // No token at all guesses nothing.
            for _ in 0..<5 { #expect(try await world.call("GET", "/v1/me").status == 401) }
            #expect(try await guess("Bearer \(TokenSecret.make())").status == 401)
            #expect(try await guess("Basic YTpi").status == 401)
            for value in ["Bearer \(TokenSecret.make())", "Bearer nonsense", "Bearer \(Person.secrets[.cody] ?? "")"] {
                let slowed = try await guess(value)
                // Cody's is good, but nobody looks: he has not been seen here yet.
                #expect(slowed.summary == "429 too-many-requests")
                #expect(slowed.fields.first("retry-after") == "30")
                #expect(slowed.fields.first("www-authenticate") == nil && limit(slowed) == nil)
            }
            for _ in 0..<3 { #expect(try await world.get("/v1/me", as: .carla).status == 200) }
            clock.turn(seconds: 30)
            #expect(try await world.get("/v1/me", as: .cody).status == 200)
            #expect(try await guess("Bearer \(TokenSecret.make())").status == 401)
            #expect(try await guess("Bearer \(TokenSecret.make())").status == 429)
            #expect(try await world.get("/v1/me", as: .cody).status == 200)
        }
    }

    @Test func `a token that was good and is revoked is looked up once more and then guesses like any other`()
        async throws
    {
        try await World.with(limits: limits(TurnedClock(), customer: 100, failed: 2)) { world in
            let made = try await world.post("/v1/users/\(Person.carla.id)/tokens", #"{"name":"N"}"#, as: .carla)
            let secret = try #require(made["token"].string)
            let fields = [("Authorization", "Bearer \(secret)")]
            #expect(try await world.call("GET", "/v1/me", fields: fields).status == 200)
            let path = "/v1/users/\(Person.carla.id)/tokens/\(made["id"].string ?? "")"
            #expect(try await world.call("DELETE", path, as: .carla).status == 204)
            #expect(try await world.call("GET", "/v1/me", fields: fields).status == 401)
            #expect(try await world.call("GET", "/v1/me", fields: fields).status == 401)
            #expect(try await world.call("GET", "/v1/me", fields: fields).status == 429)
        }
    }
}
