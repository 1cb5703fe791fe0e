import HTTPWire

extension FuzzTarget {
    /// Request heads one after the other: what comes out does not depend on how the bytes are cut.
    static let head = FuzzTarget(name: "head") { bytes in
        let whole = heads(bytes, pieces: [bytes.count])
        // The first byte says where to cut, so that the fuzzer can choose.
        let cut = bytes.isEmpty ? 0 : Int(bytes[0]) % (bytes.count + 1)
        require(heads(bytes, pieces: [cut, bytes.count]) == whole, "a cut at \(cut) changes the outcome")
        if bytes.count <= 512 {
            require(heads(bytes, pieces: Array(0...bytes.count)) == whole, "single bytes change the outcome")
        }
    }

    /// A chunked body: its bytes, its end and its refusal do not depend on how it is cut.
    static let chunks = FuzzTarget(name: "chunks") { bytes in
        let whole = body(bytes, pieces: [bytes.count])
        require(whole.bytes.count <= bytes.count, "a body is no longer than what carries it")
        let cut = bytes.isEmpty ? 0 : Int(bytes[0]) % (bytes.count + 1)
        require(body(bytes, pieces: [cut, bytes.count]) == whole, "a cut at \(cut) changes the outcome")
        if bytes.count <= 512 {
            require(body(bytes, pieces: Array(0...bytes.count)) == whole, "single bytes change the outcome")
        }
    }

    /// What the parser says of a prefix that grows by `pieces`, the ends of what has arrived.
    private static func heads(_ bytes: UnsafeRawBufferPointer, pieces: [Int]) -> [String] {
        var parser = HeadParser()
        var outcome: [String] = []
        var start = 0
        for end in pieces {
            do throws(WireRefusal) {
                while let (head, length) = try parser.parse(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) {
                    outcome.append("\(head.method) \(head.target) \(head.path) \(head.framing) \(head.isPersistent)")
                    for name in ["host", "content-length", "x"] { outcome += head.fields.values(name) }
                    require(length > 0 && start + length <= end, "a head lies within what has arrived")
                    start += length
                }
            } catch {
                outcome.append("\(error)")
                return outcome
            }
        }
        return outcome
    }

    private struct Body: Equatable {
        var bytes: [UInt8] = []
        var isAtEnd = false
        var refusal: WireRefusal?
    }

    private static func body(_ bytes: UnsafeRawBufferPointer, pieces: [Int]) -> Body {
        var decoder = ChunkDecoder()
        var body = Body()
        var position = 0
        for end in pieces {
            let arrived = UnsafeRawBufferPointer(rebasing: bytes[..<end])
            do throws(WireRefusal) {
                stepping: while true {
                    switch try decoder.next(arrived, &position) {
                    case .needMore: break stepping
                    case .data(let range): body.bytes.append(contentsOf: arrived[range])
                    case .end:
                        body.isAtEnd = true
                        return body
                    }
                }
            } catch {
                body.refusal = error
                return body
            }
        }
        return body
    }
}
