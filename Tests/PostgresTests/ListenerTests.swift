import EventLoop
import Postgres
import Synchronization
import TestKit
import Testing

/// What a listener told.
private final class Log: Sendable {
    let heard = Mutex<[String]>([])
    let changes = Mutex<[Bool]>([])
}

@Suite struct ListenerTests {
    @Test func `a listener hears its channels, and hears them again after its connection was lost`() async throws {
        try await TestDatabase.with { database in
            let log = Log()
            try await withLane(.exclusive(connections: 1), url: database.ownerURL) { loop, lane in
                let listener = Listener(
                    loop: loop, connectionString: database.ownerURL, channels: ["feed", "To\"kens"],
                    onChange: { isConnected in log.changes.withLock { $0.append(isConnected) } },
                    onNotification: { channel, payload in log.heard.withLock { $0.append("\(channel): \(payload)") } })
                listener.start()
                func until(_ condition: () -> Bool) async throws {
                    let start = EventLoop.clock()
                    while !condition() {
                        try #require(EventLoop.clock() - start < 30_000_000_000)
                        try await loop.sleep(.milliseconds(5))
                    }
                }
                let notify = Statement<Void>("notify", "SELECT pg_notify($1, $2)")
                try await until { listener.isConnected }
                _ = try await lane.run(notify, ["feed", "17"])
                _ = try await lane.run(notify, ["To\"kens", "отозван"])
                _ = try await lane.run(notify, ["other", "x"])
                try await until { log.heard.withLock { $0.count == 2 } }
                let kill = Statement<Int>.int(
                    "kill",
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'reglament listener'
                    """)
                #expect(try await lane.run(kill) == [1])
                try await until { !listener.isConnected }
                try await until { listener.isConnected }
                _ = try await lane.run(notify, ["feed", "18"])
                try await until { log.heard.withLock { $0.count == 3 } }
                listener.close()
            }
            #expect(log.heard.withLock { $0 } == ["feed: 17", "To\"kens: отозван", "feed: 18"])
            #expect(log.changes.withLock { $0 } == [true, false, true])
        }
    }
}
