import HTTPWire

/// For whom a trusted proxy speaks: `Forwarded` (RFC 7239) or `X-Forwarded-For` and `X-Forwarded-Proto`.
///
/// The chain is read from its end, where the nearest proxy has written: each trusted hop names the one before it, and
/// the first that is not trusted is the client. What stands further left was sent by that client and is not looked at.
struct Forwarding {
    let address: String
    let scheme: Scheme

    /// Longer chains are cut: nobody has so many proxies of his own.
    private static let hopsMax = 16

    private struct Hop {
        let address: IPAddress?
        let scheme: Scheme?
    }

    init(_ fields: Fields, from peer: Peer, scheme: Scheme, trusting proxies: TrustedProxies) {
        let standard = Self.chain(Self.elements(fields, "forwarded").map(Self.hop))
        let common = Self.chain(Self.commonHops(fields))
        let found = [standard, common].compactMap { Self.client(of: $0, trusting: proxies) }
        // A proxy writes one of the two and lets the other pass: when they differ, nobody knows which one it wrote.
        guard let first = found.first, found.allSatisfy({ $0.address == first.address }) else {
            (address, self.scheme) = (peer.text, scheme)
            return
        }
        address = first.address?.text ?? peer.text
        self.scheme = found.allSatisfy { $0.scheme == first.scheme } ? first.scheme ?? scheme : scheme
    }

    /// From the nearest hop to the farthest.
    private static func chain(_ hops: [Hop]) -> ArraySlice<Hop> { hops.reversed().prefix(hopsMax) }

    /// The last hop that somebody trusted has named; nil without any.
    private static func client(of hops: ArraySlice<Hop>, trusting proxies: TrustedProxies) -> Hop? {
        var client: Hop?
        for hop in hops {
            // A hidden or malformed name says nothing; nor does anything before it, as nobody known vouches for it.
            guard let address = hop.address else { return client ?? hop }
            client = hop
            if !proxies.contains(address) { break }
        }
        return client
    }

    /// Elements of a list, over all fields of that name. Commas part even what looks quoted: no address holds one, and
    /// a quote that a client leaves open must not swallow what a proxy has appended.
    private static func elements(_ fields: Fields, _ name: String) -> [Substring] {
        fields.values(name).flatMap { $0.split(separator: ",") }.map { $0.trimmingOptionalBlanks() }
            .filter { !$0.isEmpty }
    }

    /// One element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`.
    private static func hop(_ element: Substring) -> Hop {
        var values: [String: Substring] = [:]
        for pair in element.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].trimmingOptionalBlanks().lowercased()
            guard parts.count == 2, values.updateValue(unquoted(parts[1].trimmingOptionalBlanks()), forKey: name) == nil
            else { return Hop(address: nil, scheme: nil) }
        }
        return Hop(address: values["for"].flatMap(node), scheme: values["proto"].flatMap(scheme))
    }

    private static func commonHops(_ fields: Fields) -> [Hop] {
        let addresses = elements(fields, "x-forwarded-for")
        let schemes = elements(fields, "x-forwarded-proto")
        guard !addresses.isEmpty else {
            return schemes.last.map { [Hop(address: nil, scheme: scheme($0))] } ?? []
        }
        // Counted from the end, as both are appended to; many proxies send but the first scheme on.
        return addresses.enumerated().map { index, address in
            let fromEnd = min(addresses.count - 1 - index, schemes.count - 1)
            let word = fromEnd >= 0 ? schemes[schemes.count - 1 - fromEnd] : nil
            return Hop(address: node(address), scheme: word.flatMap(scheme))
        }
    }

    private static func unquoted(_ text: Substring) -> Substring {
        text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? text.dropFirst().dropLast() : text
    }

    /// An address with or without a port; nil for `unknown`, for a hidden name and for anything else.
    private static func node(_ text: Substring) -> IPAddress? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let port = text[text.index(after: end)...]
            guard port.isEmpty || isPort(port), text[..<end].contains(":") else { return nil }
            return IPAddress(text[..<end].dropFirst())
        }
        if let address = IPAddress(text) { return address }
        guard let colon = text.firstIndex(of: ":"), isPort(text[colon...]) else { return nil }
        return IPAddress(text[..<colon])
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count)
            && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func scheme(_ text: Substring) -> Scheme? { Scheme(rawValue: text.lowercased()) }
}

extension Substring {
    /// Without the blanks at both ends (RFC 9110 5.6.3).
    fileprivate func trimmingOptionalBlanks() -> Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
