public import HTTPWire

/// Where a server listens.
public enum ServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A numeric IPv4 or IPv6 address, or `localhost`; port 0 lets the system choose.
    case tcp(host: String, port: UInt16)
    /// A socket file, at most 107 bytes; one that nobody listens to any more is replaced.
    case unix(path: String)
    /// A listening socket that somebody else has opened; the server closes it when it stops.
    case descriptor(Int32)
    /// One of the others over TLS, as `ServerConfiguration.tls` says.
    indirect case tls(ServerAddress)

    var isEncrypted: Bool { if case .tls = self { true } else { false } }

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .descriptor(let descriptor): "descriptor \(descriptor)"
        case .tls(let address): "\(address)"
        }
    }
}

/// Addresses and bounds of a server. Each bound has a default that is right for the open internet.
public struct ServerConfiguration: Sendable {
    public var addresses: [ServerAddress]
    /// What the addresses over TLS show; nil only when there is none.
    public var tls: TLSContext?
    /// The value of `Strict-Transport-Security` (RFC 6797 6.1) in answers over TLS; nil: the field is not sent.
    public var strictTransportSecurity: String?
    /// Request heads: 16 KiB, targets of 8 KiB, 100 fields.
    public var head = HeadLimits()
    /// No body may be longer; a handler bounds its own by `collect(upTo:)`.
    public var bodyBytesMax = 32 * 1024 * 1024
    /// Open connections of the whole server; those beyond get 503.
    public var connectionsMax = 16_384
    /// Open connections of one IPv4 address or one IPv6 /64; those beyond get 503, and an eighth above that are closed
    /// unheard. Unix sockets and trusted proxies are not counted.
    public var connectionsPerAddressMax = 1_024
    /// Whether that holds for loopback addresses too, from which a proxy or a trial on the same machine comes.
    public var countsLoopback = false
    /// Who may say in `Forwarded` or `X-Forwarded-For` for whom it speaks.
    public var trustedProxies = TrustedProxies()
    /// Whether each connection of a trusted proxy begins with a PROXY header, version 1 or 2; without one it is closed.
    public var usesProxyProtocol = false
    /// After so many requests a connection is closed.
    public var requestsPerConnectionMax = 100_000
    /// From a head's first byte (on a new connection: from its opening) to its last; more bytes do not prolong it.
    public var headSecondsMax = 10.0
    /// Between two pieces of a body that a handler waits for.
    public var bodyStallSecondsMax = 10.0
    /// A body's average pace once `bodyStallSecondsMax` have been spent waiting for it.
    public var bodyBytesPerSecondMin = 512
    /// Between two requests.
    public var idleSecondsMax = 60.0
    /// For each 16 KiB of a response, or its last bytes, to be taken by the client.
    public var responseStallSecondsMax = 20.0
    /// After the last byte of a response that closes the connection, to read what the client still sends.
    public var lingerSecondsMax = 5.0
    /// What is read and dropped of a body that the handler left, for the sake of the next request.
    public var drainedBodyBytesMax = 65_536
    /// A stream is not asked for more while so much waits to be sent.
    public var responseBufferBytesMax = 65_536
    /// No further request is taken up while so many answers wait to be sent.
    public var pipelinedRequestsMax = 64
    /// At a stop, in place of `lingerSecondsMax`.
    public var stopLingerSeconds = 1.0
    /// 1, the quickest, to 9; 0: responses are never gzipped.
    public var gzipLevel: Int32 = 1
    /// Shorter bodies are not worth it.
    public var gzipBytesMin = 1_024
    /// Longer bodies are gzipped on a thread of their own instead of on the loop.
    public var gzipOnLoopBytesMax = 131_072
    public var backlog: Int32 = 1_024
    /// Who may connect to the socket files: the permissions that they are given.
    public var unixSocketMode: UInt32 = 0o660

    public init(addresses: [ServerAddress]) { self.addresses = addresses }
}
