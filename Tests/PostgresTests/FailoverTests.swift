import EventLoop
import Glibc
import Postgres
import TestKit
import Testing

/// Connection strings that name several servers, of which one is to be found.
@Suite struct FailoverTests {
    private static let hostNumber = Statement<Int>.int("where", "SELECT current_setting('reglament.number')::integer")

    /// Two servers that know their numbers; the string that names both.
    private static func withTwo(
        _ settings: [String] = ["", ""], _ body: ([SmallCluster], String) async throws -> Void
    ) async throws {
        let clusters = try settings.enumerated().map { number, text in
            try SmallCluster(settings: "\(text)\nreglament.number = \(number)\n")
        }
        defer { clusters.forEach { $0.remove() } }
        for cluster in clusters { try cluster.start() }
        let hosts = clusters.map { $0.url.split(separator: " ")[0].dropFirst("host=".count) }
        try await body(
            clusters,
            "host=\(hosts.joined(separator: ",")) user=postgres dbname=postgres target_session_attrs=read-write")
    }

    /// Asks until it is answered, and says by which server.
    private static func answering(_ lane: Lane, on loop: EventLoop, within seconds: UInt64 = 20) async throws -> Int {
        let start = EventLoop.clock()
        while true {
            do { return try await lane.run(hostNumber).first ?? -1 } catch {
                try #require(EventLoop.clock() - start < seconds * 1_000_000_000, "\(error)")
                try await loop.sleep(.milliseconds(20))
            }
        }
    }

    @Test func `the server that takes writes is found, wherever it stands`() async throws {
        let readOnly = "default_transaction_read_only = on"
        for (settings, expected) in [([readOnly, ""], 1), (["", readOnly], 0)] {
            try await Self.withTwo(settings) { _, url in
                try await withLane(.exclusive(connections: 2), url: url) { loop, lane in
                    let answering = try await Self.answering(lane, on: loop)
                    #expect(answering == expected)
                }
            }
        }
    }

    @Test(arguments: [LaneOptions.Mode.pipelined(connections: 2), .exclusive(connections: 2)])
    func `when a server dies the other one is asked`(mode: LaneOptions.Mode) async throws {
        try await Self.withTwo { clusters, url in
            try await withLane(mode, url: url) { loop, lane in
                #expect(try await Self.answering(lane, on: loop) == 0)
                try clusters[0].stop("immediate")
                #expect(try await Self.answering(lane, on: loop) == 1)
            }
        }
    }

    @Test func `a server that has turned read-only is left for the one that takes writes`() async throws {
        try await Self.withTwo { _, url in
            try await withLane(.exclusive(connections: 2), url: url) { loop, lane in
                try await lane.withConnection { try await $0.script("CREATE TABLE written (number integer)") }
                try await lane.withConnection {
                    try await $0.script("ALTER SYSTEM SET default_transaction_read_only = on")
                    try await $0.script("SELECT pg_reload_conf()")
                }
                let write = Statement<Void>("write", "INSERT INTO written VALUES (1)")
                var error: PostgresError?
                while error == nil {
                    error = await failure { _ = try await lane.run(write) }
                    try await loop.sleep(.milliseconds(5))
                }
                guard case .unavailable = error else {
                    Issue.record("who turned read-only may be asked again elsewhere: \(String(describing: error))")
                    return
                }
                #expect(try await Self.answering(lane, on: loop) == 1)
            }
        }
    }

    @Test func `who waits for long is not failed by a first server that says nothing`() async throws {
        try await Self.withTwo { clusters, url in
            try clusters[0].freeze()
            try await withLane(.exclusive(connections: 1), url: url + " connect_timeout=2") { _, lane in
                let answering = try await lane.run(Self.hostNumber)
                #expect(answering == [1])
            }
        }
    }

