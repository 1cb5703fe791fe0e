/// Who is at the other end of a connection: of the socket, or of the proxy's that speaks for it (PROXY protocol).
struct Peer: Sendable {
    /// Nil: a Unix socket.
    let address: IPAddress?
    /// The numeric address without port, or `unix`.
    let text: String
    /// Whether it may say in a field for whom it speaks.
    let isTrusted: Bool
    /// What its connections are counted by; nil: they are not.
    let network: IPAddress?

    init(_ address: IPAddress?, _ configuration: ServerConfiguration) {
        self.address = address
        guard let address else {
            text = "unix"
            isTrusted = configuration.trustedProxies.includesUnix
            network = nil
            return
        }
        text = address.text
        isTrusted = configuration.trustedProxies.contains(address)
        let isCounted = !isTrusted && (configuration.countsLoopback || !address.isLoopback)
        network = isCounted ? address.network : nil
    }
}
