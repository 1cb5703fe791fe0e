import Foundation
import TestKit

/// A PostgreSQL of one test, which may be stopped and started.
final class SmallCluster: Sendable {
    private let folder: String
    let url: String

    init(settings: String = "") throws {
        _ = try TestDatabase.serverURL()
        folder = "/tmp/rgl-small-\(UInt32.random(in: 0...UInt32.max))"
        url = "host=\(folder) user=postgres dbname=postgres"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try Self.run(["chown", Self.owner, folder], asOwner: false)
        try Self.run([
            Self.binary("initdb"), "--pgdata=\(folder)/data", "--username=postgres", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale=C.UTF-8",
        ])
        let file = "\(folder)/data/postgresql.conf"
        let common = "listen_addresses = ''\nunix_socket_directories = '\(folder)'\nfsync = off\n"
        let text = try String(contentsOfFile: file, encoding: .utf8) + common + settings
        try text.write(toFile: file, atomically: false, encoding: .utf8)
    }

    func start() throws {
        try Self.run([Self.binary("pg_ctl"), "start", "--pgdata=\(folder)/data", "--wait", "--log=\(folder)/log"])
    }

    func stop(_ mode: String = "fast") throws {
        try Self.run([Self.binary("pg_ctl"), "stop", "--pgdata=\(folder)/data", "--wait", "--mode=\(mode)"])
    }

    /// Stops every process of it where it stands, as a machine that hangs; connections stay open and nobody answers.
    func freeze() throws {
        let number = try String(contentsOfFile: "\(folder)/data/postmaster.pid", encoding: .utf8).split(
            separator: "\n")[0]
        // First the one that would go on starting others.
        if let postmaster = pid_t(number) { kill(postmaster, SIGSTOP) }
        signal(SIGSTOP)
    }

    func thaw() { signal(SIGCONT) }

    /// To all who work in its folder.
    private func signal(_ number: Int32) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = pid_t(name),
                let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd"),
                place == "\(folder)/data"
            else { continue }
            kill(process, number)
        }
    }

    func remove() {
        thaw()
        try? stop("immediate")
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static let owner = geteuid() == 0 ? (getpwnam("postgres") == nil ? "nobody" : "postgres") : NSUserName()

    private static func binary(_ name: String) -> String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = versions.compactMap { Int($0) }.max() ?? 15
        return "/usr/lib/postgresql/\(newest)/bin/\(name)"
    }

    /// Not by Foundation's Process: that waits until the server, too, has let go of what it inherited.
    private static func run(_ command: [String], asOwner: Bool = true) throws {
        let group = owner == "nobody" ? "nogroup" : owner
        let user = ["setpriv", "--reuid=\(owner)", "--regid=\(group)", "--clear-groups", "--"]
        let words = ["/usr/bin/env", "--chdir=/"] + (asOwner && geteuid() == 0 ? user : []) + command
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for stream in Int32(0)...2 { posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0) }
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child = pid_t()
        var status: Int32 = -1
        let code = posix_spawn(&child, words[0], &actions, nil, arguments, environ)
        if code == 0 {
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
        }
        struct Failed: Error { let command: [String] }
        guard code == 0, status == 0 else { throw Failed(command: command) }
    }
}
