import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct RecoveryTests {
    static let one = Statement<Int>.int("one", "SELECT 1")

    @Test(arguments: [LaneOptions.Mode.pipelined(connections: 2), .exclusive(connections: 4)])
    func `killed backends fail their requests as unavailable, and the lane recovers`(mode: LaneOptions.Mode)
        async throws
    {
        try await TestDatabase.with { database in
            try await withLane(mode, url: database.ownerURL) { loop, lane in
                let kill = Statement<Int>.int(
                    "kill",
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
                let work = Statement<Int>.int("work", "SELECT 1 FROM pg_sleep(0.002)")
                let clients = (0..<16).map { _ in
                    Task(executorPreference: loop) {
                        var outcomes: [String: Int] = [:]
                        for _ in 0..<100 {
                            let error = await failure { _ = try await lane.run(work) }
                            let key =
                                switch error {
                                case nil: "good"
                                case .unavailable: "unavailable"
                                case .some(let other): "\(other)"
                                }
                            outcomes[key, default: 0] += 1
                        }
                        return outcomes
                    }
                }
                try await withLane(.exclusive(connections: 1), url: database.ownerURL) { killerLoop, killer in
                    for _ in 0..<3 {
                        try await killerLoop.sleep(.milliseconds(60))
                        _ = try await killer.run(kill)
                    }
                }
                var counts: [String: Int] = [:]
                for client in clients { counts.merge(await client.value, uniquingKeysWith: +) }
                #expect(Set(counts.keys).isSubset(of: ["good", "unavailable"]), "\(counts)")
                #expect(counts["unavailable", default: 0] > 0)
                #expect(try await lane.run(Self.one) == [1])
            }
        }
    }

    @Test func `while PostgreSQL is away requests fail within a second, and go well when it is back`() async throws {
        let cluster = try SmallCluster()
        defer { cluster.remove() }
        try cluster.start()
        try await withLane(.pipelined(connections: 2), url: cluster.url) { loop, lane in
            #expect(try await lane.run(Self.one) == [1])
            try cluster.stop()
            for _ in 0..<5 {
                let start = EventLoop.clock()
                let error = await failure { _ = try await lane.run(Self.one) }
                #expect(EventLoop.clock() - start < 5_000_000_000)
                guard case .unavailable = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                try await loop.sleep(.milliseconds(200))
            }
            try cluster.start()
            let start = EventLoop.clock()
            while await failure({ _ = try await lane.run(Self.one) }) != nil {
                try #require(EventLoop.clock() - start < 30_000_000_000)
                try await loop.sleep(.milliseconds(20))
            }
        }
    }

    @Test func `what waits during a crash of PostgreSQL ends, and the lane goes on after it`() async throws {
        let cluster = try SmallCluster()
        defer { cluster.remove() }
        try cluster.start()
        // No statement time-out: on a busy machine stopping PostgreSQL takes longer than that.
        try await withLane(.exclusive(connections: 2), url: cluster.url, { $0.statementTimeout = nil }) { loop, lane in
            #expect(try await lane.run(Self.one) == [1])
            let running = Task(executorPreference: loop) {
                await failure { _ = try await lane.run(.text("nap", "SELECT pg_sleep(60)::text")) }
            }
            while lane.counts.inFlight == 0 { try await loop.sleep(.milliseconds(5)) }
            try await Task.detached { try cluster.stop("immediate") }.value
            let outcome = await running.value
            guard case .unavailable = outcome else {
                Issue.record(
                    "A statement whose connection is lost has an unknown outcome, not \(String(describing: outcome)).")
                return
            }
            let waiting = (0..<20).map { _ in
                Task(executorPreference: loop) { await failure { _ = try await lane.run(Self.one) } }
            }
            try await Task.detached { try cluster.start() }.value
            for task in waiting {
                switch await task.value {
                case nil, .unavailable: break
                case .some(let other): Issue.record("\(other)")
                }
            }
            let start = EventLoop.clock()
            while await failure({ _ = try await lane.run(Self.one) }) != nil {
                try #require(EventLoop.clock() - start < 30_000_000_000)
                try await loop.sleep(.milliseconds(20))
            }
        }
    }

    @Test func `a server that is slow to let in is waited for as long as the lane waits`() async throws {
        let cluster = try SmallCluster()
        defer { cluster.remove() }
        try cluster.start()
        // Longer than one attempt may take.
        try await withLane(.exclusive(connections: 1), url: cluster.url + " connect_timeout=2") { loop, lane in
            try cluster.freeze()
            let asked = Task(executorPreference: loop) { try await lane.run(Self.one) }
            try await loop.sleep(.seconds(4))
            cluster.thaw()
            #expect(try await asked.value == [1])
        }
        try cluster.freeze()
        try await withLane(.exclusive(connections: 1), url: cluster.url, { $0.waitMax = .seconds(1) }) { _, lane in
            for least in [UInt64(900_000_000), 0] {
                let start = EventLoop.clock()
                let error = await failure { _ = try await lane.run(Self.one) }
                let waited = EventLoop.clock() - start
                #expect(error == .unavailable("connecting takes too long"))
                #expect(waited >= least && waited < least + 5_000_000_000)
            }
        }
    }

    @Test func `a lane goes on with the connections it gets`() async throws {
        let cluster = try SmallCluster(settings: "max_connections = 6\nsuperuser_reserved_connections = 0\n")
        defer { cluster.remove() }
        try cluster.start()
        try await withLane(.exclusive(connections: 20), url: cluster.url) { loop, lane in
            let results = await together(60, on: loop) { _ in
                try await lane.run(.int("nap", "SELECT 1 FROM pg_sleep(0.03)"))
            }
            #expect(results.allSatisfy { (try? $0.get()) == [1] })
            #expect((1...6).contains(lane.counts.connections))
            // Not one is left for anybody else: nothing to go on with.
            try await withLane(.exclusive(connections: 1), url: cluster.url) { _, other in
                if lane.counts.connections == 6 {
                    let error = await failure { _ = try await other.run(Self.one) }
                    guard case .unavailable(let reason) = error else {
                        Issue.record("\(String(describing: error))")
                        return
                    }
                    #expect(reason.contains("too many clients"))
                }
            }
        }
    }

    @Test func `a lane without any connection gets the place of another's idle one`() async throws {
        let cluster = try SmallCluster(settings: "max_connections = 6\nsuperuser_reserved_connections = 0\n")
        defer { cluster.remove() }
        try cluster.start()
        try await withLane(.exclusive(connections: 20), url: cluster.url) { loop, busy in
            let poor = Lane(
                loop: loop, connectionString: cluster.url,
                options: LaneOptions(name: "poor", mode: .exclusive(connections: 2), waitMax: .seconds(20)))
            Lane.group([busy, poor])
            let results = await together(60, on: loop) { _ in
                try await busy.run(.int("nap", "SELECT 1 FROM pg_sleep(0.03)"))
            }
            #expect(results.allSatisfy { (try? $0.get()) == [1] })
            #expect(busy.counts.connections == 6)
            // The first attempts may be told that there is no room.
            for _ in 0..<20 where poor.counts.connections == 0 {
                _ = await failure { _ = try await poor.run(Self.one) }
                try await loop.sleep(.milliseconds(100))
            }
            #expect(try await poor.run(Self.one) == [1])
            #expect(try await busy.run(Self.one) == [1])
            await poor.close()
        }
    }

    @Test func `a server that was never there is unavailable, with the reason`() async throws {
        let url = "host=/nowhere/at/all user=postgres"
        try await withLane(.pipelined(connections: 1), url: url) { _, lane in
            let error = await failure { _ = try await lane.run(Self.one) }
            guard case .unavailable(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("/nowhere/at/all"))
        }
    }
}
