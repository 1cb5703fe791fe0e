import Glibc

/// An IPv6 address, or an IPv4 one in its IPv4-mapped form (RFC 4291 2.5.5.2), so that the two compare.
struct IPAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    private static let mappedPrefix: UInt64 = 0xFFFF_0000_0000
    /// Longer than any address, so that nothing long is copied for `inet_pton`.
    private static let textBytesMax = 45

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Four or sixteen bytes in network order; nil for any other number of them.
    init?(networkBytes bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: (high, low) = (0, bytes.reduce(Self.mappedPrefix >> 32) { $0 << 8 | UInt64($1) })
        case 16:
            high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
        default: return nil
        }
    }

    /// The numeric form alone: no name, no zone, no leading zeros.
    init?(_ text: some StringProtocol) {
        guard (2...Self.textBytesMax).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
        let family = text.utf8.contains(UInt8(ascii: ":")) ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
        guard inet_pton(family, String(text), &bytes) == 1 else { return nil }
        self.init(networkBytes: bytes)
    }

    /// Nil for an address of another family.
    init?(_ storage: sockaddr_storage) {
        let family = Int32(storage.ss_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        let address = withUnsafeBytes(of: storage) { bytes in
            IPAddress(networkBytes: bytes[family == AF_INET ? 4..<8 : 8..<24])
        }
        guard let address else { return nil }
        self = address
    }

    var isIPv4: Bool { high == 0 && low >> 32 == Self.mappedPrefix >> 32 }
    var isLoopback: Bool { isIPv4 ? low >> 24 & 0xFF == 127 : high == 0 && low == 1 }

    /// What counts as one client: an IPv4 address by itself, of IPv6 the 64 bits that a provider gives to one household.
    var network: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }

    /// The address with all bits beyond the first `count` (0 to 128) cleared.
    func prefix(_ count: Int) -> IPAddress {
        func mask(_ count: Int) -> UInt64 { count <= 0 ? 0 : count >= 64 ? .max : ~(.max >> UInt64(count)) }
        return IPAddress(high: high & mask(count), low: low & mask(count - 64))
    }

    /// The form that `inet_ntop` gives, IPv4 without its mapping.
    var text: String {
        func network(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
        let family = isIPv4 ? AF_INET : AF_INET6
        let bytes = isIPv4 ? network(low).suffix(4) : network(high) + network(low)
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, Array(bytes), &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
