import Glibc

/// Where a socket is bound, as the system says it: two ways to write one address give one name.
struct SocketName {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// What sun_path holds, without the zero at its end (unix(7)).
    static let pathBytesMax = MemoryLayout<sockaddr_un>.size - pathOffset - 1
    private static let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? 2

    /// Nil: not a numeric address, or a path of a length that cannot be. Names are not looked up, so that starting does
    /// not depend on a name server.
    init?(_ address: ServerAddress) {
        switch address {
        case .tcp(let host, let port):
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST
            var found: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host == "localhost" ? "127.0.0.1" : host, "\(port)", &hints, &found) == 0,
                let info = found?.pointee, let name = info.ai_addr
            else { return nil }
            defer { freeaddrinfo(found) }
            length = info.ai_addrlen
            let bytes = UnsafeRawBufferPointer(start: name, count: Int(length))
            withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
        case .unix(let path):
            guard (1...Self.pathBytesMax).contains(path.utf8.count) else { return nil }
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            length = socklen_t(MemoryLayout<sockaddr_un>.size)
            withUnsafeBytes(of: &name) { bytes in
                withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
            }
        case .tls(let address):
            guard let name = SocketName(address) else { return nil }
            (storage, length) = (name.storage, name.length)
        case .descriptor(let descriptor):
            guard let name = SocketName(of: descriptor) else { return nil }
            (storage, length) = (name.storage, name.length)
        }
    }

    /// Nil: not a socket.
    init?(of descriptor: Int32) {
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
    }

    var family: Int32 { Int32(storage.ss_family) }

    func use<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Nil for what is neither TCP nor a Unix socket with a name.
    var address: ServerAddress? {
        withUnsafeBytes(of: storage) { bytes in
            // The port is at the same place in both families.
            let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
            switch family {
            case AF_INET, AF_INET6:
                var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
                let start = bytes.baseAddress.map { $0 + (family == AF_INET ? 4 : 8) }
                guard inet_ntop(family, start, &text, socklen_t(text.count)) != nil else { return nil }
                let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                return .tcp(host: host, port: port)
            case AF_UNIX:
                var path = bytes[..<Int(length)].dropFirst(Self.pathOffset)
                guard let first = path.first else { return nil }
                // An abstract name begins with a zero, which is written as @.
                path = first == 0 ? path.dropFirst() : path.prefix { $0 != 0 }
                return .unix(path: (first == 0 ? "@" : "") + String(decoding: path, as: UTF8.self))
            default: return nil
            }
        }
    }
}

extension ServerAddress {
    /// Where a listening socket can be reached, never `descriptor`; an abstract Unix socket has `@` in front of its path.
    /// Throws when nobody can listen there: not open, no socket, not listening, of another kind.
    public init(listeningAt descriptor: Int32) throws(ListenError) {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(4)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
        }
        let itself = ServerAddress.descriptor(descriptor)
        guard fcntl(descriptor, F_GETFD) >= 0 else { throw ListenError(itself, "it is not open") }
        guard let type = option(SO_TYPE) else { throw ListenError(itself, "it is no socket") }
        guard type == Int32(SOCK_STREAM.rawValue), option(SO_ACCEPTCONN) == 1 else {
            throw ListenError(itself, "it is no stream socket that listens")
        }
        guard let address = SocketName(of: descriptor)?.address else {
            throw ListenError(itself, "it is neither TCP nor a Unix socket with a name")
        }
        self = address
    }

    /// The one way to write it: `localhost` and `[0:0::1]` become numbers in their short form. Itself when it is not
    /// numeric.
    public var canonical: ServerAddress { SocketName(self)?.address ?? self }
}