    @Test func `when a server hangs, not every idle connection has to find out by itself`() async throws {
        try await Self.withTwo { clusters, url in
            let change: @Sendable (inout LaneOptions) -> Void = { $0.statementTimeout = .seconds(3) }
            let mode = LaneOptions.Mode.exclusive(connections: 5)
            try await withLane(mode, url: url + " connect_timeout=2", change) { loop, lane in
                _ = await together(5, on: loop) { _ in try await lane.run(.int("nap", "SELECT 1 FROM pg_sleep(0.3)")) }
                #expect(lane.counts.connections == 5)
                try clusters[0].freeze()
                let error = await failure { _ = try await lane.run(Self.hostNumber) }
                guard case .unavailable = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                // The next one is given two seconds by `connect_timeout`; each of the others would take five.
                let answering = try await Self.answering(lane, on: loop, within: 14)
                #expect(answering == 1)
            }
        }
    }

    @Test func `when a server hangs, not every lane has to find out by itself`() async throws {
        try await Self.withTwo { clusters, string in
            let url = string + " connect_timeout=2"
            let change: @Sendable (inout LaneOptions) -> Void = { $0.statementTimeout = .seconds(1) }
            try await withLane(.exclusive(connections: 2), url: url, change) { loop, lane in
                var options = LaneOptions(name: "patient", mode: .exclusive(connections: 2))
                options.statementTimeout = .seconds(30)
                let patient = Lane(loop: loop, connectionString: url, options: options)
                Lane.group([lane, patient])
                #expect(try await Self.answering(patient, on: loop) == 0)
                #expect(try await Self.answering(lane, on: loop) == 0)
                try clusters[0].freeze()
                _ = await failure { _ = try await lane.run(Self.hostNumber) }
                // Alone it would ask the connection that it has, and wait for half a minute.
                let answering = try await Self.answering(patient, on: loop, within: 16)
                #expect(answering == 1)
                await patient.close()
            }
        }
    }

    @Test func `a script on a server that has turned read-only ends its connection, too`() async throws {
        try await Self.withTwo { _, url in
            try await withLane(.exclusive(connections: 1), url: url) { loop, lane in
                _ = await failure {
                    try await lane.withConnection {
                        try await $0.script("SET default_transaction_read_only = on")
                        try await $0.script("CREATE TABLE written (number integer)")
                    }
                }
                _ = try await Self.answering(lane, on: loop)
                try await lane.withConnection { try await $0.script("CREATE TABLE written (number integer)") }
            }
        }
    }

    @Test func `a host that takes connections and says nothing does not keep a lane from the next`() async throws {
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(silent) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard bind(silent, $0, length) == 0, listen(silent, 64) == 0, getsockname(silent, $0, &length) == 0
                else { return UInt16(0) }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        try #require(port != 0)
        try await Self.withTwo { clusters, _ in
            let folder = clusters[1].url.split(separator: " ")[0].dropFirst("host=".count)
            for form in [
                "host=127.0.0.1,\(folder) port=\(port),5432 user=postgres dbname=postgres connect_timeout=2",
                "postgresql://postgres@127.0.0.1:\(port),\(folder.replacing("/", with: "%2F"))/postgres?connect_timeout=2",
            ] {
                for mode in [LaneOptions.Mode.pipelined(connections: 2), .exclusive(connections: 2)] {
                    try await withLane(mode, url: form) { loop, lane in
                        let answering = try await Self.answering(lane, on: loop)
                        #expect(answering == 1, "\(form)")
                    }
                }
                let heard = Locked(false)
                try await onLoop { loop in
                    let listener = Listener(
                        loop: loop, connectionString: form, channels: ["x"],
                        onChange: { isConnected in heard.withLock { $0 = isConnected } }, onNotification: { _, _ in })
                    listener.start()
                    let start = EventLoop.clock()
                    while !listener.isConnected, EventLoop.clock() - start < 20_000_000_000 {
                        try await loop.sleep(.milliseconds(20))
                    }
                    #expect(heard.withLock { $0 }, "\(form)")
                    listener.close()
                }
            }
        }
    }
}
