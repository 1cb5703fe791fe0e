import EventLoop
import Foundation
import TestKit
import Testing

@testable import reglament

/// A service manager as far as the protocol goes: it opens sockets, is told how things are, and watches.
@Suite(.serialized) struct ServiceManagerTests {
    /// The messages that came to a datagram socket, one string each. They are taken at once: a full socket would hold up
    /// whoever sends.
    private final class Inbox: Sendable {
        private let descriptor: Int32
        private let messages = Locked<[String]>([])

        init(_ descriptor: Int32) {
            self.descriptor = descriptor
            let messages = messages
            Thread.detachNewThread {
                var bytes = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(descriptor, &bytes, bytes.count, 0)
                    if count <= 0 { break }
                    let text = String(decoding: bytes[..<count], as: UTF8.self)
                    messages.withLock { $0.append(text) }
                }
                close(descriptor)
            }
        }

        deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

        var isEmpty: Bool { messages.withLock { $0.isEmpty } }

        /// Nil when none comes; `skipping` leaves out those that say so.
        func next(skipping: String? = nil) async throws -> String? {
            for _ in 0..<12_000 {
                let found = messages.withLock { list in
                    list.removeAll { $0 == skipping }
                    return list.isEmpty ? nil : list.removeFirst()
                }
                if let found { return found }
                try await Task.sleep(for: .milliseconds(5))
            }
            return nil
        }

