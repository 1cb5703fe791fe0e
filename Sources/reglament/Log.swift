import Glibc
import JSONText
import Regulations
import Synchronization
import TicketAPI
import Tickets

/// Lines on standard error, a request a line, gathered and written together. For all loops.
final class Log: Sendable {
    private let format: Settings.LogFormat
    private let now: @Sendable () -> Instant
    private let waiting = Mutex<[UInt8]>([])
    private static let waitingBytesMax = 32_768

    init(_ format: Settings.LogFormat, now: @escaping @Sendable () -> Instant) {
        self.format = format
        self.now = now
    }

    /// Something that the operator should read.
    func say(_ text: String) {
        var json = JSONWriter()
        json.object { json in
            json.key("at")
            json.string(now().rfc3339)
            json.key("message")
            json.string(text)
        }
        append(format == .json ? json.bytes + [0x0a] : Array("\(Self.printable(text))\n".utf8))
        flush()
    }

    func observe(_ observation: Observation) {
        switch observation {
        case .answered(let request): append(line(request))
        case .broke(let requestID, let what): say("request \(requestID): \(what)")
        }
    }

    /// Called now and then, and at the end.
    func flush() {
        let bytes = waiting.withLock { bytes in
            defer { bytes.removeAll(keepingCapacity: true) }
            return bytes
        }
        if !bytes.isEmpty { Terminal.write(bytes, to: STDERR_FILENO) }
    }

    private func append(_ line: [UInt8]) {
        let isFull = waiting.withLock { bytes in
            bytes += line
            return bytes.count > Self.waitingBytesMax
        }
        if isFull { flush() }
    }

    private func line(_ request: AnsweredRequest) -> [UInt8] {
        guard format == .json else {
            return Array(
                """
                \(now().rfc3339) \(Self.printable(request.requestID)) \(request.user?.text ?? "-") \
                \(Self.printable(request.method)) \(request.route ?? "-") \(request.status) \(request.microseconds)us\n
                """.utf8)
        }
        var json = JSONWriter()
        json.object { json in
            json.key("at")
            json.string(now().rfc3339)
            json.key("request_id")
            json.string(request.requestID)
            json.key("user")
            if let user = request.user { json.string(user.text) } else { json.null() }
            json.key("method")
            json.string(request.method)
            json.key("route")
            if let route = request.route { json.string(route) } else { json.null() }
            json.key("status")
            json.integer(request.status)
            json.key("microseconds")
            json.integer(Int(request.microseconds))
        }
        return json.bytes + [0x0a]
    }

    /// One line stays one line, whatever a client sends.
    private static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    }
}
