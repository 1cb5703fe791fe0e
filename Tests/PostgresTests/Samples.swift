import EventLoop
import Glibc
import Postgres
import TestKit

extension Statement where Row == String {
    /// One row, one text.
    static func text(_ name: String, _ sql: String) -> Statement<String> {
        Statement(name, sql) { (row: inout ResultRow) throws(RowError) in try row.text() }
    }
}

extension Statement where Row == Int {
    static func int(_ name: String, _ sql: String) -> Statement<Int> {
        Statement(name, sql) { (row: inout ResultRow) throws(RowError) in try row.int() }
    }
}

/// Runs `body` with a lane on a loop of its own, and closes the lane.
func withLane<T: Sendable>(
    _ mode: LaneOptions.Mode, url: String? = nil, _ change: @Sendable (inout LaneOptions) -> Void = { _ in },
    _ body: @escaping @Sendable (EventLoop, Lane) async throws -> T
) async throws -> T {
    let url = try url ?? TestDatabase.serverURL()
    var options = LaneOptions(name: "test", mode: mode, queueMax: 20_000, waitMax: .seconds(20))
    change(&options)
    let chosen = options
    return try await onLoop { loop in
        let lane = Lane(loop: loop, connectionString: url, options: chosen)
        do {
            let value = try await body(loop, lane)
            await lane.close()
            return value
        } catch {
            await lane.close()
            throw error
        }
    }
}

/// The error that `work` ends in; nil when it ends well.
func failure(_ work: () async throws -> Void) async -> PostgresError? {
    do {
        try await work()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// Starts `count` tasks on `loop` at once and gathers their results in their order.
func together<T: Sendable>(
    _ count: Int, on loop: EventLoop, _ work: @escaping @Sendable (Int) async throws -> T
) async -> [Result<T, any Error>] {
    let tasks = (0..<count).map { index in
        Task(executorPreference: loop) { try await work(index) }
    }
    var results: [Result<T, any Error>] = []
    for task in tasks { results.append(await task.result) }
    return results
}
