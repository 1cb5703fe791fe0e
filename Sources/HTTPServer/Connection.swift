import EventLoop
import HTTPWire

/// One client's connection, from the first byte to the last.
///
/// Laws: one request at a time, in order; nothing is read that nobody waits for; no buffer grows with what a client
/// sends or does not read. `phase` says everything about where it stands; whatever changes it calls `advance()`, or is
/// called by it.
///
/// Unchecked: used on its loop's thread only.
final class Connection: ReadinessHandler, @unchecked Sendable {
    enum Phase {
        /// Waiting for a request or in the middle of its head.
        case head
        /// A handler runs, or its response is being pulled.
        case exchange(Exchange)
        /// The answer is given; the rest of the request's body is read and dropped, up to a total.
        case draining(Exchange, until: Int)
        /// The last answer is given; what the client still sends is dropped until it ends, so that no reset destroys
        /// the answer on its way.
        case lingering(isEndSent: Bool)
        case closed
    }

    /// One request and where its answer stands. By reference: each look at `phase` would copy it.
    final class Exchange {
        let number: Int
        let isHead: Bool
        let minorVersion: Int
        var isPersistent: Bool
        var owesContinue: Bool
        var body: InboundBody
        var reader: UnsafeContinuation<Result<[UInt8]?, BodyError>, Never>?
        /// Nanoseconds spent waiting for body bytes.
        var waited: UInt64 = 0
        var waitingSince: UInt64 = 0

        init(_ head: borrowing RequestHead, number: Int, isLast: Bool, body: InboundBody) {
            self.number = number
            isHead = head.method == "HEAD"
            minorVersion = head.minorVersion
            isPersistent = head.isPersistent && !isLast
            owesContinue = head.expectsContinue
            self.body = body
        }

        func giveReader(_ result: Result<[UInt8]?, BodyError>) {
            let waiting = reader
            reader = nil
            waiting?.resume(returning: result)
        }
    }

    /// So many steps before other connections get their turn.
    private static let stepsMax = 32

    let context: LoopContext
    let transport: any Transport
    let peer: Peer
    private var watch: Watch?
    var phase = Phase.head
    var parser: HeadParser
    var input: InputBuffer?
    var output = OutputBuffer()
    var requests = 0
    /// Answers in `output`, since it was last empty.
    private var answersWaiting = 0
    private var mayRead = true
    private var mayWrite = true
    /// epoll has seen the peer's end, perhaps behind bytes that are not read yet.
    private(set) var hasPeerEnded = false
    /// The peer's end has been read.
    private var isInputOver = false
    private var isAdvancing = false
    /// It has had its share, and goes on after the others.
    private var isWaitingForTurn = false
    private var isRemoved = false
    var runningHandlers = 0
    var writer: UnsafeContinuation<Void, Never>?
    /// A response's stream is being pulled.
    var isPulling = false
    /// Pulls it; nil also while its first piece is asked for.
    var pulling: Task<Void, Never>?
    var clock = ConnectionClock()

    var configuration: ServerConfiguration { context.shared.configuration }
    var loop: EventLoop { context.loop }
    /// How the peer speaks; a trusted proxy may know better.
    var scheme: Scheme { transport.isEncrypted ? .https : .http }

    init(context: LoopContext, transport: any Transport, peer: Peer) {
        self.context = context
        self.transport = transport
        self.peer = peer
        parser = HeadParser(limits: context.shared.configuration.head)
    }

    // MARK: Events

    func open(_ descriptor: Int32, isRefused: Bool) {
        do throws(EventLoopError) {
            watch = try loop.watch(descriptor, [.readable, .writable], edgeTriggered: true, self)
        } catch {
            return close()
        }
        clock.idleSince = loop.now
        if !context.isStopping { clock.headSince = loop.now }
        if isRefused { refuse(.overloaded) }
        advance()
    }

    func ready(_ readiness: Readiness) {
        if readiness.contains(.error) { return abort() }
        if !readiness.isDisjoint(with: [.readable, .hangup, .ended]) { mayRead = true }
        if !readiness.isDisjoint(with: [.ended, .hangup]) { hasPeerEnded = true }
        if hasPeerEnded { pulling?.cancel() }
        if readiness.contains(.writable) { mayWrite = true }
        if transport.isEncrypted {
            mayRead = true
            mayWrite = true
        }
        advance()
    }

    func prepareToStop() {
        if !hasBegunHead { clock.headSince = 0 }
        let limit = loop.now &+ ConnectionClock.nanoseconds(configuration.stopLingerSeconds)
        if clock.lingerUntil > limit { clock.lingerUntil = limit }
        advance()
    }

    // MARK: Moving on

    func advance() {
        guard !isAdvancing, !isWaitingForTurn else { return }
        isAdvancing = true
        var steps = 0
        while steps < Self.stepsMax, step() { steps += 1 }
        flush()
        if case .lingering(isEndSent: false) = phase, output.isEmpty {
            if endWriting() { steps = Self.stepsMax }
        }
        isAdvancing = false
        if steps >= Self.stepsMax {
            isWaitingForTurn = true
            loop.later {
                self.isWaitingForTurn = false
                self.advance()
            }
        }
        restIfIdle()
        watchClock()
    }

