import HTTPServer

/// Which sockets the service listens on: those that somebody opened already, and those that are still to be opened.
struct ListeningPlan: Sendable {
    /// What each is called in the log, in the order of `servers`.
    private(set) var addresses: [Settings.ListenAddress] = []
    private(set) var servers: [ServerAddress] = []
    /// Descriptors that nobody needs.
    private(set) var unused: [Int32] = []

    /// Serves on exactly these sockets, over TLS on those of TCP if `withTLS`.
    init(given: [Int32], withTLS: Bool = false) throws(ListenError) {
        for descriptor in given {
            switch try ServerAddress(listeningAt: descriptor) {
            case .tcp(let host, let port) where withTLS:
                addresses.append(.tls(host: host, port: port))
                servers.append(.tls(.descriptor(descriptor)))
                continue
            case .tcp(let host, let port): addresses.append(.tcp(host: host, port: port))
            case .unix(let path): addresses.append(.unix(path: path))
            case .descriptor, .tls: preconditionFailure("A socket's address is never its own number.")
            }
            servers.append(.descriptor(descriptor))
        }
    }

    /// Serves on `wanted`, on the inherited socket where there is one for it. Port 0 is content with any port.
    init(_ wanted: [Settings.ListenAddress], inherited: [Int32]) throws(ListenError) {
        var left: [(descriptor: Int32, address: ServerAddress)] = []
        for descriptor in inherited { left.append((descriptor, try ServerAddress(listeningAt: descriptor))) }
        addresses = wanted
        servers = wanted.map(\.server)
        func take(_ index: Int, where isWanted: (ServerAddress) -> Bool) {
            guard let found = left.firstIndex(where: { isWanted($0.address) }) else { return }
            let descriptor = ServerAddress.descriptor(left.remove(at: found).descriptor)
            servers[index] = if case .tls = servers[index] { .tls(descriptor) } else { descriptor }
        }
        let canonical = servers.map(\.canonical)
        for (index, address) in canonical.enumerated() { take(index) { $0 == address } }
        for (index, address) in canonical.enumerated() {
            guard case .tcp(let host, 0) = address else { continue }
            take(index) { if case .tcp(host, _) = $0 { true } else { false } }
        }
        unused = left.map(\.descriptor)
    }
}
