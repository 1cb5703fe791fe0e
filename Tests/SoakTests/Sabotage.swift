import Foundation

@testable import soak

/// Where something is played, and then undone by a superuser deed by deed: the checks must find each.
enum Sabotage {
    /// Plays on a thread of its own, because the driver blocks and tests have few threads. `body` gets a site of one instance and
    /// the folder of the built programs, and gives what was not as it should be.
    static func play(_ body: @escaping @Sendable (Site, _ products: String) throws -> [String]) async throws -> [String]
    {
        try await withCheckedContinuation { continuation in
            _ = Worker { continuation.resume(returning: Result { try onSite(body) }) }
        }.get()
    }

    private static func onSite(_ body: (Site, _ products: String) throws -> [String]) throws -> [String] {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let products = (own as NSString).deletingLastPathComponent
        let folder = "/tmp/rgl-soak-test-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let site = try Site(
            Options([
                "--folder", folder, "--home", FileManager.default.currentDirectoryPath, "--binary",
                "\(products)/reglament",
            ]), instances: 1)
        defer { site.close() }
        return try body(site, products)
    }

    /// The deeds after which no fault has the word; each is taken back.
    static func unseen(
        _ deeds: [(String, String)], _ database: Database, faults: () throws -> [String]
    ) throws -> [String] {
        try database.rows("SET session_replication_role = replica")
        var unseen: [String] = []
        for (sql, word) in deeds {
            try database.rows("BEGIN; \(sql)")
            let found = try faults()
            if !found.contains(where: { $0.contains(word) }) { unseen.append("not found: \(sql): \(found.prefix(3))") }
            try database.rows("ROLLBACK")
        }
        return unseen
    }
}
