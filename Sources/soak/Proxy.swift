import CLinux
import EventLoop
import Glibc

/// Stands between one instance and PostgreSQL, on a Unix socket; one thread serves all connections.
final class Proxy: Sendable {
    enum Mode: Sendable {
        case open
        /// Every connection is closed, and every new one at once.
        case cut
        /// Nothing gets through, and nobody is told.
        case stalled
        /// What the service says arrives; what PostgreSQL answers is thrown away. Afterwards such connections are closed.
        case mute
    }

    /// The folder that libpq is given for a host.
    let folder: String
    private let target: String
    private let mode = Locked(Mode.open)
    private let isOver = Locked(false)
    private let thread = Locked<Worker?>(nil)

    init(folder: String, target: String) throws(Failure) {
        self.folder = folder
        self.target = "\(target)/.s.PGSQL.5432"
        mkdir(folder, 0o755)
        let listener = UnixSocket.listen(on: "\(folder)/.s.PGSQL.5432")
        guard listener >= 0 else { throw Failure("the proxy cannot listen in \(folder): \(systemError())") }
        UnixSocket.unblock(listener)
        thread.withLock { $0 = Worker { [self] in serve(listener) } }
    }

    func become(_ mode: Mode) { self.mode.withLock { $0 = mode } }

    func close() {
        isOver.withLock { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func serve(_ listener: Int32) {
        var pairs: [Pair] = []
        var previous = Mode.open
        while !isOver.withLock({ $0 }) {
            let mode = mode.withLock { $0 }
            // Whoever has missed an answer must not hear the next one.
            if mode == .cut || previous == .mute && mode != .mute { pairs = [] }
            previous = mode
            if mode == .stalled {
                sleep(seconds: 0.01)
                continue
            }
            var watched = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            for pair in pairs { watched += pair.watched }
            guard poll(&watched, nfds_t(watched.count), 10) > 0 else { continue }
            for (index, pair) in pairs.enumerated() {
                pair.move(watched[1 + 2 * index].revents, watched[2 + 2 * index].revents, isMute: mode == .mute)
            }
            pairs.removeAll { $0.isOver }
            if watched[0].revents != 0, let pair = accept(listener, mode) { pairs.append(pair) }
        }
        Glibc.close(listener)
    }

    private func accept(_ listener: Int32, _ mode: Mode) -> Pair? {
        let client = clinux_accept(listener, nil, nil)
        guard client >= 0 else { return nil }
        let server = mode == .cut ? -1 : UnixSocket.connect(to: target)
        guard server >= 0 else {
            Glibc.close(client)
            return nil
        }
        UnixSocket.unblock(server)
        return Pair(client: client, server: server)
    }
}

/// One connection. For the proxy's thread alone.
private final class Pair {
    private let client: Int32
    private let server: Int32
    private var toClient: [UInt8] = []
    private var toServer: [UInt8] = []
    private(set) var isOver = false

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    deinit {
        close(client)
        close(server)
    }

    /// A side is read when what it said before has been passed on.
    var watched: [pollfd] {
        [
            pollfd(fd: client, events: Self.events(reads: toServer.isEmpty, writes: !toClient.isEmpty), revents: 0),
            pollfd(fd: server, events: Self.events(reads: toClient.isEmpty, writes: !toServer.isEmpty), revents: 0),
        ]
    }

    private static func events(reads: Bool, writes: Bool) -> Int16 {
        Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))
    }

    func move(_ clientEvents: Int16, _ serverEvents: Int16, isMute: Bool) {
        let readable = Int16(POLLIN | POLLHUP | POLLERR)
        if clientEvents & readable != 0, toServer.isEmpty { take(client, &toServer) }
        if serverEvents & readable != 0, toClient.isEmpty { take(server, &toClient) }
        if isMute { toClient = [] }
        give(server, &toServer)
        give(client, &toClient)
    }

    private func take(_ descriptor: Int32, _ buffer: inout [UInt8]) {
        let count = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { space -> Int in
            let count = recv(descriptor, space.baseAddress, space.count, 0)
            if count > 0 { buffer.append(contentsOf: space[..<count]) }
            return count
        }
        if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { isOver = true }
    }

    private func give(_ descriptor: Int32, _ buffer: inout [UInt8]) {
        guard !buffer.isEmpty else { return }
        let count = send(descriptor, buffer, buffer.count, Int32(MSG_NOSIGNAL))
        if count > 0 {
            buffer.removeFirst(count)
        } else if count < 0 && errno != EAGAIN && errno != EINTR {
            isOver = true
        }
    }
}
