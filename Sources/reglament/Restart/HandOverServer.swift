import CLinux
import EventLoop
import Glibc

/// Waits for the process that is to take over, gives it the listening sockets, and tells when it serves. Control loop only.
///
/// One successor at a time: others wait until it has gone, however long it takes, because this process serves meanwhile.
final class HandOverServer: ReadinessHandler {
    private let loop: EventLoop
    private let control: Int32
    private let path: String
    private let sockets: () -> [Int32]
    private let areGiven: Bool
    private let say: (String) -> Void
    private let taken: (pid_t) -> Void
    private var watch: Watch?
    private var session: Session?
    private var isOpen = true

    /// `control` listens at `path`. `taken` is called with the successor's number when it serves, before it hears that
    /// it was understood.
    init(
        loop: EventLoop, control: Int32, path: String, sockets: @escaping () -> [Int32], areGiven: Bool,
        say: @escaping (String) -> Void, taken: @escaping (pid_t) -> Void
    ) throws {
        self.loop = loop
        self.control = control
        self.path = path
        self.sockets = sockets
        self.areGiven = areGiven
        self.say = say
        self.taken = taken
        try listen()
    }

    /// The file goes too, unless the socket is somebody else's by now.
    func close() {
        guard isOpen else { return }
        isOpen = false
        watch?.cancel()
        session?.end()
        session = nil
        Glibc.close(control)
        unlink(path)
    }

    private func listen() throws { watch = try loop.watch(control, .readable, self) }

    func ready(_ readiness: Readiness) {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        let connection = clinux_accept(control, &storage, &length)
        guard connection >= 0 else { return }  // It went away again; level-triggered, so the next one is told.
        guard let process = HandOver.peer(of: connection) else {
            say("another user asked for the listening sockets and was refused")
            Glibc.close(connection)
            return
        }
        watch?.cancel()
        watch = nil
        do { session = try Session(self, connection, process) } catch { sessionEnded() }
    }

    private func sessionEnded() {
        session = nil
        guard isOpen, watch == nil else { return }
        do { try listen() } catch { say("nobody can take over from this process any more: \(error)") }
    }

    private func handOver(to process: pid_t) {
        isOpen = false
        taken(process)
    }

    /// One successor, from its question until it serves or goes away.
    private final class Session: ReadinessHandler {
        private let server: HandOverServer
        private let connection: Int32
        private let process: pid_t
        private var watch: Watch?
        private var hasSockets = false

        init(_ server: HandOverServer, _ connection: Int32, _ process: pid_t) throws {
            self.server = server
            self.connection = connection
            self.process = process
            do { watch = try server.loop.watch(connection, .readable, self) } catch {
                Glibc.close(connection)
                throw error
            }
        }

        func end() {
            watch?.cancel()
            watch = nil
            Glibc.close(connection)
        }

        func ready(_ readiness: Readiness) {
            var bytes = [UInt8](repeating: 0, count: HandOver.bytesMax)
            let count = recv(connection, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            switch (count > 0 ? Array(bytes[..<count]) : [], hasSockets) {
            case (HandOver.question, false): lend()
            case (HandOver.taken, true):
                server.handOver(to: process)
                _ = send(connection, HandOver.understood, HandOver.understood.count, Int32(MSG_NOSIGNAL))
                end()
                server.session = nil
                Glibc.close(server.control)
            default:
                if hasSockets { server.say("process \(process) did not take over; this one goes on") }
                finish()
            }
        }

        private func lend() {
            let descriptors = [server.control] + server.sockets()
            let answer = server.areGiven ? HandOver.given : HandOver.own
            hasSockets = true
            let sent = clinux_send_descriptors(
                connection, answer, answer.count, descriptors, Int32(descriptors.count))
            if sent < 0 { finish() }
        }

        private func finish() {
            end()
            server.sessionEnded()
        }
    }
}
