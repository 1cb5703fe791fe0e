import CLinux
import EventLoop
import Glibc
import Synchronization

/// One listening socket as one loop sees it; the socket is shared by all loops. Loop thread only.
final class Listener: ReadinessHandler {
    private let context: LoopContext
    private let socket: OpenSocket
    private var watch: Watch?
    private var pause: LoopTimer?

    /// So many connections are taken before the others' events get their turn.
    private static let acceptedMax = 32
    private static let pauseSeconds = 0.1

    init(context: LoopContext, socket: OpenSocket) {
        self.context = context
        self.socket = socket
    }

    func resume() {
        pause = nil
        do throws(EventLoopError) {
            watch = try context.loop.watch(socket.descriptor, .readable, exclusive: true, self)
        } catch {
            _ = rest()  // No memory for another watch: it may come back.
        }
    }

    func stop() {
        watch?.cancel()
        pause?.cancel()
        watch = nil
    }

    func ready(_ readiness: Readiness) { _ = accept(Self.acceptedMax) }

    /// Takes those that wait already, as far as there is room for them.
    func acceptWaiting() { _ = accept(Int(context.shared.configuration.backlog)) }

    /// Whether there may be more.
    private func accept(_ count: Int) -> Bool {
        for _ in 0..<count {
            let shared = context.shared
            // Somewhat more than the cap are taken, to be told so; beyond that they wait in the backlog.
            let most = shared.configuration.connectionsMax + shared.configuration.connectionsMax / 8 + 16
            if shared.connections.load(ordering: .relaxed) >= most { return rest() }
            var storage = sockaddr_storage()
            var length = UInt32(MemoryLayout<sockaddr_storage>.size)
            let accepted = clinux_accept(socket.descriptor, &storage, &length)
            if accepted >= 0 {
                context.distribute(
                    OpenSocket(descriptor: accepted, tls: socket.tls),
                    from: Peer(IPAddress(storage), shared.configuration))
                continue
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return false
            // EMFILE, ENFILE, ENOBUFS, ENOMEM: the listener stays readable, and would be told for ever.
            default: return rest()
            }
        }
        return true
    }

    /// False: there is no room now.
    private func rest() -> Bool {
        watch?.cancel()
        watch = nil
        pause?.cancel()
        pause = context.loop.after(.seconds(Self.pauseSeconds)) { [weak self] in self?.resume() }
        return false
    }
}
