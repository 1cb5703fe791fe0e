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
        self.init(address, "\(call): \(strerror(errno).map { String(cString: $0) } ?? "error \(errno)")")
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
    static func open(_ address: ServerAddress, backlog: Int32) throws(ListenError) -> Int32 {
        switch address {
        case .tcp(let host, let port): try openTCP(address, host, port, backlog)
        case .unix(let path): try openUnix(address, path, backlog)
        case .descriptor(let descriptor): try adopt(address, descriptor)
        case .tls(let address): try open(address, backlog: backlog)
        }
    }

    private static func openTCP(
        _ address: ServerAddress, _ host: String, _ port: UInt16, _ backlog: Int32
    ) throws(ListenError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // Numeric only: starting does not depend on a name server.
        hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST
        var found: UnsafeMutablePointer<addrinfo>?
        let name = host == "localhost" ? "127.0.0.1" : host
        guard getaddrinfo(name, "\(port)", &hints, &found) == 0, let info = found?.pointee else {
            throw ListenError(address, "not a numeric address")
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(info.ai_family, type, 0)
        guard descriptor >= 0 else { throw ListenError(address, call: "socket") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if info.ai_family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        return try listening(address, descriptor, info.ai_addr, info.ai_addrlen, backlog)
    }

    private static func openUnix(
        _ address: ServerAddress, _ path: String, _ backlog: Int32
    ) throws(ListenError) -> Int32 {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: name.sun_path)
        guard (1..<room).contains(path.utf8.count) else { throw ListenError(address, "the path is too long") }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw ListenError(address, call: "socket") }
        return try withUnsafePointer(to: &name) { pointer throws(ListenError) in
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            return try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name throws(ListenError) in
                // A file left by a process that died: nobody answers there.
                if connect(descriptor, name, length) != 0, errno == ECONNREFUSED { unlink(path) }
                return try listening(address, descriptor, name, length, backlog)
            }
        }
    }

    private static func listening(
        _ address: ServerAddress, _ descriptor: Int32, _ name: UnsafePointer<sockaddr>, _ length: socklen_t,
        _ backlog: Int32
    ) throws(ListenError) -> Int32 {
        for (call, work) in [
            ("bind", { bind(descriptor, name, length) }), ("listen", { listen(descriptor, backlog) }),
        ] where work() != 0 {
            let error = ListenError(address, call: call)
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func adopt(_ address: ServerAddress, _ descriptor: Int32) throws(ListenError) -> Int32 {
        var isListening: Int32 = 0
        var length = socklen_t(4)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening == 1 else {
            throw ListenError(address, "the descriptor is no listening socket")
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw ListenError(address, call: "fcntl")
        }
        return descriptor
    }

    /// The local port, 0 for a Unix socket.
    static func port(of descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, storage.ss_family != sa_family_t(AF_UNIX) else { return 0 }
        // The port is at the same place in both families.
        return withUnsafeBytes(of: &storage) { UInt16($0[2]) << 8 | UInt16($0[3]) }
    }
}
