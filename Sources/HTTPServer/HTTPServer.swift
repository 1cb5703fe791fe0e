public import EventLoop
import Glibc
public import HTTPWire
import Synchronization

/// An HTTP/1.1 server over several loops that share nothing but its listening sockets.
///
/// A request stays on the loop that accepted its connection, from the first byte to the last.
public final class HTTPServer: Sendable {
    private struct State {
        var listeners: [Int32] = []
        var contexts: [LoopContext] = []
        var isStarted = false
    }

    private let shared: ServerShared
    private let loops: [EventLoop]
    private let handler: @Sendable (EventLoop) -> (@Sendable (Request) async -> Response)
    private let promptly: @Sendable (EventLoop) -> (@Sendable (Request) -> PromptReply?)
    private let onStop: @Sendable (EventLoop) -> Void
    private let state = Locked(State())

    /// `handler` is called once per loop, on it, and gives the function that answers that loop's requests; `promptly` gives
    /// one that is asked before it, and answers what it can without a task; nil: the handler answers. `refusal` gives the
    /// server's own answers to what no handler sees, with the fields of a head that is right, and `refused` hears of each, on
    /// the connection's loop. `onStop` is called once per loop, on it, when its connections are to come to an end: streams
    /// that would go on for ever end themselves then.
    public init(
        _ configuration: ServerConfiguration, loops: [EventLoop],
        handler: @escaping @Sendable (EventLoop) -> (@Sendable (Request) async -> Response),
        promptly: @escaping @Sendable (EventLoop) -> (@Sendable (Request) -> PromptReply?) = { _ in { _ in nil } },
        refusal: @escaping @Sendable (WireRefusal, Fields?) -> Response = { (refusal, _) in
            Response(status: refusal.status)
        },
        refused: @escaping @Sendable (EventLoop, WireRefusal, Response, _ remoteAddress: String) -> Void = {
            _, _, _, _ in
        },
        onStop: @escaping @Sendable (EventLoop) -> Void = { _ in }
    ) {
        precondition(!loops.isEmpty, "A server without loops would answer nobody.")
        precondition(
            configuration.tls != nil || !configuration.addresses.contains(where: \.isEncrypted),
            "A server cannot speak TLS without a certificate.")
        shared = ServerShared(configuration, refusal: refusal, refused: refused)
        self.loops = loops
        self.handler = handler
        self.promptly = promptly
        self.onStop = onStop
    }

    /// Binds and listens; loops that do not run yet take connections as soon as they do. Nothing listens when it
    /// throws.
    public func start() throws(ListenError) {
        var opened: [Int32] = []
        do throws(ListenError) {
            for address in shared.configuration.addresses {
                opened.append(try ListeningSocket.open(address, shared.configuration))
            }
        } catch {
            for descriptor in opened { close(descriptor) }
            throw error
        }
        let listeners = opened
        let sockets = zip(opened, shared.configuration.addresses).map { descriptor, address in
            OpenSocket(descriptor: descriptor, tls: address.isEncrypted ? shared.configuration.tls : nil)
        }
        let contexts = loops.map { LoopContext(loop: $0, shared: shared) }
        for context in contexts { context.peers = contexts.filter { $0 !== context } }
        state.withLock {
            precondition(!$0.isStarted, "A server is started once.")
            $0.isStarted = true
            $0.listeners = listeners
            $0.contexts = contexts
        }
        for context in contexts {
            context.loop.execute { [handler, promptly] in
                context.listen(on: sockets, handler: handler(context.loop), promptly: promptly(context.loop))
            }
        }
    }

    /// The ports in the order of the addresses, 0 for what is no TCP; empty before `start()` and after `stopListening()`.
    public var boundPorts: [UInt16] { state.withLock { $0.listeners }.map(ListeningSocket.port(of:)) }

    /// The listening sockets in the order of the addresses, to hand to another process before `stopListening()`.
    public var listeningDescriptors: [Int32] { state.withLock { $0.listeners } }

    /// Open connections of all loops.
    public var connectionCount: Int { shared.connections.load(ordering: .relaxed) }

    /// What all loops have done so far; from any thread.
    public var figures: ServerFigures {
        state.withLock { $0.contexts }.reduce(into: ServerFigures()) { $0.add($1.counters) }
    }

    /// `stopListening()`, then `drain`. The loops go on running.
    public func stop(idle: Duration = .milliseconds(250), drain limit: Duration) async {
        await stopListening()
        await drain(idle: idle, limit: limit)
    }

    /// Takes the connections that wait already and listens no more. Whoever else holds the listening sockets goes on
    /// accepting.
    public func stopListening() async {
        let contexts = state.withLock { $0.contexts }
        for context in contexts { await Self.stopListening(context) }
        // No loop watches them any more, and who comes now is refused at once instead of at the end.
        let listeners = state.withLock { state in
            defer { state.listeners = [] }
            return state.listeners
        }
        for descriptor in listeners { close(descriptor) }
    }

    /// Ends the connections: what runs is finished, each answer with `Connection: close`; a connection without a request
    /// may still send one for as long as `idle`. What is left after `limit` is aborted. Call `stopListening()` before.
    public func drain(idle: Duration, limit: Duration) async {
        let contexts = state.withLock { $0.contexts }
        await withTaskGroup(of: Void.self) { group in
            for context in contexts {
                group.addTask { [onStop] in
                    await Self.drain(context, idle: min(idle, limit), limit: limit) { onStop(context.loop) }
                }
            }
        }
    }

    /// Aborts every connection, which ends a `drain` at once, be it a later one; handlers that run are not waited for. From
    /// any thread.
    public func abort() {
        for context in state.withLock({ $0.contexts }) { context.loop.execute { context.abortAll() } }
    }

    private static func stopListening(_ context: LoopContext) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            context.loop.execute {
                context.stopListening()
                continuation.resume()
            }
        }
    }

    private static func drain(
        _ context: LoopContext, idle: Duration, limit: Duration, begun: @escaping @Sendable () -> Void
    ) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            context.loop.execute {
                begun()
                let end = context.loop.after(limit) { context.abortAll() }
                context.drain(idle: idle) {
                    end.cancel()
                    continuation.resume()
                }
            }
        }
    }
}
