import HTTPWire

/// What a client says an attachment is (RFC 9110, 8.3): checked for its form and written in one way, never believed.
enum MediaType {
    static let unknown = "application/octet-stream"
    private static let charactersMax = 255

    /// Normalised: lower case but for the parameters' values, one blank after each semicolon. Nil: no media type, one
    /// that only wraps others, or a content coding over the bytes.
    static func of(_ fields: Fields) -> String? {
        guard ContentType.isPlain(fields) else { return nil }
        let values = fields.values("content-type")
        if values.isEmpty { return unknown }
        guard values.count == 1, let type = normalised(values[0]) else { return nil }
        return type.prefix { $0 != ";" } == "multipart/form-data" ? nil : type
    }

    static func normalised(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        var scanner = Scanner(bytes: bytes[...])
        scanner.skipBlanks()
        guard let type = scanner.token(), scanner.take("/"), let subtype = scanner.token() else { return nil }
        var out = "\(type)/\(subtype)".lowercased()
        while true {
            scanner.skipBlanks()
            if scanner.bytes.isEmpty { break }
            guard scanner.take(";") else { return nil }
            scanner.skipBlanks()
            // RFC 9110, 5.6.6: nothing may stand between two semicolons.
            if scanner.bytes.isEmpty || scanner.bytes.first == UInt8(ascii: ";") { continue }
            guard let name = scanner.token(), scanner.take("="), let value = scanner.value() else { return nil }
            out += "; \(name.lowercased())=\(value)"
        }
        return out.utf8.count <= charactersMax ? out : nil
    }

    private struct Scanner {
        var bytes: ArraySlice<UInt8>

        mutating func skipBlanks() { bytes = bytes.drop { $0 == 0x20 || $0 == 0x09 } }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard bytes.first == UInt8(ascii: character) else { return false }
            bytes.removeFirst()
            return true
        }

        /// RFC 9110, 5.6.2.
        mutating func token() -> String? {
            let token = bytes.prefix { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: Scanner.signs.contains(byte)
                }
            }
            bytes = bytes.dropFirst(token.count)
            return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
        }

        /// A token, or a quoted string of visible ASCII, as it stands (RFC 9110, 5.6.4).
        mutating func value() -> String? {
            guard bytes.first == UInt8(ascii: "\"") else { return token() }
            var end = bytes.startIndex + 1
            while end < bytes.endIndex, bytes[end] != UInt8(ascii: "\"") {
                if bytes[end] == UInt8(ascii: "\\") { end += 1 }
                guard end < bytes.endIndex, (0x20...0x7e).contains(bytes[end]) else { return nil }
                end += 1
            }
            guard end < bytes.endIndex else { return nil }
            defer { bytes = bytes[(end + 1)...] }
            return String(decoding: bytes[...end], as: UTF8.self)
        }

        private static let signs = Set("!#$%&'*+-.^_`|~".utf8)
    }
}
