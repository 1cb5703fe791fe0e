import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct SharedTransactionTests {
    private static let keep = Statement<Int>.int(
        "keep", "INSERT INTO kept VALUES ($1, pg_current_xact_id()::text) RETURNING number")
    private static let divide = Statement<Int>.int("divide", "SELECT 1 / $1::int")

    /// A lane to a database with a table of numbers, each of them once.
    private func withTable<T: Sendable>(
        queueMax: Int = 20_000,
        _ body: @escaping @Sendable (EventLoop, Lane, SharedTransactions, TestDatabase) async throws -> T
    ) async throws -> T {
        try await TestDatabase.with { database in
            try await withLane(.exclusive(connections: 4), url: database.ownerURL, { $0.queueMax = queueMax }) {
                (loop, lane) in
                _ = try await lane.run(Statement<Void>("make", "CREATE TABLE kept (number int PRIMARY KEY, xact text)"))
                return try await body(
                    loop, lane, SharedTransactions(lane, loop: loop, together: 8, flights: 2), database)
            }
        }
    }

    private func kept(_ lane: Lane) async throws -> Int {
        try await lane.run(.int("count", "SELECT count(*)::int FROM kept")).first ?? -1
    }

    @Test func `each of many has its own rows, eight at most share a transaction`() async throws {
        try await withTable { loop, lane, shared, _ in
            let results = await together(60, on: loop) { number in
                var pipeline = Pipeline()
                let rows = pipeline.append(Self.keep, [.integer(number)])
                let divided = pipeline.append(Self.divide, [.integer(1)])
                let isDone = try await shared.run(pipeline)
                return isDone && rows.rows == [number] && divided.rows == [1]
            }
            for result in results { #expect(try result.get()) }
            let sizes = try await self.sizes(lane)
            #expect(sizes.reduce(0, +) == 60 && sizes.first == 8 && sizes.count <= 12, "\(sizes)")
        }
    }

    /// How many come at once, and how many share each transaction then.
    @Test(arguments: [(1, [1]), (3, [3]), (7, [7]), (8, [4, 4]), (12, [6, 6])])
    func `a few share one transaction, a crowd two`(count: Int, sizes: [Int]) async throws {
        try await withTable { loop, lane, _, _ in
            let shared = SharedTransactions(lane, loop: loop, together: 8, flights: 2, crowd: 8)
            let results = await together(count, on: loop) { number in
                var pipeline = Pipeline()
                pipeline.append(Self.keep, [.integer(number)])
                return try await shared.run(pipeline)
            }
            for result in results { #expect(try result.get()) }
            let found = try await self.sizes(lane)
            #expect(found == sizes)
        }
    }

    @Test(arguments: [Parameter.integer(0), .text("nul\u{0}")])
    func `what shares a transaction with a fault is not done, and nobody is told that it was`(faulty: Parameter)
        async throws
    {
        try await withTable { loop, lane, shared, _ in
            let results = await together(8, on: loop) { number in
                var pipeline = Pipeline()
                pipeline.append(Self.keep, [.integer(number)])
                pipeline.append(Self.divide, [number == 5 ? faulty : .integer(1)])
                return try await shared.run(pipeline)
            }
            var done = 0
            for (number, result) in results.enumerated() {
                // Should the faulty one ever have been alone, its error is its own.
                let isDone = number == 5 ? (try? result.get()) ?? false : try result.get()
                #expect(number != 5 || !isDone)
                if isDone { done += 1 }
            }
            #expect(try await self.kept(lane) == done)
            // The next find an untroubled lane.
            var pipeline = Pipeline()
            pipeline.append(Self.keep, [.integer(100)])
            #expect(try await shared.run(pipeline))
        }
    }

    /// How many numbers each transaction has kept, most first.
    private func sizes(_ lane: Lane) async throws -> [Int] {
        try await lane.run(.int("sizes", "SELECT count(*)::int FROM kept GROUP BY xact ORDER BY 1 DESC"))
    }

    @Test func `where transactions take long, who comes is not kept waiting for one to end`() async throws {
        try await withTable { loop, lane, shared, _ in
            let results = await together(4, on: loop) { number in
                try await loop.sleep(.milliseconds(100 * Int64(number)))
                var pipeline = Pipeline()
                pipeline.append(Self.keep, [.integer(number)])
                pipeline.append(Statement<Void>("take_long", "SELECT pg_sleep(1.5)"))
                return try await shared.run(pipeline)
            }
            for result in results { #expect(try result.get()) }
            let sizes = try await self.sizes(lane)
            #expect(sizes == [1, 1, 1, 1])
        }
    }

    @Test func `what is large has a transaction of its own`() async throws {
        try await withTable { loop, lane, shared, _ in
            let text = String(repeating: "x", count: 200_000)
            let results = await together(12, on: loop) { number in
                var pipeline = Pipeline()
                pipeline.append(Self.keep, [.integer(number)])
                let rows = pipeline.append(.text("echo", "SELECT $1::text"), [.text(text)])
                let isDone = try await shared.run(pipeline)
                return isDone && rows.rows == [text]
            }
            for result in results { #expect(try result.get()) }
            let sizes = try await self.sizes(lane)
            #expect(sizes == Array(repeating: 1, count: 12))
        }
    }

    @Test func `no more wait than the lane allows, and the rest is told at once`() async throws {
        try await withTable(queueMax: 20) { loop, lane, shared, _ in
            let results = await together(100, on: loop) { number in
                var pipeline = Pipeline()
                pipeline.append(Self.keep, [.integer(number)])
                let wanted = pipeline
                let error = await failure {
                    let isDone = try await shared.run(wanted)
                    #expect(isDone)
                }
                #expect(error == nil || error == .overloaded)
                return error == nil
            }
            let done = try results.count { try $0.get() }
            let kept = try await self.kept(lane)
            #expect(done >= 20 && done < 100 && kept == done, "\(done) of 100 were done, \(kept) are kept.")
        }
    }

    @Test func `a fault of one that was alone is its own`() async throws {
        try await withTable { _, _, shared, _ in
            var pipeline = Pipeline()
            pipeline.append(Self.divide, [.integer(0)])
            let alone = pipeline
            #expect(await failure { _ = try await shared.run(alone) }?.sqlstate == "22012")
        }
    }

    @Test func `a lock that is not had in time sends even one away by itself`() async throws {
        try await withTable { _, lane, shared, _ in
            _ = try await lane.run(Self.keep, [.integer(1)])
            try await lane.withConnection { holder in
                try await holder.begin()
                _ = try await holder.run(Statement<Void>("lock", "SELECT FROM kept FOR UPDATE"))
                var pipeline = Pipeline()
                pipeline.append(Statement<Void>("wait", "SELECT set_config('lock_timeout', '10ms', true)"))
                pipeline.append(Statement<Void>("change", "UPDATE kept SET number = 2"))
                #expect(try await shared.run(pipeline) == false)
                try await holder.commit()
            }
            #expect(try await lane.run(.int("numbers", "SELECT number FROM kept")) == [1])
        }
    }

    @Test func `of killed connections nobody is told to do it again, since it may be done`() async throws {
        try await withTable { loop, lane, shared, database in
            let clients = (0..<24).map { client in
                Task(executorPreference: loop) {
                    var done = 0
                    var unknown = 0
                    for number in 0..<40 {
                        var pipeline = Pipeline()
                        pipeline.append(Self.keep, [.integer(client * 1_000 + number)])
                        pipeline.append(Statement<Void>("work", "SELECT pg_sleep(0.001)"))
                        let wanted = pipeline
                        let error = await failure {
                            if try await shared.run(wanted) { done += 1 } else { Issue.record("told to do it alone") }
                        }
                        if case .unavailable = error { unknown += 1 } else if let error { Issue.record(error) }
                    }
                    return (done, unknown)
                }
            }
            try await withLane(.exclusive(connections: 1), url: database.ownerURL) { killerLoop, killer in
                let kill = Statement<Int>.int(
                    "kill",
                    """
                    SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()
                    """)
                for _ in 0..<3 {
                    try await killerLoop.sleep(.milliseconds(60))
                    _ = try await killer.run(kill)
                }
            }
            var done = 0
            var unknown = 0
            for client in clients {
                let (ours, lost) = await client.value
                done += ours
                unknown += lost
            }
            let kept = try await withLane(.exclusive(connections: 1), url: database.ownerURL) { _, fresh in
                try await self.kept(fresh)
            }
            #expect(done + unknown == 960 && unknown > 0)
            #expect(done <= kept && kept <= done + unknown)
        }
    }
}
