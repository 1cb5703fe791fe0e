import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct PipelineTests {
    static let setContext = Statement<Void>("set_context", "SELECT set_config('reglament.organization', $1, true)")
    static let context = Statement<String>.text(
        "context", "SELECT coalesce(current_setting('reglament.organization', true), '')")

    @Test func `an error of one request touches no other`() async throws {
        try await withLane(.pipelined(connections: 1)) { loop, lane in
            let results = await together(300, on: loop) { index in
                try await lane.run(.int("hundredth", "SELECT 100 / $1::int"), [.integer(index % 3)])
            }
            for (index, result) in results.enumerated() {
                switch result {
                case .success(let rows): #expect(index % 3 != 0 && rows == [100 / (index % 3)])
                case .failure(let error): #expect(index % 3 == 0 && (error as? PostgresError)?.sqlstate == "22012")
                }
            }
        }
    }

    @Test func `a statement that cannot be prepared fails alone, every time`() async throws {
        try await withLane(.pipelined(connections: 1)) { loop, lane in
            let results = await together(40, on: loop) { index in
                index % 2 == 0
                    ? try await lane.run(.int("bad", "SELECT nothing_here"))
                    : try await lane.run(.int("good", "SELECT 1"))
            }
            for (index, result) in results.enumerated() {
                switch result {
                case .success(let rows): #expect(index % 2 == 1 && rows == [1])
                case .failure(let error): #expect(index % 2 == 0 && (error as? PostgresError)?.sqlstate == "42703")
                }
            }
        }
    }

    @Test func `a context is seen by its statement and gone afterwards`() async throws {
        try await withLane(.pipelined(connections: 1)) { loop, lane in
            let results = await together(100, on: loop) { index in
                index % 2 == 0
                    ? try await lane.run(Self.setContext, [.text("org\(index)")], then: Self.context, []).1
                    : try await lane.run(Self.context)
            }
            for (index, result) in results.enumerated() {
                #expect((try? result.get()) == [index % 2 == 0 ? "org\(index)" : ""])
            }
        }
    }

    @Test func `an error of the context keeps the statement from running`() async throws {
        try await TestDatabase.with { database in
            try await withLane(.pipelined(connections: 1), url: database.ownerURL) { _, lane in
                _ = try await lane.run(Statement("make", "CREATE TABLE mark (n int)"))
                let insert = Statement<Void>("insert", "INSERT INTO mark VALUES (1)")
                let broken = Statement<Int>.int("broken", "SELECT 1 / $1::int")
                #expect(await failure { _ = try await lane.run(broken, [0], then: insert, []) }?.sqlstate == "22012")
                #expect(await failure { _ = try await lane.run(insert, [], then: broken, [0]) }?.sqlstate == "22012")
                #expect(try await lane.run(.int("count", "SELECT count(*) FROM mark")) == [0])
                _ = try await lane.run(insert, [], then: broken, [1])
                #expect(try await lane.run(.int("count", "SELECT count(*) FROM mark")) == [1])
            }
        }
    }

    @Test(arguments: [LaneOptions.Mode.pipelined(connections: 1), .exclusive(connections: 1)])
    func `a changed table or a forgotten statement is prepared anew, unseen`(mode: LaneOptions.Mode) async throws {
        try await TestDatabase.with { database in
            try await withLane(mode, url: database.ownerURL) { loop, lane in
                let width = Statement<String>("width", "SELECT * FROM thing") {
                    (row: inout ResultRow) throws(RowError) in
                    try row.text()
                }
                _ = try await lane.run(Statement("make", "CREATE TABLE thing AS SELECT 'a'::text AS name"))
                #expect(try await lane.run(width) == ["a"])
                for round in 0..<3 {
                    _ = try await lane.run(Statement("alter\(round)", "ALTER TABLE thing ADD COLUMN extra\(round) int"))
                    let results = await together(20, on: loop) { _ in try await lane.run(width) }
                    for result in results { #expect((try? result.get()) == ["a"]) }
                }
                _ = try await lane.run(Statement("deallocate", "DEALLOCATE ALL"))
                for result in await together(20, on: loop, { _ in try await lane.run(width) }) {
                    #expect((try? result.get()) == ["a"])
                }
            }
        }
    }

    @Test func `one refused feature is no reason to try again`() async throws {
        let error = try await withLane(.pipelined(connections: 1)) { _, lane in
            await failure { _ = try await lane.run(.int("refused", "SELECT 1 UNION SELECT 2 FOR UPDATE")) }
        }
        #expect(error?.sqlstate == "0A000")
    }

    @Test func `ten thousand requests at once stay within the lane's bounds`() async throws {
        try await withLane(.pipelined(connections: 2)) { loop, lane in
            let watcher = Task(executorPreference: loop) {
                var most = (connections: 0, inFlight: 0)
                while !Task.isCancelled {
                    let counts = lane.counts
                    most = (max(most.connections, counts.connections), max(most.inFlight, counts.inFlight))
                    try? await loop.sleep(.milliseconds(1))
                }
                return most
            }
            let results = await together(10_000, on: loop) { index in
                try await lane.run(.int("echo", "SELECT $1::int"), [.integer(index)])
            }
            watcher.cancel()
            let most = await watcher.value
            #expect(results.enumerated().allSatisfy { index, result in (try? result.get()) == [index] })
            #expect(most.connections == 2)
            #expect(most.inFlight <= 64)
        }
    }

    @Test func `a parameter of eight mebibytes goes through while others wait`() async throws {
        try await withLane(.pipelined(connections: 1)) { loop, lane in
            let text = String(repeating: "длинный ", count: 1 << 19)
            let results = await together(6, on: loop) { index in
                index % 2 == 0
                    ? try await lane.run(.text("echo", "SELECT $1::text"), [.text(text)])
                    : try await lane.run(.text("echo", "SELECT $1::text"), ["short"])
            }
            for (index, result) in results.enumerated() {
                #expect((try? result.get()) == [index % 2 == 0 ? text : "short"])
            }
        }
    }
}
