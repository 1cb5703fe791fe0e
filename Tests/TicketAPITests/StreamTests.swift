import EventLoop
import HTTPWire
import Postgres
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// Events as they happen.
@Suite(.serialized) struct StreamTests {
    @Test func `the feed is told from any place on, then live, and each event once`() async throws {
        try await World.with(sequences: true) { world in
            let id = try await world.ticket(.assigned)
            try await world.numbered(2)
            let all = try EventSource(world, "/v1/events", as: .sven)
            let late = try EventSource(world, "/v1/events?after=1", as: .egor)
            // What was received last wins over the address.
            let again = try EventSource(world, "/v1/events?after=1", as: .lena, fields: [("Last-Event-ID", "2")])
            let old = try EventSource(world, "/v1/events", as: .adam, minorVersion: 0)
            for source in [all, late, again, old] { _ = try await source.until { !$0.retries.isEmpty } }
            for number in 0..<60 { try await world.comment(id, "\(number)", isInternal: number % 3 == 0) }
            for (source, first) in [(all, 1), (late, 2), (again, 3), (old, 1)] {
                let seen = try await source.until { $0.events.count >= 63 - first }
                #expect(seen.events.map(\.id) == Array(first...62))
                #expect(seen.events.map { $0.data["feed_seq"].integer } == Array(first...62))
                #expect(seen.events.map { $0.data["seq"].integer } == Array(first...62))
                #expect(seen.status == 200 && seen.field("content-type") == "text/event-stream")
                #expect(seen.field("cache-control") == "no-store" && seen.field("x-accel-buffering") == "no")
                #expect(seen.retries == ["2000"] && seen.strange.isEmpty)
            }
            let json = try await world.get("/v1/events?after=61", as: .egor)["items"][0]
            #expect(try await all.events(62)[61].data.description == json.description)
        }
    }

