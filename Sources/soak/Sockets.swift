import Glibc

/// The few calls that Unix sockets need; -1 with errno where they fail.
enum UnixSocket {
    static func make() -> Int32 { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }

    static func connect(to path: String) -> Int32 { opened(path) { Glibc.connect($0, $1, $2) } }

    /// Takes the place of a socket file that is there.
    static func listen(on path: String) -> Int32 {
        unlink(path)
        let descriptor = opened(path) { bind($0, $1, $2) }
        if descriptor >= 0 {
            chmod(path, 0o777)
            _ = Glibc.listen(descriptor, 512)
        }
        return descriptor
    }

    private static func opened(
        _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        let descriptor = make()
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    static func unblock(_ descriptor: Int32) { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
}
