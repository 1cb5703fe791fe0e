import EventLoop
import HTTPWire

/// What is made of the bytes that come: requests, each handed over and its answer taken back, or a refusal.
extension Connection {
    /// Whether something of the next head has come.
    var hasBegunHead: Bool { input.map { parser.hasBegun($0.count) } ?? false }

    func parse() -> Bool {
        guard let input, input.count > 0 else { return false }
        do throws(WireRefusal) {
            guard let (head, length) = try parser.parse(input.bytes) else {
                if clock.headSince == 0, hasBegunHead { clock.headSince = loop.now }
                return false
            }
            input.drop(length)
            begin(head)
        } catch {
            refuse(error, parser.refusedFields)
        }
        return true
    }

    private func begin(_ head: consuming RequestHead) {
        clock.headSince = 0
        if case .length(let length) = head.framing, length > configuration.bodyBytesMax {
            return refuse(.bodyTooLarge, head.fields, isHead: head.method == "HEAD")
        }
        requests += 1
        let number = requests
        let isLast = number >= configuration.requestsPerConnectionMax
        let inbound = InboundBody(head.framing, limits: configuration.head, bytesMax: configuration.bodyBytesMax)
        phase = .exchange(Exchange(head, number: number, isLast: isLast, body: inbound))
        let body = body(of: head.framing, number)
        let request = context.coding.decoded(request(head, body: body))
        // A task, and a handler that may have to wait, are a fifth of what a request costs that waits for nothing.
        switch context.promptly(request) {
        case .now(let response)?: deliver(response, of: request, number)
        case .later(let start)?:
            runningHandlers += 1
            start { [self] response in
                deliver(response, of: request, number)
                handlerEnded()
            }
        case nil:
            runningHandlers += 1
            Task.immediate(executorPreference: loop) { @Sendable [self] in
                var response = await context.handler(request)
                if context.coding.isAskedFor(request.fields) {
                    response = await context.coding.encode(response, for: request.fields)
                }
                answer(response, to: number)
                handlerEnded()
            }
        }
    }

    /// Only what is gzipped takes a task.
    private func deliver(_ response: Response, of request: Request, _ number: Int) {
        if context.coding.leaves(response, for: request.fields) { return answer(response, to: number) }
        runningHandlers += 1
        Task.immediate(executorPreference: loop) { @Sendable [self] in
            answer(await context.coding.encode(response, for: request.fields), to: number)
            handlerEnded()
        }
    }

    private func request(_ head: consuming RequestHead, body: RequestBody) -> Request {
        var (address, scheme) = (peer.text, scheme)
        if peer.isTrusted {
            let origin = Forwarding(head.fields, from: peer, scheme: scheme, trusting: configuration.trustedProxies)
            (address, scheme) = (origin.address, origin.scheme)
        }
        return Request(head, body: body, remoteAddress: address, scheme: scheme)
    }

    func handlerEnded() {
        runningHandlers -= 1
        removeIfDone()
    }

    /// Answers what no handler sees, and closes. `fields`: those of the head, if they could be read. `isHead`: whether it asks by HEAD;
    /// nil while the head, or some of it, is in the buffer.
    func refuse(_ refusal: WireRefusal, _ fields: Fields? = nil, isHead: Bool? = nil) {
        let isHead = isHead ?? input.map { parser.isHEAD($0.bytes) } ?? false
        let response = context.shared.refusal(refusal, fields)
        context.counters.note(refusal)
        context.shared.refused(loop, refusal, response, peer.text)
        var bytes: [UInt8] = []
        if case .bytes(let given) = response.body { bytes = given }
        output.adopt(&context.spareOutput)
        output.join { out in
            ResponseHead.write(
                status: response.status, fields: outgoing(response.fields), framing: .length(bytes.count),
                persistence: .close,
                date: context.dateBytes, into: &out)
        }
        if !isHead { output.append(bytes) }
        phase = .lingering(isEndSent: false)
    }
}
