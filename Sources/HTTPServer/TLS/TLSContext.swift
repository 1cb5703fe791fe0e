import EventLoop

/// Why a certificate and its key cannot be served.
public struct TLSError: Error, Equatable, CustomStringConvertible {
    public enum File: Sendable { case certificate, key }

    /// The file that is to blame.
    public let file: File
    /// What is wrong, to follow the file's name and a colon.
    public let reason: String

    init(_ file: File, _ reason: String) {
        self.file = file
        self.reason = reason
    }

    public var description: String { "\(file): \(reason)" }
}

/// What the TLS listeners of a server show: a certificate with its chain and key, and the keys of session tickets, the
/// same for all loops. From any thread.
public final class TLSContext: Sendable {
    private let tickets = TicketKeys()
    private let identity: Locked<TLSIdentity>

    /// `certificates` is PEM: the server's own certificate and behind it each one's issuer, the root left out; `key` is
    /// the PEM of its private key, not encrypted.
    public init(certificates: [UInt8], key: [UInt8]) throws(TLSError) {
        identity = Locked(try TLSIdentity(certificates: certificates, key: key, tickets: tickets))
    }

    /// Shows another certificate from now on. Connections that are open keep what they began with, and sessions can be
    /// resumed as before. When it throws, all stays as it was.
    public func replace(certificates: [UInt8], key: [UInt8]) throws(TLSError) {
        let next = try TLSIdentity(certificates: certificates, key: key, tickets: tickets)
        identity.withLock { $0 = next }
    }

    /// When all certificates of the chain are valid, in seconds since 1970. Nobody is kept from serving others.
    public var validity: ClosedRange<Int> { current.validity }

    var current: TLSIdentity { identity.withLock { $0 } }
}
