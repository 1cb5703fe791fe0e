import Foundation
import TestKit
import Testing

@testable import reglament

@Suite(.serialized) struct RestartTests {
    @Test(.timeLimit(.minutes(3)))
    func `one process after the other takes over, and no request fails`() async throws {
        let folders = try (0..<4).map { _ in try PrivateFolder() }
        defer { for folder in folders { folder.remove() } }
        try await TestDatabase.with(.migrated) { database in
            var settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL,
                "REGLAMENT_HANDOVER": "\(folders[0].path)/control.sock",
            ]
            var service = try await RunningService.start(settings, in: folders[0])
            settings["REGLAMENT_LISTEN"] = "127.0.0.1:\(service.port)"
            let load = LoadClient(port: service.port, keeping: 2, fresh: 2)
            for folder in folders.dropFirst() {
                let before = load.answered
                let next = try await RunningService.start(settings, in: folder)
                #expect(next.address == service.address)
                #expect(try await service.ended() == 0)
                while load.answered < before + 50 { try await Task.sleep(for: .milliseconds(5)) }
                service = next
            }
            let counts = await load.end()
            #expect(counts.failures == [])
            #expect(counts.answered > 150)
            #expect(try await service.end(SIGTERM) == 0)
            #expect(!FileManager.default.fileExists(atPath: "\(folders[0].path)/control.sock"))
            #expect(try folders[1].text("errors").contains("took over from the running server"))
        }
    }

    @Test func `a successor that fails leaves the running one as it is`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let taken = try BlockingListener()
            let settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_HANDOVER": "\(folder.path)/control.sock",
            ]
            let service = try await RunningService.start(settings, in: folder)
            let own = "127.0.0.1:\(service.port)"
            let mistakes = [
                ["REGLAMENT_HOME": "/nowhere"], ["REGLAMENT_DATABASE_URL": "host=/nowhere dbname=x"],
                // Found only after the sockets were asked for.
                ["REGLAMENT_LISTEN": "\(own),127.0.0.1:\(taken.port)"],
            ]
            for mistake in mistakes {
                let result = try await BuiltProgram.run(["serve"], settings.merging(mistake) { $1 })
                #expect(result.status == 1 && !result.errors.isEmpty)
                #expect(try await service.call("GET", "/readyz", token: "").status == 200)
            }
            // It can still be replaced, by one that listens elsewhere too.
            let next = try PrivateFolder()
            defer { next.remove() }
            let elsewhere = settings.merging(["REGLAMENT_LISTEN": "127.0.0.1:0,unix:\(next.path)/s"]) { $1 }
            let successor = try await RunningService.start(elsewhere, in: next)
            #expect(successor.address == service.address)
            #expect(try await service.ended() == 0)
            let answer = try BlockingConnection(path: "\(next.path)/s").exchange(
                "GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(try await successor.end(SIGTERM) == 0)
        }
    }

    @Test func `a server started by mistake displaces nobody`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let path = "\(folder.path)/control.sock"
            var settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_HANDOVER": path]
            let service = try await RunningService.start(settings, in: folder)
            settings["REGLAMENT_LISTEN"] = "127.0.0.1:\(service.port)"
            settings["REGLAMENT_HANDOVER"] = nil
            let result = try await BuiltProgram.run(["serve"], settings)
            #expect(result.status == 1 && result.errors.contains("somebody else listens there"))
            #expect(try await service.call("GET", "/readyz", token: "").status == 200)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `the private PostgreSQL stays up when its server is replaced`() async throws {
        let (first, second) = (try PrivateFolder(), try PrivateFolder())
        defer { for folder in [first, second] { folder.remove() } }
        let settings = ["REGLAMENT_DATA": "\(first.path)/data", "REGLAMENT_HANDOVER": "\(first.path)/control.sock"]
        let service = try await RunningService.start(settings, in: first)
        let postmaster = try first.text("data/postgres/postmaster.pid").split(separator: "\n").first
        let next = try await RunningService.start(settings, in: second)
        #expect(try await service.ended() == 0)
        #expect(try first.text("data/postgres/postmaster.pid").split(separator: "\n").first == postmaster)
        #expect(try await next.call("GET", "/readyz", token: "").status == 200)
        #expect(try await next.end(SIGTERM) == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(first.path)/data/postgres/postmaster.pid"))
    }

    @Test func `a second signal ends at once what the first would have waited for`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DRAIN": "600"]
            let service = try await RunningService.start(settings, in: folder)
            let request = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
            let asking = try BlockingConnection(port: service.port)
            let staying = try BlockingConnection(port: service.port)
            for connection in [asking, staying] { _ = try connection.exchange(request) }
            kill(service.process.value.processIdentifier, SIGTERM)
            while !(try asking.exchange(request).contains("\r\nConnection: close\r\n")) {}
            #expect(asking.receiveRest() == "")
            #expect(service.isRunning)
            #expect(try await service.end(SIGTERM) == 0)
            #expect(service.process.value.terminationReason == .exit)
            #expect(staying.receiveRest() == nil)
        }
    }

    @Test func `a stream of events ends in order as soon as the server stops`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            // A stream that went on until the end of the drain would let the test run out of time.
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_DRAIN": "600"]
            let words = ["token", "create", "--email", "egor@support.example.com", "--role", "engineer"]
            let token = try #require(try await BuiltProgram.run(words, settings).lines.first)
            let service = try await RunningService.start(settings, in: folder)
            let listener = try BlockingConnection(port: service.port)
            let head = try listener.begin(
                """
                GET /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\
                Accept: text/event-stream\r\n\r\n
                """)
            #expect(head.hasPrefix("HTTP/1.1 200 ") && head.contains("\r\nConnection: close\r\n"))
            #expect(try await service.end(SIGTERM) == 0)
            #expect(listener.receiveRest()?.hasSuffix("0\r\n\r\n") == true)
        }
    }

    @Test func `a reload whose access log cannot be opened anew says that not all was reloaded`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let logs = "\(folder.path)/logs"
            try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: false)
            let settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_ACCESS_LOG": "\(logs)/access.log",
            ]
            let service = try await RunningService.start(settings, in: folder)
            func reload() async throws -> String {
                let before = try folder.text("errors").split(separator: "\n").count
                kill(service.process.value.processIdentifier, SIGHUP)
                while true {
                    let new = try folder.text("errors").split(separator: "\n").dropFirst(before)
                    if let end = new.firstIndex(where: { $0.hasSuffix("reloaded") }) {
                        return new[...end].joined(separator: "\n")
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            try FileManager.default.moveItem(atPath: logs, toPath: logs + ".1")
            let faulty = try await reload()
            #expect(faulty.hasPrefix("SIGHUP: went on with the access log that it has: "), "\(faulty)")
            #expect(faulty.hasSuffix("\nnot everything was reloaded"), "\(faulty)")
            try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: false)
            #expect(try await reload().hasSuffix("\nreloaded"))
            #expect(FileManager.default.fileExists(atPath: "\(logs)/access.log"))
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `SIGHUP reloads and ends nothing`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let service = try await RunningService.start(["REGLAMENT_DATABASE_URL": database.ownerURL], in: folder)
            for count in 1...2 {
                kill(service.process.value.processIdentifier, SIGHUP)
                while try folder.text("errors").split(separator: "\n").count(where: { $0 == "reloaded" }) < count {
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(try await service.call("GET", "/readyz", token: "").status == 200)
            }
            #expect(try await service.end(SIGTERM) == 0)
        }
    }
}

/// Keeps a port taken.
private final class BlockingListener {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = try OpenSocket.listen()
        port = OpenSocket.port(of: descriptor)
    }

    deinit { close(descriptor) }
}
