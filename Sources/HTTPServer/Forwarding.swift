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
    /// With an address, a host, a scheme and whatever else a proxy says of a hop.
    private static let elementBytesMax = 512

    private struct Hop {
        let address: IPAddress?
        let scheme: Scheme?
    }

    init(_ fields: Fields, from peer: Peer, scheme: Scheme, trusting proxies: TrustedProxies) {
        let standard = Self.elements(fields, "forwarded").map(Self.hop)
        let common = Self.commonHops(fields)
        let found = [standard, common].compactMap { Self.client(of: $0, trusting: proxies) }
        // A proxy writes one of the two and lets the other pass: when they differ, nobody knows which one it wrote.
        guard let first = found.first, found.allSatisfy({ $0.address == first.address }) else {
            (address, self.scheme) = (peer.text, scheme)
            return
        }
        address = first.address?.text ?? peer.text
        self.scheme = found.allSatisfy { $0.scheme == first.scheme } ? first.scheme ?? scheme : scheme
    }

    /// The last hop that somebody trusted has named; nil without any.
    private static func client(of hops: [Hop], trusting proxies: TrustedProxies) -> Hop? {
        var client: Hop?
        for hop in hops {
            // A hidden or malformed name says nothing; nor does anything before it, as nobody known vouches for it.
            guard let address = hop.address else { return client ?? hop }
            client = hop
            if !proxies.contains(address) { break }
        }
        return client
    }

    /// Elements of a list, over all fields of that name, from the nearest hop's to the farthest. Commas part even what looks quoted: no
    /// address holds one, and a quote that a client leaves open must not swallow what a proxy has appended.
    ///
    /// Bytes, until an element is known to be short ASCII: what a client has written may be of any length, and to Swift a comma may be
    /// one character with what stands before it.
    private static func elements(_ fields: Fields, _ name: String) -> [Substring] {
        var list: [UInt8] = []
        fields.forEachValue(of: name) { value in
            list.append(UInt8(ascii: ","))
            list.append(contentsOf: value)
        }
        var elements: [Substring] = []
        while elements.count < hopsMax, let comma = list.lastIndex(of: UInt8(ascii: ",")) {
            let element = text(list[(comma + 1)...])
            if !element.isEmpty { elements.append(element) }
            list.removeSubrange(comma...)
        }
        return elements
    }

    /// Without the blanks at both ends (RFC 9110 5.6.3); a question mark, which names nobody, for what cannot be an element.
    private static func text(_ bytes: ArraySlice<UInt8>) -> Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = bytes.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        guard rest.count <= elementBytesMax, rest.allSatisfy({ $0 < 0x80 }) else { return "?" }
        return Substring(String(decoding: rest, as: UTF8.self))
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
            return schemes.first.map { [Hop(address: nil, scheme: scheme($0))] } ?? []
        }
        // Both are appended to; many proxies send but the first scheme on.
        return addresses.enumerated().map { index, address in
            let word = schemes.isEmpty ? nil : schemes[min(index, schemes.count - 1)]
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
