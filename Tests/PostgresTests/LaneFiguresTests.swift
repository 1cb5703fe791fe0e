import EventLoop
import Postgres
import Synchronization
import TestKit
import Testing

@Suite struct LaneFiguresTests {
    @Test func `a lane counts what it was asked, how long that took and why it failed`() async throws {
        let awaited = Mutex<[UInt64]>([])
        let change: @Sendable (inout LaneOptions) -> Void = {
            $0.statementTimeout = .milliseconds(200)
            $0.awaited = { nanoseconds in awaited.withLock { $0.append(nanoseconds) } }
        }
        let figures = try await withLane(.exclusive(connections: 3), change) { _, lane in
            _ = try await lane.run(.int("one", "SELECT 1"))
            _ = try await lane.run(.text("nap", "SELECT pg_sleep(0.05)::text"))
            for (name, sql) in [
                ("zero", "SELECT (1/0)::text"), ("late", "SELECT pg_sleep(5)::text"), ("null", "SELECT NULL::text"),
            ] {
                _ = await failure { _ = try await lane.run(.text(name, sql)) }
            }
            _ = try await lane.withConnection { try await $0.run(.int("two", "SELECT 2")) }
            return lane.figures
        }
        #expect(figures.size == 3 && figures.connections == 1)
        #expect(figures.busy == 0 && figures.inFlight == 0 && figures.waiting == 0)
        #expect(figures.requests == 6)
        #expect(figures.failures == [.refused: 1, .timedOut: 1, .misused: 1])
        #expect(figures.nanoseconds >= 250_000_000)
        // Waiting for the connection that was lent is awaited, too.
        let all = awaited.withLock { $0 }
        #expect(all.count == 7 && all.reduce(0, +) >= figures.nanoseconds)
    }

    @Test func `a lane without PostgreSQL counts that, and figures of several loops add up`() async throws {
        let figures = try await withLane(.pipelined(connections: 2), url: "host=/nowhere") { _, lane in
            for _ in 0..<2 { _ = await failure { _ = try await lane.run(.int("one", "SELECT 1")) } }
            return lane.figures
        }
        #expect(figures.failures == [.unavailable: 2] && figures.requests == 2 && figures.connections == 0)
        var sum = figures
        sum.add(figures)
        #expect(sum.size == 4 && sum.requests == 4 && sum.failures == [.unavailable: 4])
    }
}
