import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct LaneTests {
    @Test func `a lane's role, time zone, name and time limit are those of its sessions`() async throws {
        let role = "lane_role_\(UInt32.random(in: 0...UInt32.max))"
        try await withLane(.exclusive(connections: 1)) { _, lane in
            try await lane.withConnection { try await $0.script("CREATE ROLE \(role)") }
        }
        let change: @Sendable (inout LaneOptions) -> Void = {
            $0.name = "читатель 1"
            $0.role = role
            $0.statementTimeout = .milliseconds(1500)
            $0.settings["reglament.note"] = #"a b\c"#
        }
        let rows = try await withLane(.pipelined(connections: 1), change) { _, lane in
            try await lane.run(
                .text(
                    "who",
                    """
                    SELECT concat_ws('|', session_user, current_user, current_setting('TimeZone'),
                        current_setting('statement_timeout'), current_setting('client_encoding'),
                        current_setting('reglament.note'))
                    """))
        }
        #expect(rows == ["postgres|\(role)|UTC|1500ms|UTF8|a b\\c"])
        try await withLane(.exclusive(connections: 1)) { _, lane in
            try await lane.withConnection { try await $0.script("DROP ROLE \(role)") }
        }
    }

    @Test func `a statement over its time limit is timed out, and the connection goes on`() async throws {
        try await withLane(.exclusive(connections: 1), { $0.statementTimeout = .milliseconds(100) }) { _, lane in
            let error = await failure { _ = try await lane.run(.text("nap", "SELECT pg_sleep(5)::text")) }
            #expect(error == .timedOut(statement: "nap"))
            let rows = try await lane.run(.int("one", "SELECT 1"))
            #expect(rows == [1])
            #expect(lane.counts.connections == 1)
        }
    }

    @Test func `an exclusive lane opens no more connections than are needed`() async throws {
        try await withLane(.exclusive(connections: 8)) { loop, lane in
            #expect(lane.counts.connections == 0)
            for _ in 0..<20 { _ = try await lane.run(.int("one", "SELECT 1")) }
            #expect(lane.counts.connections == 1)
            let naps = await together(30, on: loop) { _ in
                try await lane.run(.text("nap", "SELECT pg_sleep(0.05)::text"))
            }
            #expect(naps.allSatisfy { (try? $0.get()) != nil })
            #expect(lane.counts.connections == 8)
        }
    }

    @Test(arguments: [(LaneOptions.Mode.pipelined(connections: 2), 2), (.exclusive(connections: 8), 1)])
    func `an opened lane connects before anybody waits`(mode: LaneOptions.Mode, expected: Int) async throws {
        try await withLane(mode) { loop, lane in
            lane.open()
            lane.open()
            for _ in 0..<500 where lane.counts.connections < expected { try await loop.sleep(.milliseconds(10)) }
            #expect(lane.counts == (expected, 0, 0))
        }
    }

    @Test func `the queue refuses what does not fit, at once`() async throws {
        try await withLane(.exclusive(connections: 1), { $0.queueMax = 5 }) { loop, lane in
            _ = try await lane.run(.int("one", "SELECT 1"))
            let results = await together(20, on: loop) { _ in
                let start = EventLoop.clock()
                let error = await failure { _ = try await lane.run(.text("nap", "SELECT pg_sleep(0.1)::text")) }
                return (error, EventLoop.clock() - start)
            }
            let outcomes = results.compactMap { try? $0.get() }
            #expect(outcomes.count { $0.0 == nil } == 6)
            let refused = outcomes.filter { $0.0 == .overloaded }
            #expect(refused.count == 14)
            #expect(refused.allSatisfy { $0.1 < 90_000_000 })
        }
    }

    @Test func `a request waits no longer than its lane allows`() async throws {
        try await withLane(.exclusive(connections: 1), { $0.waitMax = .milliseconds(500) }) { loop, lane in
            lane.open()
            for _ in 0..<2000 where lane.counts.connections == 0 { try await loop.sleep(.milliseconds(10)) }
            let results = await together(2, on: loop) { _ in
                await failure { _ = try await lane.run(.text("nap", "SELECT pg_sleep(1.5)::text")) }
            }
            let errors = try results.map { try $0.get() }
            #expect(errors == [nil, .overloaded])
        }
    }

    @Test func `a transaction of several round trips is kept or undone as a whole`() async throws {
        try await TestDatabase.with { database in
            try await withLane(.exclusive(connections: 2), url: database.ownerURL) { _, lane in
                let insert = Statement<Void>("insert", "INSERT INTO mark VALUES ($1)")
                let count = Statement<Int>.int("count", "SELECT count(*) FROM mark")
                try await lane.withConnection { connection in
                    try await connection.script("CREATE TABLE mark (n int PRIMARY KEY); INSERT INTO mark VALUES (0)")
                    try await connection.begin()
                    _ = try await connection.run(insert, [1])
                    _ = try await connection.run(insert, [2])
                    try await connection.commit()
                }
                #expect(try await lane.run(count) == [3])

                struct Stop: Error {}
                await #expect(throws: Stop.self) {
                    try await lane.withConnection { connection in
                        try await connection.begin()
                        _ = try await connection.run(insert, [3])
                        throw Stop()
                    }
                }
                try await lane.withConnection { connection in
                    try await connection.begin()
                    _ = try await connection.run(insert, [4])
                }
                try await lane.withConnection { connection in
                    try await connection.begin()
                    _ = try await connection.run(insert, [5])
                    #expect(await failure { _ = try await connection.run(insert, [5]) }?.sqlstate == "23505")
                    #expect(await failure { try await connection.commit() }?.sqlstate == "25P02")
                }
                #expect(try await lane.run(count) == [3])
                #expect(lane.counts.connections == 1)
            }
        }
    }

    @Test func `a lent connection runs a pipeline, in order and as a whole`() async throws {
        try await TestDatabase.with { database in
            try await withLane(.exclusive(connections: 1), url: database.ownerURL) { _, lane in
                let insert = Statement<Int>.int("insert", "INSERT INTO mark VALUES ($1) RETURNING n * 2")
                let count = Statement<Int>.int("count", "SELECT count(*) FROM mark")
                func pipeline(_ numbers: [Int]) -> (Pipeline, [Rows<Int>], Rows<Int>) {
                    var pipeline = Pipeline()
                    let rows = numbers.map { pipeline.append(insert, [.integer($0)]) }
                    let counted = pipeline.append(count)
                    return (pipeline, rows, counted)
                }
                try await lane.withConnection { connection in
                    try await connection.script("CREATE TABLE mark (n int PRIMARY KEY)")
                    try await connection.run(Pipeline())
                    let (many, rows, counted) = pipeline(Array(1...200))
                    try await connection.run(many)
                    #expect(rows.map(\.rows) == (1...200).map { [$0 * 2] })
                    #expect(counted.rows == [200])
                    let again = await failure { try await connection.run(pipeline([300, 1, 301]).0) }
                    #expect(again?.sqlstate == "23505")
                    try await connection.begin()
                    try await connection.run(pipeline([400, 401]).0)
                    try await connection.rollback()
                    let left = try await connection.run(count)
                    #expect(left == [200])
                }
            }
        }
    }

    @Test func `a script fails as a whole and leaves the connection usable`() async throws {
        try await TestDatabase.with { database in
            try await withLane(.exclusive(connections: 1), url: database.ownerURL) { _, lane in
                try await lane.withConnection { connection in
                    let error = await failure {
                        try await connection.script(
                            "CREATE TABLE a (n int); SELECT 1/0; CREATE TABLE b (n int)", name: "0001")
                    }
                    #expect(error?.sqlstate == "22012")
                    #expect(error.map { "\($0)".hasPrefix("0001: ") } == true)
                    let tables = Statement<Int>.int(
                        "tables", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
                    let count = try await connection.run(tables)
                    #expect(count == [0])
                }
            }
        }
    }

    @Test func `a discarded connection is replaced`() async throws {
        try await withLane(.exclusive(connections: 1)) { _, lane in
            let backend = Statement<Int>.int("backend", "SELECT pg_backend_pid()")
            let first = try await lane.withConnection { connection in
                let id = try await connection.run(backend)
                connection.discard()
                return id
            }
            #expect(try await lane.run(backend) != first)
        }
    }

    @Test func `closing lets what runs end and refuses the rest`() async throws {
        try await withLane(.exclusive(connections: 1)) { loop, lane in
            _ = try await lane.run(.int("one", "SELECT 1"))
            let nap = Task(executorPreference: loop) { try await lane.run(.int("nap", "SELECT 7 FROM pg_sleep(0.2)")) }
            try await loop.sleep(.milliseconds(50))
            await lane.close()
            #expect(try await nap.value == [7])
            let error = await failure { _ = try await lane.run(.int("one", "SELECT 1")) }
            #expect(error == .unavailable("the lane is closed"))
        }
    }
}
