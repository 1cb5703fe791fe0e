import EventLoop
import HTTPWire

extension Connection {
    func body(of framing: BodyFraming, _ number: Int) -> RequestBody {
        let declared: Int?
        switch framing {
        case .none: return .empty
        case .length(let length): declared = length
        case .chunked: declared = nil
        }
        return RequestBody(declaredLength: declared) { [self] () async throws(BodyError) -> [UInt8]? in
            let result = await withUnsafeContinuation { continuation in
                // On the loop unless the handler has strayed from it.
                if loop.isCurrent {
                    read(number, continuation)
                } else {
                    loop.execute { self.read(number, continuation) }
                }
            }
            return try result.get()
        }
    }

    private func read(_ number: Int, _ reader: UnsafeContinuation<Result<[UInt8]?, BodyError>, Never>) {
        guard case .exchange(let exchange) = phase, exchange.number == number, exchange.reader == nil else {
            return reader.resume(returning: .failure(.broken))
        }
        exchange.reader = reader
        exchange.waitingSince = loop.now
        advance()
    }

    /// Gives the reader what is there; whether it had to wait no longer.
    func serveReader(of exchange: Exchange) -> Bool {
        let result: Result<[UInt8]?, BodyError>
        let buffer = input ?? context.takeInput()
        input = buffer
        let isEmpty = buffer.count == 0
        switch exchange.body.take(from: buffer) {
        case .piece(let bytes): result = .success(bytes)
        case .end: result = .success(nil)
        case .failed(let error): result = .failure(error)
        case .needMore:
            // RFC 9110 10.1.1: only now, and not when the client has not waited for it.
            if exchange.owesContinue, isEmpty {
                let interim = ResponseHead.interimContinue
                output.join {
                    $0.append(
                        contentsOf: UnsafeBufferPointer(start: interim.utf8Start, count: interim.utf8CodeUnitCount))
                }
            }
            exchange.owesContinue = false
            return false
        }
        exchange.owesContinue = false
        exchange.waited &+= loop.now &- exchange.waitingSince
        exchange.giveReader(result)
        return true
    }
}
