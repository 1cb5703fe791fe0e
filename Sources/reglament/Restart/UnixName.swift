import Glibc

/// The name of a Unix socket: a path, or with `@` in front an abstract one (unix(7)).
struct UnixName: Sendable {
    private let name: sockaddr_un
    private let length: socklen_t

    private static let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? 2
    /// Without the zero at the end.
    static let bytesMax = MemoryLayout<sockaddr_un>.size - pathOffset - 1

    /// Nil: empty, or longer than a socket's name can be.
    init?(_ text: String) {
        guard (1...Self.bytesMax).contains(text.utf8.count) else { return nil }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = text.hasPrefix("@")
        withUnsafeMutableBytes(of: &name.sun_path) { path in
            path.copyBytes(from: text.utf8)
            if isAbstract { path[0] = 0 }
        }
        self.name = name
        // An abstract name has no zero at its end, so its length says where it ends.
        length = socklen_t(Self.pathOffset + text.utf8.count + (isAbstract ? 0 : 1))
    }

    func use<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        withUnsafePointer(to: name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// A socket that closes on exec; -1 with errno.
    static func socket(_ type: __socket_type, blocks: Bool = true) -> Int32 {
        let flags = SOCK_CLOEXEC.rawValue | (blocks ? 0 : SOCK_NONBLOCK.rawValue)
        return Glibc.socket(AF_UNIX, Int32(type.rawValue | flags), 0)
    }
}
