import EventLoop
import Foundation
import Postgres
import TestKit
import Testing

@testable import reglament

@Suite(.serialized) struct PrivateClusterTests {
    @Test func `the first start makes a cluster, the last one to leave stops it, the next finds the data`() async throws
    {
        let folder = try Folder()
        defer { folder.remove() }
        let first = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        #expect(folder.said.contains { $0.contains("Making a PostgreSQL cluster") })
        try await run("CREATE TABLE kept AS SELECT 'данные'::text AS what", at: first.ownerURL)
        let second = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        #expect(second.ownerURL == first.ownerURL)
        let id = try #require(folder.postmaster)
        #expect(getsid(id) == id, "Ctrl-C at our terminal must not reach PostgreSQL.")
        first.close()
        #expect(folder.isRunning(id))
        #expect(try await text("SELECT what FROM kept", at: second.ownerURL) == "данные")
        second.close()
        second.close()
        #expect(!folder.isRunning(id))
        let third = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        defer { third.close() }
        #expect(try await text("SELECT what FROM kept", at: third.ownerURL) == "данные")
    }

    @Test func `the service's role owns nothing and may make nothing`() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let cluster = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        defer { cluster.close() }
        let sql = """
            SELECT concat_ws(' ', current_user, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls,
                current_setting('listen_addresses') = '', current_setting('max_connections'))
              FROM pg_roles WHERE rolname = current_user
            """
        #expect(try await text(sql, at: cluster.serviceURL) == "reglament f f f f f t 300")
        await #expect(throws: PostgresError.self) { try await run("CREATE TABLE mine (n int)", at: cluster.serviceURL) }
        let path = try await text(
            "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.5432'", at: cluster.ownerURL)
        #expect(path.utf8.count <= 60)
        let attributes = try FileManager.default.attributesOfItem(atPath: (path as NSString).deletingLastPathComponent)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test func `a cluster left by a killed command is taken over as it is, and stopped at the end`() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let data = folder.data
        await #expect(processExitsWith: .signal(SIGKILL)) { [data = data as String] in
            let cluster = try PrivateCluster.open(dataDirectory: data) { _ in }
            try await run("CREATE TABLE kept AS SELECT 'x'::text AS what", at: cluster.ownerURL)
            kill(getpid(), SIGKILL)
            cluster.close()
        }
        let id = try #require(folder.postmaster)
        #expect(folder.isRunning(id))
        let next = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        #expect(folder.postmaster == id)
        #expect(try await text("SELECT what FROM kept", at: next.ownerURL) == "x")
        next.close()
        #expect(!folder.isRunning(id))
    }

    @Test func `a killed PostgreSQL is started again over its stale process file`() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let first = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        try await run("CREATE TABLE kept AS SELECT 'x'::text AS what", at: first.ownerURL)
        let id = try #require(folder.postmaster)
        kill(id, SIGKILL)
        first.close()
        // The number in the file may belong to somebody else by now, here to this very process.
        let file = folder.cluster + "/postmaster.pid"
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
        try (["\(getpid())"] + lines.map(String.init)).joined(separator: "\n").write(
            toFile: file, atomically: false, encoding: .utf8)
        let second = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        defer { second.close() }
        #expect(try await text("SELECT what FROM kept", at: second.ownerURL) == "x")
    }

    @Test func `a killed PostgreSQL comes back while it is kept`() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let cluster = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        defer { cluster.close() }
        try await run("CREATE TABLE kept AS SELECT 'x'::text AS what", at: cluster.ownerURL)
        let id = try #require(folder.postmaster)
        let data = folder.data
        try await onLoop { loop in
            let keeping = Task(executorPreference: loop) {
                await PrivateCluster.keep(dataDirectory: data, on: loop, say: { _ in })
            }
            kill(id, SIGKILL)
            while folder.postmaster.map({ $0 == id || !folder.isRunning($0) }) ?? true {
                try await Task.sleep(for: .milliseconds(50))
            }
            keeping.cancel()
            await keeping.value
        }
        #expect(try await text("SELECT what FROM kept", at: cluster.ownerURL) == "x")
    }

    @Test func `a long path with blanks and Cyrillic will do`() async throws {
        let folder = try Folder(
            below: "/длинный путь с пробелами и 'кавычками' \(String(repeating: "д", count: 80))/x$(y)")
        defer { folder.remove() }
        #expect(folder.data.utf8.count > 150)
        let cluster = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
        defer { cluster.close() }
        #expect(try await text("SELECT 'да'", at: cluster.serviceURL) == "да")
    }

    @Test(.enabled(if: geteuid() == 0, "only root runs PostgreSQL as somebody else"))
    func `data under a closed folder goes elsewhere, is said and is found again`() async throws {
        let folder = try Folder(below: "/closed")
        defer { folder.remove() }
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700], ofItemAtPath: (folder.data as NSString).deletingLastPathComponent)
        for round in 1...2 {
            let cluster = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
            defer { cluster.close() }
            let line = try #require(folder.said.last { $0.contains("/var/lib/reglament/") })
            folder.elsewhere = String(line.split(separator: " ").last?.dropLast(1) ?? "")
            if round == 1 { try await run("CREATE TABLE kept AS SELECT 'x'::text AS what", at: cluster.ownerURL) }
            #expect(try await text("SELECT what FROM kept", at: cluster.ownerURL) == "x")
        }
    }

    @Test func `many who start at once share one cluster`() async throws {
        let folder = try Folder()
        defer { folder.remove() }
        let urls = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let cluster = try PrivateCluster.open(dataDirectory: folder.data, say: folder.say)
                    defer { cluster.close() }
                    return try await text("SELECT 'up'", at: cluster.serviceURL)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(urls == ["up", "up"])
        #expect(folder.postmaster.map(folder.isRunning) != true)
    }

    @Test func `a folder that holds something else is refused`() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try FileManager.default.createDirectory(atPath: folder.cluster, withIntermediateDirectories: true)
        try "mine".write(toFile: folder.cluster + "/notes", atomically: true, encoding: .utf8)
        #expect(throws: ClusterError.self) { try PrivateCluster.open(dataDirectory: folder.data, say: folder.say) }
    }
}

