import EventLoop
import Glibc

/// A connection of a trusted proxy whose PROXY header has not come yet; it takes no byte beyond the header, so that
/// what follows, a TLS handshake perhaps, finds its own. Loop thread only.
final class ProxyGreeting: ReadinessHandler {
    private let context: LoopContext
    private let socket: OpenSocket
    private let peer: Peer
    private var watch: Watch?
    private var limit: LoopTimer?
    /// Bytes of the header that are still to be dropped, once it has been understood.
    private var remaining: Int?
    private var client: Peer

    init(context: LoopContext, socket: OpenSocket, peer: Peer) {
        self.context = context
        self.socket = socket
        self.peer = peer
        client = peer
    }

    func open() {
        do throws(EventLoopError) {
            watch = try context.loop.watch(socket.descriptor, .readable, edgeTriggered: true, self)
        } catch {
            return refuse()
        }
        expire(after: context.shared.configuration.headSecondsMax)
    }

    /// A connection without a request, as the others are.
    func prepareToStop() {
        let now = context.loop.now
        let end = max(context.idleUntil ?? now, now)
        expire(after: Double(end - now) / 1_000_000_000)
    }

    private func expire(after seconds: Double) {
        limit?.cancel()
        limit = context.loop.after(.seconds(seconds)) { [weak self] in self?.refuse() }
    }

    func ready(_ readiness: Readiness) {
        // Only looked at until it is whole: the next edge comes with the next bytes.
        if remaining == nil {
            var bytes = [UInt8](repeating: 0, count: ProxyHeader.bytesSeenMax)
            let count = receive(&bytes, bytes.count, Int32(MSG_PEEK))
            guard count != 0 else { return refuse() }
            guard count > 0 else { return errno == EAGAIN ? () : refuse() }
            switch ProxyHeader.parse(bytes[..<count]) {
            case .needMore:
                if !readiness.isDisjoint(with: [.ended, .hangup, .error]) { refuse() }
                return
            case .malformed: return refuse()
            case .complete(let address, let length):
                remaining = length
                if let address { client = Peer(address, context.shared.configuration) }
            }
        }
        drop()
    }

    /// Takes the header out of the socket, and nothing more.
    private func drop() {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        while let left = remaining, left > 0 {
            let count = receive(&bytes, min(left, bytes.count), 0)
            guard count != 0 else { return refuse() }
            guard count > 0 else { return errno == EAGAIN ? () : refuse() }
            remaining = left - count
        }
        end()
        context.admit(socket, from: client)
    }

    private func receive(_ bytes: inout [UInt8], _ count: Int, _ flags: Int32) -> Int {
        while true {
            let received = Glibc.recv(socket.descriptor, &bytes, count, flags)
            if received >= 0 || errno != EINTR { return received }
        }
    }

    /// Nothing can be said to a proxy that does not speak its protocol.
    func refuse() {
        end()
        _ = Glibc.close(socket.descriptor)
        context.forget()
    }

    private func end() {
        limit?.cancel()
        watch?.cancel()
        watch = nil
        context.endGreeting(self)
    }
}
