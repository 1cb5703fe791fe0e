/// Whose word counts about where a request comes from; at first nobody's.
public struct TrustedProxies: Sendable {
    private struct Network: Sendable {
        let address: IPAddress
        let bits: Int
    }

    private var networks: [Network] = []
    /// Whoever can open the Unix socket.
    private(set) var includesUnix = false

    public init() {}

    public var isEmpty: Bool { networks.isEmpty && !includesUnix }

    /// Takes an address, a network like `10.0.0.0/8` or `2001:db8::/32`, or `unix`; false when `text` is none of these,
    /// or has bits set beyond its prefix, which is a slip more often than not.
    public mutating func insert(_ text: some StringProtocol) -> Bool {
        if text == "unix" {
            includesUnix = true
            return true
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return false }
        let width = address.isIPv4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= width
            else { return false }
            bits = number
        }
        bits += 128 - width
        guard address.prefix(bits) == address else { return false }
        networks.append(Network(address: address, bits: bits))
        return true
    }

    func contains(_ address: IPAddress) -> Bool {
        networks.contains { address.prefix($0.bits) == $0.address }
    }
}