/// A data folder of one test. Unchecked: each test uses it alone, `lines` behind its lock.
private final class Folder: @unchecked Sendable {
    let data: String
    var elsewhere: String?
    private let root: String
    private let lock = NSLock()
    private var lines: [String] = []

    init(below path: String = "") throws {
        umask(0o022)
        root = "/tmp/rgl-data-\(UInt32.random(in: 0...UInt32.max))"
        data = root + path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    }

    var cluster: String { elsewhere ?? data + "/postgres" }
    var said: [String] { lock.withLock { lines } }

    func say(_ line: String) { lock.withLock { lines.append(line) } }

    var postmaster: pid_t? {
        (try? String(contentsOfFile: cluster + "/postmaster.pid", encoding: .utf8))
            .flatMap { $0.split(separator: "\n").first }.flatMap { pid_t($0) }
    }

    func isRunning(_ id: pid_t) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")) != nil
    }

    func remove() {
        if let id = postmaster, id != getpid(), isRunning(id) { kill(id, SIGQUIT) }
        try? FileManager.default.removeItem(atPath: root)
        if let elsewhere {
            try? FileManager.default.removeItem(atPath: (elsewhere as NSString).deletingLastPathComponent)
        }
    }
}

private func text(_ sql: String, at url: String) async throws -> String {
    try await onLoop { loop in
        let lane = Lane(
            loop: loop, connectionString: url, options: .single("test"))
        let statement = Statement<String>("text", sql) { (row: inout ResultRow) throws(RowError) in try row.text() }
        do {
            let rows = try await lane.run(statement)
            await lane.close()
            return rows.first ?? ""
        } catch {
            await lane.close()
            throw error
        }
    }
}

private func run(_ sql: String, at url: String) async throws {
    _ = try await text(sql, at: url)
}
