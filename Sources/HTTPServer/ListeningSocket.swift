import CLinux
import Glibc

/// Why a server cannot listen.
public struct ListenError: Error, CustomStringConvertible {
    public let address: String
    public let reason: String

    init(_ address: ServerAddress, _ reason: String) {
        self.address = "\(address)"
        self.reason = reason
    }

    init(_ address: ServerAddress, call: String) {
        let words = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        switch errno {
        case EADDRINUSE: self.init(address, "somebody else listens there (\(words))")
        case EADDRNOTAVAIL: self.init(address, "this machine has no such address (\(words))")
        default: self.init(address, "\(call): \(words)")
        }
    }

    public var description: String { "cannot listen on \(address): \(reason)" }
}

/// A socket that listens, or one that was accepted from it.
struct OpenSocket: Sendable {
    let descriptor: Int32
    /// Nil: plain.
    let tls: TLSContext?

    func transport() -> any Transport {
        guard let tls else { return PlainTransport(descriptor) }
        return TLSTransport(descriptor, identity: tls.current)
    }
}

/// Opening sockets that listen, and naming their ends.
enum ListeningSocket {
    static func open(_ address: ServerAddress, _ configuration: ServerConfiguration) throws(ListenError) -> Int32 {
        switch address {
        case .tcp: try openTCP(address, configuration.backlog)
        case .unix(let path): try openUnix(address, path, configuration)
        case .descriptor(let descriptor): try adopt(address, descriptor)
        case .tls(let address): try open(address, configuration)
        }
    }

    private static func openTCP(_ address: ServerAddress, _ backlog: Int32) throws(ListenError) -> Int32 {
        guard let name = SocketName(address) else { throw ListenError(address, "not a numeric address") }
        let descriptor = try make(address, name)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if name.family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        setAcceptedOptions(descriptor)
        return try listening(address, descriptor, name, backlog)
    }

    /// What the sockets accepted from this one have as well; without effect on Unix sockets. Little may wait in the system
    /// for a slow reader: it would let us write again only after taking megabytes, too late to be told from one who has
    /// stopped.
    private static func setAcceptedOptions(_ descriptor: Int32) {
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        var bytes: Int32 = 131_072
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &bytes, 4)
    }

    private static func openUnix(
        _ address: ServerAddress, _ path: String, _ configuration: ServerConfiguration
    ) throws(ListenError) -> Int32 {
        guard let name = SocketName(address) else {
            throw ListenError(address, "a socket's path has 1 to \(SocketName.pathBytesMax) bytes")
        }
        var entry = stat()
        if lstat(path, &entry) == 0 {
            guard entry.st_mode & S_IFMT == S_IFSOCK else { throw ListenError(address, "the file is no socket") }
            // A file left by a process that died: nobody answers there.
            let probe = try make(address, name)
            if name.use({ connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED { unlink(path) }
            close(probe)
        }
        let descriptor = try make(address, name)
        return try listening(address, descriptor, name, configuration.backlog) {
            chmod(path, configuration.unixSocketMode)
        }
    }

    private static func make(_ address: ServerAddress, _ name: SocketName) throws(ListenError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(name.family, type, 0)
        guard descriptor >= 0 else { throw ListenError(address, call: "socket") }
        return descriptor
    }

    /// `bound`: what is to be done before anybody can connect; 0, or -1 with errno.
    private static func listening(
        _ address: ServerAddress, _ descriptor: Int32, _ name: SocketName, _ backlog: Int32,
        bound: @escaping () -> Int32 = { 0 }
    ) throws(ListenError) -> Int32 {
        for (call, work) in [
            ("bind", { name.use { bind(descriptor, $0, $1) } }), ("chmod", bound),
            ("listen", { listen(descriptor, backlog) }),
        ] where work() != 0 {
            let error = ListenError(address, call: call)
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func adopt(_ address: ServerAddress, _ descriptor: Int32) throws(ListenError) -> Int32 {
        _ = try ServerAddress(listeningAt: descriptor)
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else {
            throw ListenError(address, call: "fcntl")
        }
        setAcceptedOptions(descriptor)
        return descriptor
    }

    /// The local port, 0 for a Unix socket.
    static func port(of descriptor: Int32) -> UInt16 {
        guard let name = SocketName(of: descriptor), case .tcp(_, let port) = name.address else { return 0 }
        return port
    }
}
