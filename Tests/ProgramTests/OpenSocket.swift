import Foundation

/// Sockets that the tests open themselves, as a service manager does.
enum OpenSocket {
    struct Failed: Error { let call: String, code: Int32 }

    /// Listens on 127.0.0.1, at a port that the system chooses.
    static func listen() throws -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return try bind(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), &address, listens: true)
    }

    /// Listens in a file.
    static func listen(at path: String) throws -> Int32 {
        var address = name(path)
        return try bind(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0), &address, listens: true)
    }

    /// Receives datagrams in a file.
    static func datagrams(at path: String) throws -> Int32 {
        var address = name(path)
        return try bind(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0), &address, listens: false)
    }

    /// Receives datagrams at an abstract name, which ends where its length says.
    static func datagrams(abstract text: String) throws -> Int32 {
        var address = name("@" + text)
        withUnsafeMutableBytes(of: &address.sun_path) { $0[0] = 0 }
        let length = socklen_t(3 + text.utf8.count)
        return try bind(
            socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0), &address, length: length, listens: false)
    }

    static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func name(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    private static func bind<Address>(
        _ descriptor: Int32, _ address: inout Address, length: socklen_t? = nil, listens: Bool
    ) throws -> Int32 {
        let length = length ?? socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, length) }
        }
        guard result == 0 else { throw Failed(call: "bind", code: errno) }
        guard !listens || Glibc.listen(descriptor, 128) == 0 else { throw Failed(call: "listen", code: errno) }
        return descriptor
    }
}
