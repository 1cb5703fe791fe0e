import Foundation
import Synchronization

/// A client of a stream of events: parses what comes on a thread of its own. Closes when it is let go of.
final class EventSource: Sendable {
    struct Event: Sendable {
        let id: Int
        let data: JSON
    }

    /// The head's lines; what came of the stream so far.
    struct Seen: Sendable {
        var head: [String] = []
        var events: [Event] = []
        var heartbeats = 0
        var retries: [String] = []
        var isOver = false
        /// A line that belongs to no stream of events.
        var strange: [String] = []

        var status: Int { head.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
        func field(_ name: String) -> String? {
            head.first { $0.lowercased().hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
        }
    }

    struct TooLate: Error { let seen: Seen }

    /// Closed when neither its reader nor its owner holds it any longer: the number may then be another socket's.
    private final class Descriptor: Sendable {
        let number: Int32

        init(_ number: Int32) { self.number = number }
        deinit { close(number) }
    }

    private let descriptor: Descriptor
    private let seen = Mutex(Seen())

    /// `reads` false: takes nothing from the socket until `read()`.
    convenience init(
        _ world: World, _ path: String, as person: Person, fields: [(String, String)] = [], reads: Bool = true,
        minorVersion: Int = 1
    ) throws {
        try self.init(
            world, path, secret: Person.secrets[person] ?? "", fields: fields, reads: reads, minorVersion: minorVersion)
    }

    init(
        _ world: World, _ path: String, secret: String, fields: [(String, String)] = [], reads: Bool = true,
        minorVersion: Int = 1
    ) throws {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = Descriptor(number)
        if !reads {
            var size: Int32 = 4096
            setsockopt(number, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = world.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw SocketClient.Failed(what: "connect") }
        var head = "GET \(path) HTTP/1.\(minorVersion)\r\nHost: test\r\nAccept: text/event-stream\r\n"
        head += "Authorization: Bearer \(secret)\r\n"
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        let request = Array((head + "\r\n").utf8)
        guard send(number, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw SocketClient.Failed(what: "send")
        }
        if reads { read() }
    }

    deinit { shutdown(descriptor.number, Int32(SHUT_RDWR)) }

    /// The client goes away.
    func leave() { shutdown(descriptor.number, Int32(SHUT_RDWR)) }

    func read() {
        let descriptor = descriptor
        // The thread ends when the connection does, and must not keep this alive until then.
        Thread.detachNewThread { [weak self] in
            var text = Data()
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor.number, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                text += buffer[..<count]
                while let end = text.firstRange(of: Data("\n".utf8)) {
                    self?.take(String(decoding: text[..<end.lowerBound], as: UTF8.self))
                    text = Data(text[end.upperBound...])
                }
            }
            self?.seen.withLock { $0.isOver = true }
        }
    }

    private let id = Mutex(0)
    private let isBody = Mutex(false)

    private func take(_ line: String) {
        let isBody = isBody.withLock { isBody in
            defer { if line == "\r" { isBody = true } }
            return isBody
        }
        seen.withLock { seen in
            guard isBody else { return seen.head.append(line.trimmingCharacters(in: .whitespaces.union(.newlines))) }
            // Lines of the chunked coding end in CR LF, and ours never do.
            if line == "0\r" { seen.isOver = true }
            if line.hasSuffix("\r") || line.isEmpty { return }
            if line.hasPrefix("id: ") {
                id.withLock { $0 = Int(line.dropFirst(4)) ?? -1 }
            } else if line.hasPrefix("data: ") {
                let data = (try? JSON(Array(line.dropFirst(6).utf8))) ?? JSON(nil)
                seen.events.append(Event(id: id.withLock { $0 }, data: data))
            } else if line.hasPrefix(":") {
                seen.heartbeats += 1
            } else if line.hasPrefix("retry: ") {
                seen.retries.append(String(line.dropFirst(7)))
            } else {
                seen.strange.append(line)
            }
        }
    }

    /// Waits for as long as a slow machine may need.
    @discardableResult
    func until(_ isEnough: @Sendable (Seen) -> Bool) async throws -> Seen {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let seen = seen.withLock { $0 }
            if isEnough(seen) { return seen }
            guard ContinuousClock.now < deadline else { throw TooLate(seen: seen) }
            try await Task.sleep(for: .milliseconds(3))
        }
    }

    func events(_ count: Int) async throws -> [Event] { try await until { $0.events.count >= count }.events }

    /// Waits for the server to end it, cleanly or not.
    func end() async throws -> Seen { try await until(\.isOver) }
}
