import EventLoop
import Glibc
import JSONText
import Regulations
import TicketAPI

/// What the service says: messages on standard error, and a line for each request there or in a file. For all loops; no
/// call waits for a disk or a reader.
final class Log: Sendable {
    private let format: Settings.LogFormat
    private let now: @Sendable () -> Instant
    private let messages: LogSink
    /// Nil: requests are not logged.
    private let requests: LogSink?

    /// Throws one sentence when the file cannot be opened.
    init(
        _ format: Settings.LogFormat, access: Settings.Observation.AccessLog = .standardError,
        now: @escaping @Sendable () -> Instant
    ) throws {
        self.format = format
        self.now = now
        let drops: @Sendable (Int) -> [UInt8] = { lines in
            Self.message(
                "\(lines) lines of the log are missing: whatever takes them was too slow or full", format, now())
        }
        messages = LogSink(STDERR_FILENO, drops: drops)
        switch access {
        case .off: requests = nil
        case .standardError: requests = messages
        case .file(let path): requests = try LogSink(path: path, drops: drops)
        }
    }

    /// Something that the operator should read.
    func say(_ text: String) {
        let line = Self.message(text, format, now())
        messages.append { $0 += line }
    }

    func observe(_ observation: Observation) {
        switch observation {
        case .answered(let request):
            requests?.append { [format, now] in
                switch format {
                case .text: AccessLine.writeText(request, at: now(), into: &$0)
                case .json: AccessLine.writeJSON(request, at: now(), into: &$0)
                }
            }
        case .broke(let requestID, let what): say("request \(requestID): \(what)")
        }
    }

    /// Opens the file of the access log anew, after whoever rotates logs has moved it away. Throws a sentence when it cannot be
    /// opened, and when that has not been told within two seconds: a disk that has stalled must not keep the service from
    /// what else it is to do. On the loop.
    func reopen(on loop: EventLoop) async throws {
        guard let requests else { return }
        let waiting = Locked<UnsafeContinuation<String?, Never>?>(nil)
        let end: @Sendable (String?) -> Void = { reason in
            let continuation = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(returning: reason)
        }
        let patience = loop.after(.seconds(2)) { end("whatever takes it is too slow") }
        defer { patience.cancel() }
        let reason = await withUnsafeContinuation { continuation in
            waiting.withLock { $0 = continuation }
            requests.reopen(done: end)
        }
        if let reason { throw Failure.failed("it was not opened anew: \(reason)") }
    }

    /// Lines that could not be written, so far.
    var droppedLines: Int { messages.droppedLines + (requests === messages ? 0 : requests?.droppedLines ?? 0) }

    /// Waits until everything is written, two seconds at most: a disk that has stalled must not keep the program from
    /// ending.
    func flush() {
        messages.flush(secondsMax: 2)
        requests?.flush(secondsMax: 2)
    }

    private static func message(_ text: String, _ format: Settings.LogFormat, _ now: Instant) -> [UInt8] {
        guard format == .json else { return Array("\(AccessLine.printable(text))\n".utf8) }
        var json = JSONWriter()
        json.object { json in
            json.member("at", now.rfc3339)
            json.member("message", text)
        }
        return json.bytes + [0x0a]
    }
}
