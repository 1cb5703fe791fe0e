import HTTPWire

/// The part of a request's body that has not been used yet.
struct InboundBody {
    private enum State {
        case length(Int)
        case chunked(ChunkDecoder)
        case end
        case failed(BodyError)
    }

    private var state: State { didSet { if case .end = state { isAtEnd = true } } }
    private let bytesMax: Int
    private(set) var received = 0
    private(set) var isAtEnd = false

    init(_ framing: BodyFraming, limits: HeadLimits, bytesMax: Int) {
        self.bytesMax = bytesMax
        switch framing {
        case .none:
            state = .end
            isAtEnd = true
        case .length(let length): state = .length(length)
        case .chunked: state = .chunked(ChunkDecoder(limits: limits))
        }
    }

    enum Taken {
        case piece([UInt8])
        case needMore
        case end
        case failed(BodyError)
    }

    /// How many bytes follow; nil when only the chunks will tell, or nothing is known any more.
    var remaining: Int? {
        switch state {
        case .length(let count): count
        case .end: 0
        case .chunked, .failed: nil
        }
    }

    mutating func fail(_ error: BodyError) {
        if !isAtEnd { state = .failed(error) }
    }

    /// Takes what the buffer holds of the body; the pieces of several chunks are joined. `keep` false drops them.
    mutating func take(from input: InputBuffer, keep: Bool = true) -> Taken {
        switch state {
        case .end: return .end
        case .failed(let error): return .failed(error)
        case .length(let remaining):
            let count = min(remaining, input.count)
            guard count > 0 else { return .needMore }
            let piece = keep ? Array(input.bytes[..<count]) : []
            input.drop(count)
            received += count
            state = count == remaining ? .end : .length(remaining - count)
            return .piece(piece)
        case .chunked(var decoder):
            state = .failed(.broken)  // So that the decoder is not copied; set again below.
            return takeChunks(&decoder, from: input, keep: keep)
        }
    }

    private mutating func takeChunks(_ decoder: inout ChunkDecoder, from input: InputBuffer, keep: Bool) -> Taken {
        let bytes = input.bytes
        var position = 0
        var piece: [UInt8] = []
        let before = received
        do throws(WireRefusal) {
            stepping: while true {
                switch try decoder.next(bytes, &position) {
                case .data(let range):
                    received += range.count
                    if keep { piece.append(contentsOf: bytes[range]) }
                case .end:
                    state = .end
                    break stepping
                case .needMore:
                    state = .chunked(decoder)
                    break stepping
                }
            }
        } catch {
            state = .failed(.broken)
        }
        input.drop(position)
        if received > bytesMax { state = .failed(.tooLarge) }
        switch state {
        case .failed(let error): return .failed(error)
        case _ where received > before: return .piece(piece)
        case .end: return .end
        case .chunked, .length: return .needMore
        }
    }
}
