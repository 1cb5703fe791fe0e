import EventLoop
import HTTPWire

extension Connection {
    /// Sends a handler's response; nothing happens when the client has gone.
    func answer(_ response: Response, to number: Int) {
        guard case .exchange(let exchange) = phase, exchange.number == number else { return }
        if response.closes { exchange.isPersistent = false }
        let status = (200...599).contains(response.status) ? response.status : 500
        let mayHaveBody = status != 204 && status != 304 && !exchange.isHead
        switch response.body {
        case .none:
            finish(response.fields, status, [], exchange, mayHaveBody: mayHaveBody)
        case .bytes(let bytes):
            finish(response.fields, status, bytes, exchange, mayHaveBody: mayHaveBody)
        case .stream(let length, let next):
            // The handler may still be reading the body while it answers, so nothing of it is dropped here.
            let persists = exchange.isPersistent && exchange.body.isAtEnd && !context.isStopping
            let framing: ResponseHead.Framing =
                if status == 204 || status == 304 { .none } else if let length { .length(length) } else {
                    exchange.minorVersion > 0 ? .chunked : .none
                }
            let endsByClosing = mayHaveBody && framing == .none
            writeHead(status, response.fields, framing, persists && !endsByClosing, exchange)
            guard mayHaveBody else { return complete(persists: persists && !endsByClosing) }
            pull(next, framing: framing, of: number, persists: persists && !endsByClosing)
        }
    }

    private func finish(_ fields: Fields, _ status: Int, _ bytes: [UInt8], _ exchange: Exchange, mayHaveBody: Bool) {
        let persists = exchange.isPersistent && canLeaveBody() && !context.isStopping
        // Reading on may have found that the client has gone.
        guard case .exchange = phase else { return }
        let framing = status == 204 || status == 304 ? ResponseHead.Framing.none : .length(bytes.count)
        writeHead(status, fields, framing, persists, exchange)
        if mayHaveBody { output.append(bytes) }
        complete(persists: persists)
    }

    private func writeHead(
        _ status: Int, _ fields: Fields, _ framing: ResponseHead.Framing, _ persists: Bool, _ exchange: Exchange
    ) {
        let persistence: ResponseHead.Persistence =
            persists ? (exchange.minorVersion == 0 ? .keepAlive : .implied) : .close
        output.adopt(&context.spareOutput)
        output.join {
            ResponseHead.write(
                status: status, fields: outgoing(fields), framing: framing, persistence: persistence,
                date: context.dateBytes, into: &$0)
        }
    }

    /// RFC 6797 7.2: never over plain HTTP.
    func outgoing(_ fields: Fields) -> Fields {
        guard let policy = configuration.strictTransportSecurity, transport.isEncrypted else { return fields }
        var fields = fields
        fields.append("Strict-Transport-Security", policy)
        return fields
    }

    /// Whether the connection can go on although the handler has perhaps not read the whole body: what is here is
    /// dropped now, what follows is dropped later if it is little. How much follows of a chunked body nobody knows: the
    /// answer says `close` unless its end is here.
    private func canLeaveBody() -> Bool {
        // A client that waits for 100 may send its body or not: nobody can tell what would come next.
        guard case .exchange(let exchange) = phase, exchange.body.isAtEnd || !exchange.owesContinue else {
            return false
        }
        let most = exchange.body.received + configuration.drainedBodyBytesMax
        while case .exchange = phase {
            if exchange.body.isAtEnd { return true }
            guard exchange.body.received <= most else { return false }
            switch input.map({ exchange.body.take(from: $0, keep: false) }) ?? .needMore {
            case .end: return true
            case .failed: return false
            case .piece: continue
            case .needMore:
                if read() { continue }
                guard let left = exchange.body.remaining else { return false }
                return left <= configuration.drainedBodyBytesMax
            }
        }
        return false
    }

    /// The response is in the buffer to its end.
    private func complete(persists: Bool) {
        guard case .exchange(let exchange) = phase else { return }
        if !persists {
            phase = .lingering(isEndSent: false)
        } else if exchange.body.isAtEnd {
            becomeIdle()
        } else {
            clock.drainSince = loop.now
            let end = exchange.body.received + configuration.drainedBodyBytesMax
            phase = .draining(exchange, until: end)
        }
        exchange.giveReader(.failure(.broken))
        advance()
    }

    /// Sends a stream in a task of its own, so that the request and all that its handler needed are let go of: a stream may
    /// last for days.
    ///
    /// The task is cancelled when the client has gone, or has ended its side and may still read: a stream that waits for
    /// something to say has nobody to say it to, and one that has an end of its own goes on.
    private func pull(
        _ next: @escaping @Sendable () async throws -> [UInt8]?, framing: ResponseHead.Framing, of number: Int,
        persists: Bool
    ) {
        runningHandlers += 1
        isPulling = true
        let task = Task.immediate(executorPreference: loop) { @Sendable [self] in
            let isWhole = await send(next, framing: framing)
            isPulling = false
            pulling = nil
            if isWhole { complete(persists: persists) } else { abort() }
            handlerEnded()
        }
        // It may be over by now, and the next request have begun.
        guard isPulling, case .exchange(let exchange) = phase, exchange.number == number else { return }
        pulling = task
        if hasPeerEnded { task.cancel() }
    }

    /// Pulls a stream to its end, as fast as the client takes it; false when it breaks its promise or the client went.
    private func send(
        _ next: @Sendable () async throws -> [UInt8]?, framing: ResponseHead.Framing
    ) async -> Bool {
        var sent = 0
        var sinceYield = 0
        do {
            advance()
            while let piece = try await next() {
                guard case .exchange = phase else { return false }
                sent += piece.count
                sinceYield += piece.count + 1_024
                if case .length(let length) = framing, sent > length { return false }
                if framing == .chunked {
                    output.join { ResponseHead.writeChunk(piece, into: &$0) }
                } else {
                    output.append(piece)
                }
                advance()
                while output.count >= configuration.responseBufferBytesMax {
                    await withUnsafeContinuation { writer = $0 }
                }
                if sinceYield > 262_144 {
                    sinceYield = 0
                    await withUnsafeContinuation { continuation in loop.later { continuation.resume() } }
                }
            }
        } catch {
            return false
        }
        guard case .exchange = phase else { return false }
        if case .length(let length) = framing, sent != length { return false }
        if framing == .chunked { output.join { ResponseHead.writeLastChunk(into: &$0) } }
        return true
    }
}