    @Test func `a place that is far ahead is waited at`() async throws {
        try await World.with(streams: StreamLimits(heartbeatSeconds: 1), sequences: true) { world in
            let id = try await world.ticket()
            let near = try EventSource(world, "/v1/events", as: .sven)
            _ = try await near.events(1)
            for place in ["\(Int.max)", "\(Int.max - 1)"] {
                for path in ["/v1/events", "/v1/tickets/\(id)/events"] {
                    for source in [
                        try EventSource(world, path, as: .egor, fields: [("Last-Event-ID", place)]),
                        try EventSource(world, "\(path)?after=\(place)", as: .egor),
                    ] {
                        #expect(try await source.until { $0.heartbeats > 0 }.events.isEmpty)
                        try await world.comment(id, "more")
                    }
                }
            }
            #expect(try await near.events(9).map(\.id) == Array(1...9))
            #expect(
                try await world.get("/v1/tickets/\(id)/events?after=1", as: .egor).faults
                    == ["?after not_allowed_here"])
        }
    }

    @Test func `a ticket's stream shows its caller what its list would`() async throws {
        try await World.with(sequences: true) { world in
            let id = try await world.ticket(.assigned)
            try await world.comment(id, "among us", isInternal: true)
            let other = try await world.ticket()
            let customer = try EventSource(world, "/v1/tickets/\(id)/events", as: .carla)
            let employee = try EventSource(world, "/v1/tickets/\(id)/events?after=2", as: .egor)
            _ = try await employee.events(1)
            _ = try await customer.events(2)
            try await world.comment(other, "elsewhere")
            for number in 0..<20 { try await world.comment(id, "\(number)", isInternal: number % 2 == 0) }
            let own = try await world.get("/v1/tickets/\(id)/events?limit=200", as: .carla)["items"].array
            let seen = try await customer.events(own.count)
            #expect(seen.map(\.data.description) == own.map(\.description))
            #expect(seen.map(\.id) == own.map { $0["seq"].integer })
            #expect(try await employee.events(21).map(\.id) == Array(3...23))
            let stream = [("Accept", "text/event-stream")]
            #expect(try await world.get("/v1/tickets/\(id)/events", as: .gina, fields: stream).status == 404)
            #expect(try await world.get("/v1/tickets/\(id)/events", as: .sven, fields: stream).status == 403)
            #expect(try await world.get("/v1/events", as: .carla, fields: stream).status == 403)
            #expect(
                try await world.get("/v1/tickets/\(id)/events?cursor=x&limit=1", as: .egor, fields: stream).faults
                    == ["?limit not_allowed_here", "?cursor not_allowed_here"])
        }
    }

    enum Ending: CaseIterable, Sendable { case revoked, deactivated, promoted, expired, stopped }

    @Test(arguments: Ending.allCases)
    func `a stream ends with the right to it`(how: Ending) async throws {
        try await World.with(sequences: true) { world in
            let id = try await world.ticket()
            let stays = try EventSource(world, "/v1/tickets/\(id)/events", as: .carla)
            let expires = how == .expired ? #","expires_at":"2026-11-20T09:40:00Z""# : ""
            let made = try await world.post(
                "/v1/users/\(Person.egor.id)/tokens", #"{"name":"N"\#(expires)}"#, as: .egor)
            let secret = try #require(made["token"].string)
            let fields = [("Authorization", "Bearer \(secret)"), ("Accept", "text/event-stream")]
            let source = try EventSource(world, "/v1/events", secret: secret)
            _ = try await source.events(1)
            _ = try await stays.events(1)
            switch how {
            case .revoked:
                let token = try #require(made["id"].string)
                let reply = try await world.call("DELETE", "/v1/users/\(Person.egor.id)/tokens/\(token)", as: .egor)
                #expect(reply.status == 204)
            case .deactivated, .promoted:
                let body = how == .deactivated ? #"{"active":false}"# : #"{"role":"lead"}"#
                let reply = try await world.call("PATCH", "/v1/users/\(Person.egor.id)", body, as: .adam)
                #expect(reply.status == 200)
            case .expired: world.clock.now = world.clock.now.adding(seconds: 600)
            case .stopped: await Task(executorPreference: world.loop) { world.api.stopStreams() }.value
            }
            _ = try await source.end()
            let again = try await world.call(
                "GET", "/v1/events", fields: how == .stopped ? fields : Array(fields[..<1]))
            #expect(again.status == (how == .stopped ? 503 : how == .promoted ? 200 : 401))
            if how == .stopped { return }
            try await world.comment(id, as: .carla)
            #expect(try await stays.events(2).map(\.id) == [1, 2])
            #expect(try await source.end().events.count == 1)
        }
    }

    @Test func `so many and no more, and who leaves makes room`() async throws {
        let limits = StreamLimits(all: 3, perToken: 2)
        try await World.with(streams: limits) { world in
            let first = try EventSource(world, "/v1/events", as: .egor)
            let second = try EventSource(world, "/v1/events", as: .egor)
            for source in [first, second] { _ = try await source.until { !$0.retries.isEmpty } }
            let stream = [("Accept", "text/event-stream")]
            let refused = try await world.get("/v1/events", as: .egor, fields: stream)
            #expect(refused.summary == "429 too-many-streams" && refused.fields.first("retry-after") == "1")
            let third = try EventSource(world, "/v1/events", as: .lena)
            _ = try await third.until { !$0.retries.isEmpty }
            let full = try await world.get("/v1/events", as: .adam, fields: stream)
            #expect(full.summary == "503 overloaded" && full.fields.first("retry-after") == "1")
            #expect(limits.count == 3)
            first.leave()
            second.leave()
            while limits.count > 1 { try await Task.sleep(for: .milliseconds(3)) }
            let fourth = try EventSource(world, "/v1/events", as: .egor)
            #expect(try await fourth.until { !$0.retries.isEmpty }.status == 200)
        }
    }

    @Test func `silence is broken by comments`() async throws {
        try await World.with(streams: StreamLimits(heartbeatSeconds: 1)) { world in
            let source = try EventSource(world, "/v1/events", as: .egor)
            let seen = try await source.until { $0.heartbeats >= 2 }
            #expect(seen.events.isEmpty && seen.strange.isEmpty)
        }
    }

    @Test func `who reads slowly gets everything at its own pace, and holds up nobody`() async throws {
        try await World.with(sequences: true) { world in
            let id = try await world.ticket()
            let slow = try EventSource(world, "/v1/events", as: .egor, reads: false)
            let quick = try EventSource(world, "/v1/events", as: .lena)
            _ = try await quick.events(1)
            // Far more than the sockets and the recent events hold.
            try await world.database.run(
                """
                INSERT INTO events (ticket, seq, organization, internal, at, actor_role, action, digests, hash)
                SELECT '\(id)', n, 'acme', false, now(), 'service', 'comment', ARRAY['x ' || repeat('0', 64)], sha256('x')
                  FROM generate_series(2, 4000) n
                """)
            let told = try await quick.events(4000)
            #expect(told.map(\.id) == Array(1...4000))
            slow.read()
            #expect(try await slow.events(4000).map(\.id) == Array(1...4000))
        }
    }

    @Test func `nothing is lost while PostgreSQL is away`() async throws {
        try await World.with(sequences: true) { world in
            let id = try await world.ticket()
            let feed = try EventSource(world, "/v1/events", as: .egor)
            let ticket = try EventSource(world, "/v1/tickets/\(id)/events", as: .carla)
            _ = try await feed.events(1)
            _ = try await ticket.events(1)
            let lane = Lane(
                loop: world.loop, connectionString: world.database.ownerURL,
                options: .single("outside", statementTimeout: nil))
            try await Task(executorPreference: world.loop) {
                try await lane.withConnection { outside in
                    for round in 0..<3 {
                        // Nobody else gets in; whoever is in is thrown out; somebody writes meanwhile.
                        try await outside.script(
                            "UPDATE pg_database SET datallowconn = false WHERE datname = current_database()")
                        try await outside.script(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                + "WHERE datname = current_database() AND pid <> pg_backend_pid()")
                        for number in 0..<5 {
                            try await outside.script(World.event(of: id, seq: 2 + round * 5 + number))
                        }
                        try await world.loop.sleep(.milliseconds(300))
                        try await outside.script(
                            "UPDATE pg_database SET datallowconn = true WHERE datname = current_database()")
                        if round == 1 { _ = try await feed.events(11) }
                    }
                }
                await lane.close()
            }.value
            #expect(try await feed.events(16).map(\.id) == Array(1...16))
            #expect(try await ticket.events(16).map(\.id) == Array(1...16))
        }
    }

    @Test func `who leaves is forgotten`() async throws {
        let limits = StreamLimits()
        /// A minute at most.
        func waitUntilThereAre(atMost most: Int) async throws {
            for _ in 0..<20_000 where limits.count > most { try await Task.sleep(for: .milliseconds(3)) }
            #expect(limits.count <= most)
        }
        try await World.with(streams: limits) { world in
            let id = try await world.ticket()
            for path in ["/v1/events", "/v1/tickets/\(id)/events"] {
                for _ in 0..<15 {
                    // More than may be open at once, one after the other: a busy server learns late that somebody has left.
                    try await waitUntilThereAre(atMost: 3)
                    let source = try EventSource(world, path, as: .egor)
                    _ = try await source.until { !$0.retries.isEmpty }
                }
            }
            try await waitUntilThereAre(atMost: 0)
        }
    }
}

extension World {
    /// One more event, written past the service.
    static func event(of id: String, seq: Int) -> String {
        """
        INSERT INTO events (ticket, seq, organization, internal, at, actor_role, action, digests, hash)
        VALUES ('\(id)', \(seq), 'acme', false, now(), 'service', 'comment', '{}', sha256('x'))
        """
    }
}
