import CLinux
import Glibc

/// Tells the service manager how the service is: the protocol of sd_notify(3), without its library. Silent when nobody
/// wants to know.
final class ServiceManager: Sendable {
    private let descriptor: Int32
    private let name: UnixName?

    /// What NOTIFY_SOCKET names is a path or, with `@`, an abstract socket. `say` gets one sentence if it cannot be used.
    init(_ environment: [String: String], say: (String) -> Void) {
        let text = environment["NOTIFY_SOCKET"] ?? ""
        let name = text.hasPrefix("/") || text.hasPrefix("@") ? UnixName(text) : nil
        descriptor = name == nil ? -1 : UnixName.socket(SOCK_DGRAM)
        self.name = name
        if descriptor < 0, !text.isEmpty { say("NOTIFY_SOCKET is `\(text)`: nothing is told to the service manager.") }
        // A manager that does not read must not hold a loop for ever.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// One message of several assignments, such as `READY=1`; whether it was sent. From any thread. With `waits` a manager
    /// that is behind with its reading is waited for, a second at most.
    @discardableResult
    func tell(_ assignments: String..., waits: Bool = true) -> Bool {
        guard let name, descriptor >= 0 else { return false }
        // A line break would begin another assignment.
        let bytes = assignments.map { $0.replacing("\n", with: " ") }.joined(separator: "\n")
        let text = Array(bytes.utf8)
        while true {
            let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
            let sent = name.use { sendto(descriptor, text, text.count, flags, $0, $1) }
            if sent >= 0 { return true }
            guard errno == EINTR else { return false }
        }
    }
}
