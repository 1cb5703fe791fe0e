import EventLoop
import Glibc
import Postgres
import Synchronization

/// One connection to the maintenance database for the whole process: making and dropping databases waits in its queue,
/// so that no two copies are made of one template at a time.
enum Administration {
    private static let number = Atomic<Int>(0)

    private static let lane = Result {
        let loop = try EventLoop(name: "administration")
        try loop.start()
        let options = LaneOptions(
            name: "tests", mode: .exclusive(connections: 1), statementTimeout: nil, queueMax: 10_000,
            waitMax: .seconds(600))
        return (loop: loop, lane: Lane(loop: loop, connectionString: try TestDatabase.serverURL(), options: options))
    }

    static func nextNumber() -> Int { number.add(1, ordering: .relaxed).newValue }

    static func run(_ sql: String) async throws {
        let (loop, lane) = try Self.lane.get()
        try await Task(executorPreference: loop) {
            try await lane.withConnection { try await $0.script(sql) }
        }.value
    }
}
