/// The request line and its target in one of the four forms (RFC 9112 3).
struct RequestLine: Sendable {
    let method: String
    let target: String
    let path: String
    let query: String?
    let minorVersion: Int
    /// Of an absolute-form target.
    let authority: String?

    init(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, limits: HeadLimits) throws(WireRefusal) {
        guard let first = bytes[line].firstIndex(of: Bytes.space) else { throw .badRequestLine }
        let methodBytes = Bytes.slice(bytes, line.lowerBound..<first)
        guard !methodBytes.isEmpty, methodBytes.allSatisfy(Bytes.isToken) else { throw .badMethod }
        guard methodBytes.count <= HeadLimits.methodBytesMax else { throw .methodTooLong }
        guard let second = bytes[first + 1..<line.upperBound].firstIndex(of: Bytes.space), second > first + 1 else {
            throw .badRequestLine
        }
        guard second - first - 1 <= limits.targetBytesMax else { throw .targetTooLong }
        let target = Bytes.slice(bytes, first + 1..<second)
        minorVersion = try Self.minorVersion(Bytes.slice(bytes, second + 1..<line.upperBound))
        method = String(decoding: methodBytes, as: UTF8.self)
        self.target = String(decoding: target, as: UTF8.self)

        if target[0] == UInt8(ascii: "/"), method != "CONNECT" {
            authority = nil
            (path, query) = try Self.pathAndQuery(target)
        } else if method == "CONNECT" {
            guard HostPort.isValid(target, portRequired: true) else { throw .badTarget }
            (path, query, authority) = (self.target, nil, self.target)
        } else if method == "OPTIONS", target.count == 1, target[0] == UInt8(ascii: "*") {
            (path, query, authority) = ("*", nil, nil)
        } else {
            let start = try Self.afterScheme(target)
            let end = target[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
            let host = Bytes.slice(target, start..<end)
            guard HostPort.isValid(host, portRequired: false) else { throw .badTarget }
            authority = String(decoding: host, as: UTF8.self)
            let rest = Bytes.slice(target, end..<target.count)
            if rest.isEmpty {
                // RFC 9112 3.2.4: OPTIONS of a whole server through a proxy.
                (path, query) = (method == "OPTIONS" ? "*" : "/", nil)
            } else {
                let (path, query) = try Self.pathAndQuery(rest)
                (self.path, self.query) = (path.isEmpty ? "/" : path, query)
            }
        }
    }

    /// RFC 9112 2.3: exactly `HTTP/`, a digit, a dot, a digit.
    private static func minorVersion(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> Int {
        let prefix: StaticString = "HTTP/"
        guard bytes.count == 8, (0..<5).allSatisfy({ bytes[$0] == prefix.utf8Start[$0] }), Bytes.isDigit(bytes[5]),
            bytes[6] == UInt8(ascii: "."), Bytes.isDigit(bytes[7])
        else { throw .badVersion }
        guard bytes[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return bytes[7] == UInt8(ascii: "0") ? 0 : 1
    }

    private static func afterScheme(_ target: UnsafeRawBufferPointer) throws(WireRefusal) -> Int {
        for scheme in ["http://", "https://"] as [StaticString] {
            let count = scheme.utf8CodeUnitCount
            if target.count > count, Bytes.isSame(Bytes.slice(target, 0..<count), scheme) { return count }
        }
        throw .badTarget
    }

    private static func pathAndQuery(_ bytes: UnsafeRawBufferPointer) throws(WireRefusal) -> (String, String?) {
        var question: Int?
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if Bytes.isPathOrQuery(byte) {
                if byte == UInt8(ascii: "?"), question == nil { question = index }
                index += 1
            } else {
                guard byte == UInt8(ascii: "%"), index + 2 < bytes.count, Bytes.hexadecimal(bytes[index + 1]) != nil,
                    Bytes.hexadecimal(bytes[index + 2]) != nil
                else { throw .badTarget }
                index += 3
            }
        }
        let path = String(decoding: bytes[..<(question ?? bytes.count)], as: UTF8.self)
        return (path, question.map { String(decoding: bytes[($0 + 1)...], as: UTF8.self) })
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 7.2, RFC 3986 3.2.2), without user information and never empty.
enum HostPort {
    static func isValid(_ bytes: UnsafeRawBufferPointer, portRequired: Bool) -> Bool {
        guard !bytes.isEmpty, let hostEnd = hostEnd(bytes), hostEnd > 0 else { return false }
        guard hostEnd < bytes.count else { return !portRequired }
        guard bytes[hostEnd] == UInt8(ascii: ":") else { return false }
        let digits = bytes[(hostEnd + 1)...]
        guard digits.count <= 5, digits.allSatisfy(Bytes.isDigit), !(digits.isEmpty && portRequired) else {
            return false
        }
        return digits.reduce(0) { $0 * 10 + Int($1) - 0x30 } <= 65_535
    }

    private static func hostEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        if bytes[0] == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            return IPv6Literal.isValid(Bytes.slice(bytes, 1..<end)) ? end + 1 : nil
        }
        var index = 0
        while index < bytes.count, bytes[index] != UInt8(ascii: ":") {
            if Bytes.isHostName(bytes[index]) {
                index += 1
            } else {
                guard bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                    Bytes.hexadecimal(bytes[index + 1]) != nil, Bytes.hexadecimal(bytes[index + 2]) != nil
                else { return nil }
                index += 3
            }
        }
        return index
    }
}

/// The inside of `[…]`: an IPv6 address (RFC 3986 3.2.2). IPvFuture is refused: there is none.
enum IPv6Literal {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.allSatisfy({ $0 < 0x80 }) else { return false }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        switch halves.count {
        case 1: return groups(halves[0], mayEndInIPv4: true) == 8
        case 2:
            guard let left = groups(halves[0], mayEndInIPv4: false), let right = groups(halves[1], mayEndInIPv4: true)
            else { return false }
            return left + right <= 7
        default: return false
        }
    }

    /// How many 16-bit groups the text holds, nil when one is malformed.
    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> Int? {
        if text.isEmpty { return 0 }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard isIPv4(part) else { return nil }
                count += 2
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Bytes.hexadecimal($0) != nil }) else {
                    return nil
                }
                count += 1
            }
        }
        return count
    }

    private static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy(Bytes.isDigit) && (Int(part) ?? 256) < 256
                    && (part.utf8.count == 1 || part.first != "0")
            }
    }
}