    /// Whether something has been done, so that there may be more to do.
    private func step() -> Bool {
        switch phase {
        case .head:
            if output.isClosed || output.count >= configuration.responseBufferBytesMax
                || answersWaiting >= configuration.pipelinedRequestsMax
            {
                flush()
                guard output.isEmpty else { return false }
            }
            if parse() { return true }
            if isInputOver { endOfInput() }
            return read()
        case .exchange(let exchange):
            guard exchange.reader != nil else { return false }
            return serveReader(of: exchange) || read()
        case .draining(let exchange, let end):
            guard let input else { return read() }
            let taken = exchange.body.take(from: input, keep: false)
            switch taken {
            case .end:
                becomeIdle()
                return true
            case .failed: phase = .lingering(isEndSent: false)
            case .piece, .needMore: if exchange.body.received > end { phase = .lingering(isEndSent: false) }
            }
            if case .piece = taken { return true }
            return read()
        case .lingering:
            input?.clear()
            return read()
        case .closed: return false
        }
    }

    /// Whether the client has been told the end; the rest of what it sends is waited for a while in any case.
    private func endWriting() -> Bool {
        if clock.lingerUntil == 0 {
            let seconds = context.isStopping ? configuration.stopLingerSeconds : configuration.lingerSecondsMax
            clock.lingerUntil = loop.now &+ ConnectionClock.nanoseconds(min(seconds, configuration.lingerSecondsMax))
        }
        if isInputOver {
            close()
        } else if mayWrite {
            mayWrite = transport.closeWriting()
            phase = .lingering(isEndSent: mayWrite)
        }
        if case .lingering(isEndSent: false) = phase { return false }
        return true
    }

    /// Whether something has come, be it the end.
    func read() -> Bool {
        guard mayRead else { return false }
        let buffer = input ?? context.takeInput()
        input = buffer
        let room = buffer.room()
        guard !room.isEmpty else { return false }
        switch transport.read(into: room) {
        case .bytes(let count):
            buffer.fill(count)
            context.counters.received.add(count)
            // Less than there was room for: the socket is empty, unless the end is already behind it.
            if count < room.count, !hasPeerEnded, !transport.isEncrypted { mayRead = false }
            return true
        case .wouldBlock:
            mayRead = false
            return false
        case .end:
            mayRead = false
            isInputOver = true
            endOfInput()
            return true
        case .notEncrypted:
            // Who is refused anyhow hears of that alone.
            if case .head = phase { refuse(.notEncrypted) }
            return true
        case .refused:
            phase = .lingering(isEndSent: false)
            return true
        case .failed:
            abort()
            return false
        }
    }

    private func endOfInput() {
        switch phase {
        case .head, .draining:
            // What was answered is still sent.
            if output.isEmpty { close() } else { phase = .lingering(isEndSent: false) }
        case .exchange(let exchange): exchange.body.fail(.broken)
        case .lingering: if output.isEmpty { close() }
        case .closed: break
        }
    }

    func becomeIdle() {
        phase = .head
        answersWaiting += 1
        clock.idleSince = loop.now
    }

    // MARK: Writing

    func flush() {
        guard mayWrite, !output.isEmpty else { return }
        guard let count = output.flush(to: transport) else { return abort() }
        context.counters.sent.add(count)
        if output.isEmpty {
            output.release(to: &context.spareOutput)
            answersWaiting = 0
            clock.noteAllWritten(count)
        } else {
            mayWrite = false
            clock.noteWritten(count, waiting: transport.waiting, at: loop.now)
        }
        if output.count < configuration.responseBufferBytesMax / 2 || output.isEmpty { resumeWriter() }
    }

    private func resumeWriter() {
        let waiting = writer
        writer = nil
        waiting?.resume()
    }

    // MARK: The end

    func close() {
        end { transport.close() }
    }

    /// The client sees no clean end.
    func abort() {
        end { transport.abort() }
    }

    private func end(_ closing: () -> Void) {
        if case .closed = phase { return }
        let last = phase
        phase = .closed
        pulling?.cancel()
        watch?.cancel()
        watch = nil
        closing()
        clock.cancel()
        if let input { context.giveBack(input) }
        input = nil
        output = OutputBuffer()
        if case .exchange(let exchange) = last { exchange.giveReader(.failure(.broken)) }
        resumeWriter()
        removeIfDone()
    }

    func removeIfDone() {
        guard case .closed = phase, runningHandlers == 0, !isRemoved else { return }
        isRemoved = true
        context.remove(self)
    }

    private func restIfIdle() {
        guard let input, input.count == 0 else { return }
        if case .exchange = phase, !isPulling { return }
        context.giveBack(input)
        self.input = nil
    }
}
