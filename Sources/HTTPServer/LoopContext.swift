import EventLoop
import Glibc
import HTTPWire
import Synchronization

/// What all loops of a server share: only settings and counters.
final class ServerShared: Sendable {
    let configuration: ServerConfiguration
    let refusal: @Sendable (WireRefusal, Fields?) -> Response
    let refused: @Sendable (EventLoop, WireRefusal, Response, _ remoteAddress: String) -> Void
    /// Connections whose socket is open or whose handler still runs.
    let connections = Atomic<Int>(0)
    let networks = NetworkCounts()
    /// For what would hold up a loop: long answers that are gzipped.
    let workers = WorkerPool(name: "gzip", threadsMax: 1)

    init(
        _ configuration: ServerConfiguration, refusal: @escaping @Sendable (WireRefusal, Fields?) -> Response,
        refused: @escaping @Sendable (EventLoop, WireRefusal, Response, _ remoteAddress: String) -> Void
    ) {
        self.configuration = configuration
        self.refusal = refusal
        self.refused = refused
    }
}

/// One loop's share of a server: its handler, connections, listeners and spare memory.
///
/// Unchecked: used on its loop's thread only, but for `load` and `isReady`, which are atomic, and `peers`, which is set
/// before any loop hears of it.
final class LoopContext: @unchecked Sendable {
    let loop: EventLoop
    let shared: ServerShared
    private(set) var handler: @Sendable (Request) async -> Response = { _ in Response(status: 503) }
    private(set) var promptly: @Sendable (Request) -> PromptReply? = { _ in nil }
    let coding: ContentCoding
    var peers: [LoopContext] = []
    let counters = ServerCounters()
    /// Connections that are here or on their way.
    let load = Atomic<Int>(0)
    private let isReady = Atomic<Bool>(false)
    /// When idle connections are let go, in nanoseconds of the loop's clock; nil before the end has begun.
    private(set) var idleUntil: UInt64?
    private var isAborted = false
    private var date = HTTPDate()
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var greetings: [ObjectIdentifier: ProxyGreeting] = [:]
    private var listeners: [Listener] = []
    private var spareInputs: [InputBuffer] = []
    private var onceEmpty: [() -> Void] = []
    var spareOutput: [UInt8] = []

    private static let spareInputsMax = 64

    init(loop: EventLoop, shared: ServerShared) {
        self.loop = loop
        self.shared = shared
        coding = ContentCoding(shared.configuration, workers: shared.workers)
    }

    var isStopping: Bool { idleUntil != nil }

    var dateBytes: [UInt8] { date.now() }

    func takeInput() -> InputBuffer {
        spareInputs.popLast() ?? InputBuffer(capacity: max(32_768, 2 * shared.configuration.head.headBytesMax))
    }

    func giveBack(_ input: InputBuffer) {
        guard spareInputs.count < Self.spareInputsMax else { return }
        input.clear()
        spareInputs.append(input)
    }

    // MARK: Connections

    func listen(
        on sockets: [OpenSocket], handler: @escaping @Sendable (Request) async -> Response,
        promptly: @escaping @Sendable (Request) -> PromptReply?
    ) {
        self.handler = handler
        self.promptly = promptly
        isReady.store(true, ordering: .releasing)
        listeners = sockets.map { Listener(context: self, socket: $0) }
        for listener in listeners { listener.resume() }
    }

    /// Gives a new connection to the loop that has the fewest: epoll tends to wake the same one again and again, and
    /// connections live long.
    func distribute(_ socket: OpenSocket, from peer: Peer) {
        shared.connections.add(1, ordering: .relaxed)
        var least = load.load(ordering: .relaxed)
        var target = self
        for peer in peers where peer.isReady.load(ordering: .acquiring) {
            let count = peer.load.load(ordering: .relaxed)
            if count < least { (least, target) = (count, peer) }
        }
        target.load.add(1, ordering: .relaxed)
        if target === self {
            open(socket, from: peer)
        } else {
            target.loop.execute { [target] in target.open(socket, from: peer) }
        }
    }

    private func open(_ socket: OpenSocket, from peer: Peer) {
        guard shared.configuration.usesProxyProtocol, peer.isTrusted else { return admit(socket, from: peer) }
        let greeting = ProxyGreeting(context: self, socket: socket, peer: peer)
        greetings[ObjectIdentifier(greeting)] = greeting
        greeting.open()
        if isStopping { greeting.prepareToStop() }
    }

    /// Lets a connection begin, once it is known whose it is.
    func admit(_ socket: OpenSocket, from peer: Peer) {
        let configuration = shared.configuration
        let count = peer.network.map(shared.networks.add) ?? 0
        let most = configuration.connectionsPerAddressMax
        // Somewhat more are told, as with all connections; whoever goes on all the same costs no more than this.
        if let network = peer.network, count > most + most / 8 + 1 {
            shared.networks.remove(network)
            close(socket.descriptor)
            return forget()
        }
        let isRefused = count > most || shared.connections.load(ordering: .relaxed) > configuration.connectionsMax
        let connection = Connection(context: self, transport: socket.transport(), peer: peer)
        connections[ObjectIdentifier(connection)] = connection
        counters.connections.add(1)
        connection.open(socket.descriptor, isRefused: isRefused)
    }

    /// Called once by each connection, when its socket is closed and its handler has returned.
    func remove(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        if let network = connection.peer.network { shared.networks.remove(network) }
        forget()
    }

    /// Called once by each greeting, before its connection begins or is refused.
    func endGreeting(_ greeting: ProxyGreeting) { greetings[ObjectIdentifier(greeting)] = nil }

    /// One connection less, whether it has begun or not.
    func forget() {
        shared.connections.subtract(1, ordering: .relaxed)
        load.subtract(1, ordering: .relaxed)
        guard connections.isEmpty, greetings.isEmpty else { return }
        for work in onceEmpty { work() }
        onceEmpty = []
    }

    // MARK: Stopping

    /// Takes what already waits to be accepted, and nothing more.
    func stopListening() {
        for listener in listeners {
            listener.acceptWaiting()
            listener.stop()
        }
        listeners = []
        isReady.store(false, ordering: .releasing)
        peers = []
    }

    /// Lets go of the connections, of those that stay idle after `idle`; `done` is called when none is left.
    func drain(idle: Duration, _ done: @escaping () -> Void) {
        idleUntil = loop.now &+ ConnectionClock.nanoseconds(idle / .seconds(1))
        guard !connections.isEmpty || !greetings.isEmpty, !isAborted else { return done() }
        onceEmpty.append(done)
        for greeting in Array(greetings.values) { greeting.prepareToStop() }
        for connection in Array(connections.values) { connection.prepareToStop() }
    }

    /// Ends every connection at once; a handler that still runs is not waited for.
    func abortAll() {
        isAborted = true
        for greeting in Array(greetings.values) { greeting.refuse() }
        for connection in Array(connections.values) { connection.abort() }
        for work in onceEmpty { work() }
        onceEmpty = []
    }
}