        /// Leaves out what says that all is well.
        func news() async throws -> String? { try await next(skipping: "WATCHDOG=1") }
    }

    /// The words of a shell that starts the program with two sockets of ours as its descriptors 3 and 4.
    private static func activated(_ settings: [String: String], count: Int = 2, _ sockets: [Int32]) -> Process {
        let script = """
            exec 3<&0 4<&1 </dev/null >/dev/null
            LISTEN_PID=$$ LISTEN_FDS=\(count) LISTEN_FDNAMES=http:local exec "$0" serve
            """
        let process = BuiltProgram.process(["-c", script, BuiltProgram.path], settings, executable: "/bin/sh")
        process.standardInput = FileHandle(fileDescriptor: sockets[0])
        process.standardOutput = FileHandle(fileDescriptor: sockets[1])
        return process
    }

    @Test(.timeLimit(.minutes(3)))
    func `on given sockets one process after the other serves, and who comes in between waits`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let path = "\(folder.path)/http.sock"
            let sockets = [try OpenSocket.listen(), try OpenSocket.listen(at: path)]
            defer { for socket in sockets { close(socket) } }
            let port = OpenSocket.port(of: sockets[0])
            // The settings' own address is not opened: it may well be taken.
            let settings = ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_LISTEN": "127.0.0.1:\(port)"]
            let load = LoadClient(port: port, keeping: 2, fresh: 2)
            for round in 1...2 {
                let before = load.answered
                let service = try await RunningService.start(
                    Self.activated(settings, sockets), in: folder, keepsOutput: true)
                #expect(service.address == "http://127.0.0.1:\(port)")
                #expect(try folder.text("errors").contains("listening on unix:\(path)\n"))
                while load.answered < before + 50 { try await Task.sleep(for: .milliseconds(5)) }
                let request = "GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                #expect(try BlockingConnection(path: path).exchange(request).hasPrefix("HTTP/1.1 200 "))
                if round == 2 { #expect(await load.end().failures == []) }
                #expect(try await service.end(SIGTERM) == 0)
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func `sockets that cannot be served on stop the start with a sentence`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let datagrams = try OpenSocket.datagrams(at: "\(folder.path)/datagrams")
        let good = try OpenSocket.listen()
        let file = open("/dev/null", O_RDONLY)
        defer { for descriptor in [datagrams, good, file] { close(descriptor) } }
        let settings = ["REGLAMENT_DATA": "\(folder.path)/data"]
        for (count, socket, says) in [
            (2, datagrams, "descriptor 4 (`local` in LISTEN_FDNAMES), but it is no stream socket that listens"),
            (2, file, "descriptor 4 (`local` in LISTEN_FDNAMES), but it is no socket"),
            (3, good, "descriptor 5, but it is not open"), (65, good, "LISTEN_FDS is `65`"),
        ] {
            let process = Self.activated(settings, count: count, [good, socket])
            process.standardError = try folder.file("errors")
            try await BuiltProgram.ended(process) { try process.run() }
            let said = try folder.text("errors")
            #expect(process.terminationStatus == 1)
            #expect(said.contains(says) && said.split(separator: "\n").count == 1, "\(said)")
        }
    }

    @Test func `variables that are meant for another process give no sockets`() throws {
        #expect(try GivenSockets([:]) == nil)
        #expect(try GivenSockets(["LISTEN_FDS": "2"]) == nil)
        #expect(try GivenSockets(["LISTEN_FDS": "2", "LISTEN_PID": "\(getpid() + 1)"]) == nil)
        #expect(try GivenSockets(["LISTEN_FDS": "0", "LISTEN_PID": "\(getpid())"]) == nil)
        for count in ["-1", "two", "65", ""] {
            #expect(throws: Failure.self) { try GivenSockets(["LISTEN_FDS": count, "LISTEN_PID": "\(getpid())"]) }
        }
    }

    @Test(arguments: [false, true])
    func `the manager is told of the start, a reload and the stop, and that all is well`(isAbstract: Bool) async throws
    {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let path = "\(folder.path)/notify"
            let inbox = Inbox(
                isAbstract ? try OpenSocket.datagrams(abstract: path) : try OpenSocket.datagrams(at: path))
            let settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL, "NOTIFY_SOCKET": isAbstract ? "@\(path)" : path,
                "WATCHDOG_USEC": "3000000",
            ]
            let service = try await RunningService.start(settings, in: folder)
            let id = service.process.value.processIdentifier
            #expect(try await inbox.news() == "MAINPID=\(id)\nREADY=1\nSTATUS=Listening on \(service.address)")
            #expect(try await inbox.next() == "WATCHDOG=1")
            #expect(try await inbox.next() == "WATCHDOG=1")
            kill(id, SIGHUP)
            let reload = try await inbox.news()?.split(separator: "\n").map(String.init) ?? []
            #expect(reload.first == "RELOADING=1" && reload.count == 2)
            let time = try #require(reload.last?.split(separator: "=").last.flatMap { UInt64($0) })
            #expect(reload.last == "MONOTONIC_USEC=\(time)" && time <= EventLoop.clock() / 1000)
            #expect(try await inbox.news() == "READY=1")
            #expect(try await service.end(SIGTERM) == 0)
            #expect(try await inbox.news() == "STOPPING=1\nSTATUS=Finishing what runs")
        }
    }

    @Test func `the manager is told who has taken over`() async throws {
        let (first, second) = (try PrivateFolder(), try PrivateFolder())
        defer { for folder in [first, second] { folder.remove() } }
        try await TestDatabase.with(.migrated) { database in
            let path = "\(first.path)/notify"
            let inbox = Inbox(try OpenSocket.datagrams(at: path))
            let settings = [
                "REGLAMENT_DATABASE_URL": database.ownerURL, "NOTIFY_SOCKET": path,
                "REGLAMENT_HANDOVER": "\(first.path)/control.sock",
            ]
            let service = try await RunningService.start(settings, in: first)
            #expect(try await inbox.next()?.contains("READY=1") == true)
            // Not the main process as yet: the manager's variables name the other one.
            let watched = ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "\(service.process.value.processIdentifier)"]
            let next = try await RunningService.start(settings.merging(watched) { $1 }, in: second)
            #expect(try await inbox.news() == "MAINPID=\(next.process.value.processIdentifier)")
            #expect(
                try await inbox.news()?.hasPrefix("MAINPID=\(next.process.value.processIdentifier)\nREADY=1\n") == true)
            #expect(try await inbox.next() == "WATCHDOG=1")
            #expect(try await service.ended() == 0)
            #expect(try await next.end(SIGTERM) == 0)
            // The one that was replaced is not the service any more, so its end is none of the service.
            #expect(try await inbox.news() == "STOPPING=1\nSTATUS=Finishing what runs")
        }
    }

    @Test func `while a loop does not turn, nobody is told that all is well`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let inbox = Inbox(try OpenSocket.datagrams(at: "\(folder.path)/notify"))
        let manager = ServiceManager(["NOTIFY_SOCKET": "\(folder.path)/notify"]) { Issue.record("\($0)") }
        let loops = try (0..<2).map { try EventLoop(name: "serve \($0)") }
        for loop in loops { try loop.start() }
        let control = try EventLoop(name: "control")
        try control.start()
        let said = Locked<[String]>([])
        // So long that a busy machine is not taken for a loop that stands still.
        let watchdog = Watchdog(limit: .milliseconds(800), control: control, loops: loops, manager) { line in
            said.withLock { $0.append(line) }
        }
        control.execute { watchdog.start() }
        #expect(try await inbox.next() == "WATCHDOG=1")
        let gate = DispatchSemaphore(value: 0)
        loops[1].execute { gate.wait() }
        #expect(try await inbox.news() == "STATUS=Does not turn: serve 1")
        // What was on its way when the loop stood still has come by now; some intervals later nothing has followed.
        try await Task.sleep(for: .milliseconds(1_600))
        #expect(inbox.isEmpty)
        #expect(said.withLock { $0.count } == 1)
        gate.signal()
        #expect(try await inbox.next() == "WATCHDOG=1")
        #expect(said.withLock { $0.last } == "every loop turns again")
        control.execute { watchdog.stop() }
        for loop in loops + [control] {
            loop.stop()
            loop.join()
        }
    }

    @Test func `only the process that is meant is watched`() {
        let own = "\(getpid())"
        #expect(Watchdog.limit([:]) == nil)
        #expect(Watchdog.limit(["WATCHDOG_USEC": "0"]) == nil)
        #expect(Watchdog.limit(["WATCHDOG_USEC": "soon"]) == nil)
        #expect(Watchdog.limit(["WATCHDOG_USEC": "3000000"]) == .seconds(3))
        #expect(Watchdog.limit(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": own]) == .seconds(3))
        #expect(Watchdog.limit(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"]) == nil)
        #expect(Watchdog.limit(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"], isSuccessor: true) == .seconds(3))
    }

    @Test func `a manager that cannot be reached is told nothing, and that is said`() {
        let said = Locked<[String]>([])
        for name in ["vsock:2:1234", "/" + String(repeating: "x", count: 200)] {
            let manager = ServiceManager(["NOTIFY_SOCKET": name]) { line in said.withLock { $0.append(line) } }
            #expect(!manager.tell("READY=1"))
        }
        #expect(said.withLock { $0.count } == 2)
        let nobody = ServiceManager(["NOTIFY_SOCKET": "/nowhere/notify"]) { _ in Issue.record("it is a good name") }
        #expect(!nobody.tell("READY=1"))
        #expect(!ServiceManager([:]) { _ in Issue.record("nobody asked") }.tell("READY=1"))
    }
}
