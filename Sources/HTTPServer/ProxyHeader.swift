/// What a proxy says before the first byte of a connection: the PROXY protocol, version 1 (a line) or 2 (binary), as
/// HAProxy's `proxy-protocol.txt` defines it.
enum ProxyHeader: Equatable {
    case needMore
    /// `length` is that of the whole header; the rest of it may still be on its way. Address nil: the proxy speaks for
    /// itself (`LOCAL`, a health check) or does not know.
    case complete(address: IPAddress?, length: Int)
    case malformed

    /// So many bytes of a header are ever looked at; what follows the addresses (TLVs) is dropped unseen.
    static let bytesSeenMax = lineBytesMax

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let word = Array("PROXY ".utf8)
    /// With its CR LF: the longest line that the protocol allows.
    static let lineBytesMax = 107

    /// Looks at what has come so far, the header's first byte first.
    static func parse(_ bytes: ArraySlice<UInt8>) -> ProxyHeader {
        if bytes.starts(with: signature.prefix(bytes.count)) {
            return bytes.count < 16 ? .needMore : binary(bytes)
        }
        guard bytes.starts(with: word.prefix(bytes.count)) else { return .malformed }
        let line = bytes.prefix(lineBytesMax)
        guard let end = line.firstIndex(of: 0x0A) else { return line.count == lineBytesMax ? .malformed : .needMore }
        guard end > line.startIndex, line[end - 1] == 0x0D else { return .malformed }
        guard let address = source(String(decoding: line[..<(end - 1)], as: UTF8.self)) else { return .malformed }
        return .complete(address: address, length: end + 1 - line.startIndex)
    }

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`; nil for anything else, an inner nil for `PROXY UNKNOWN …`.
    private static func source(_ line: String) -> IPAddress?? {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count > 1, words[0] == "PROXY" else { return nil }
        // What stands behind UNKNOWN is to be ignored.
        if words[1] == "UNKNOWN" { return .some(nil) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6" else { return nil }
        let isIPv6 = words[1] == "TCP6"
        let addresses = words[2...3].compactMap { $0.utf8.contains(0x3A) == isIPv6 ? IPAddress($0) : nil }
        guard addresses.count == 2, words[4...5].allSatisfy(isPort) else { return nil }
        return .some(addresses[0])
    }

    private static func isPort(_ text: Substring) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && (text == "0" || text.first != "0") && (Int(text) ?? .max) <= 65_535
    }

    private static func binary(_ bytes: ArraySlice<UInt8>) -> ProxyHeader {
        let start = bytes.startIndex
        let command = bytes[start + 12]
        let family = bytes[start + 13]
        let length = Int(bytes[start + 14]) << 8 | Int(bytes[start + 15])
        switch command {
        case 0x20: return .complete(address: nil, length: 16 + length)  // LOCAL: whatever the family says.
        case 0x21: break
        default: return .malformed
        }
        let addressBytes: Int
        let blockBytes: Int
        switch family {
        case 0x00: return .complete(address: nil, length: 16 + length)  // UNSPEC
        case 0x11: (addressBytes, blockBytes) = (4, 12)
        case 0x21: (addressBytes, blockBytes) = (16, 36)
        case 0x31: (addressBytes, blockBytes) = (0, 216)  // A Unix socket on the proxy's machine.
        default: return .malformed
        }
        guard length >= blockBytes else { return .malformed }
        guard bytes.count >= 16 + addressBytes else { return .needMore }
        let address = IPAddress(networkBytes: bytes[(start + 16)..<(start + 16 + addressBytes)])
        return .complete(address: address, length: 16 + length)
    }
}
