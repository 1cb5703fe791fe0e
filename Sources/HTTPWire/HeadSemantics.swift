/// What the fields say about the message itself, found while they are still a list, so that no second one hides.
struct HeadSemantics {
    private(set) var framing = BodyFraming.none
    private(set) var isPersistent: Bool
    private(set) var expectsContinue = false

    init(_ bytes: UnsafeRawBufferPointer, _ entries: [Fields.Entry], minorVersion: Int) throws(WireRefusal) {
        var hosts = 0
        var length: Int?
        var isChunked = false
        var closes = false
        var keepsAlive = false
        var wantsContinue = false
        for entry in entries {
            let name = Fields.name(entry, in: bytes)
            // The lengths first: nearly all fields are none of these.
            switch name.count {
            case 4 where Bytes.isSame(name, "Host"):
                hosts += 1
                guard hosts == 1 else { throw .repeatedHost }
                guard HostPort.isValid(Fields.value(entry, in: bytes), portRequired: false) else { throw .badHost }
            case 6 where Bytes.isSame(name, "Expect"):
                // RFC 9110 10.1.1: an HTTP/1.0 client's expectation is ignored.
                guard minorVersion > 0 else { continue }
                guard Bytes.isSame(Fields.value(entry, in: bytes), "100-continue"), !wantsContinue else {
                    throw .unknownExpectation
                }
                wantsContinue = true
            case 10 where Bytes.isSame(name, "Connection"):
                try Self.options(Fields.value(entry, in: bytes)) { option in
                    if Bytes.isSame(option, "close") { closes = true }
                    if Bytes.isSame(option, "keep-alive") { keepsAlive = true }
                }
            case 14 where Bytes.isSame(name, "Content-Length"):
                guard length == nil, let value = Self.length(Fields.value(entry, in: bytes)) else {
                    throw .badContentLength
                }
                length = value
            case 17 where Bytes.isSame(name, "Transfer-Encoding"):
                // RFC 9112 6.1: in HTTP/1.0 its framing is faulty by definition.
                guard !isChunked, minorVersion > 0 else { throw .badTransferCoding }
                try Self.requireChunked(Fields.value(entry, in: bytes))
                isChunked = true
            default: break
            }
        }
        guard hosts == 1 else { throw .missingHost }
        guard !isChunked || length == nil else { throw .twoFramings }
        isPersistent = !closes && (minorVersion > 0 || keepsAlive)
        if isChunked { framing = .chunked } else if let length, length > 0 { framing = .length(length) }
        expectsContinue = wantsContinue && framing != .none
    }

    /// RFC 9110 8.6: digits alone, and few enough that nothing can overflow.
    private static func length(_ value: UnsafeRawBufferPointer) -> Int? {
        guard (1...18).contains(value.count), value.allSatisfy(Bytes.isDigit) else { return nil }
        return value.reduce(0) { $0 * 10 + Int($1) - 0x30 }
    }

    /// A list of tokens; empty elements are nothing (RFC 9110 5.6.1).
    private static func options(
        _ value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(WireRefusal) {
        var start = 0
        while start <= value.count {
            let comma = value[start...].firstIndex(of: UInt8(ascii: ",")) ?? value.count
            let option = Bytes.slice(value, Bytes.trimmed(start..<comma, in: value))
            guard option.allSatisfy(Bytes.isToken) else { throw .badConnection }
            body(option)
            start = comma + 1
        }
    }

    private static func requireChunked(_ value: UnsafeRawBufferPointer) throws(WireRefusal) {
        if Bytes.isSame(value, "chunked") { return }
        var codings = 0
        var chunked = 0
        var start = 0
        while start <= value.count {
            let comma = value[start...].firstIndex(of: UInt8(ascii: ",")) ?? value.count
            let coding = Bytes.slice(value, Bytes.trimmed(start..<comma, in: value))
            guard !coding.isEmpty, coding.allSatisfy(Bytes.isToken) else { throw .badTransferCoding }
            codings += 1
            if Bytes.isSame(coding, "chunked") {
                chunked += 1
                // RFC 9112 6.1: applied once, and last.
                guard chunked == 1, comma == value.count else { throw .badTransferCoding }
            }
            start = comma + 1
        }
        throw codings > 0 ? .unknownTransferCoding : .badTransferCoding
    }
}
