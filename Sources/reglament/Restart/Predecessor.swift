import CLinux
import Glibc

/// What a process and its successor say to each other on the control socket, a packet each: the successor asks, gets the
/// sockets, says when it serves on them, and hears that it was understood.
enum HandOver {
    static let question: [UInt8] = Array("reglament 1: sockets?".utf8)
    /// The listening sockets come with it: the control socket first.
    static let own: [UInt8] = Array("own".utf8)
    /// The same, and they were given by a service manager: they stand for the addresses of the settings.
    static let given: [UInt8] = Array("given".utf8)
    static let taken: [UInt8] = Array("taken".utf8)
    static let understood: [UInt8] = Array("understood".utf8)
    static let bytesMax = 64

    /// Who is at the other end, if it is this process's own user; nil otherwise.
    static func peer(of connection: Int32) -> pid_t? {
        var process: Int32 = 0
        var user: UInt32 = 0
        guard clinux_peer(connection, &process, &user) == 0, user == geteuid() else { return nil }
        return process
    }

    /// A socket that listens in a file that only this user may use.
    static func open(_ path: String) throws -> Int32 {
        func fail(_ reason: String) -> Failure { .failed("REGLAMENT_HANDOVER is `\(path)`: \(reason).") }
        guard let name = UnixName(path) else { throw fail("a socket's path has 1 to \(UnixName.bytesMax) bytes") }
        var entry = stat()
        if lstat(path, &entry) == 0 {
            guard entry.st_mode & S_IFMT == S_IFSOCK else { throw fail("the file is no socket") }
            // Whoever asked whether somebody serves there was told no.
            unlink(path)
        }
        let descriptor = UnixName.socket(SOCK_SEQPACKET, blocks: false)
        guard descriptor >= 0, name.use({ bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0,
            listen(descriptor, 16) == 0
        else {
            let reason = systemError()
            close(descriptor)
            throw fail(reason)
        }
        return descriptor
    }
}

/// The process that serves now, seen by the one that takes over from it.
struct Predecessor: Sendable {
    private let connection: Int32
    /// On which the next successor will ask.
    let control: Int32
    let sockets: [Int32]
    /// Whether they were given by a service manager.
    let areGiven: Bool

    private static let patienceSeconds = 30

    /// Asks for the listening sockets; blocks. Nil: nobody serves there. The predecessor goes on serving until `confirm`.
    static func ask(_ path: String) throws -> Predecessor? {
        func fail(_ reason: String) -> Failure { .failed("REGLAMENT_HANDOVER is `\(path)`: \(reason).") }
        guard let name = UnixName(path) else { throw fail("a socket's path has 1 to \(UnixName.bytesMax) bytes") }
        let connection = UnixName.socket(SOCK_SEQPACKET)
        guard connection >= 0 else { throw fail(systemError()) }
        var isKept = false
        defer { if !isKept { close(connection) } }
        guard name.use({ connect(connection, $0, $1) }) == 0 else {
            if errno == ENOENT || errno == ECONNREFUSED { return nil }
            throw fail(errno == EPROTOTYPE ? "the socket is another program's" : systemError())
        }
        guard HandOver.peer(of: connection) != nil else { throw fail("the server there runs as another user") }
        var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard send(connection, HandOver.question, HandOver.question.count, Int32(MSG_NOSIGNAL)) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: HandOver.bytesMax)
        var descriptors = [Int32](repeating: -1, count: Int(CLINUX_DESCRIPTORS_MAX))
        var many: Int32 = 0
        let count = clinux_receive_descriptors(connection, &bytes, bytes.count, &descriptors, &many)
        // It ended just now, or it is about to.
        if count == 0 || count < 0 && errno == ECONNRESET { return nil }
        guard count > 0 else {
            throw fail(errno == EAGAIN ? "the server there does not answer for \(patienceSeconds) s" : systemError())
        }
        let answer = Array(bytes[..<count])
        guard many > 0, answer == HandOver.own || answer == HandOver.given else {
            throw fail("the server there answers something else")
        }
        isKept = true
        return Predecessor(
            connection: connection, control: descriptors[0], sockets: Array(descriptors[1..<Int(many)]),
            areGiven: answer == HandOver.given)
    }

    /// Says that this process serves now, whereupon the predecessor stops; blocks until it has understood. False: it has
    /// gone without a word. Call it once.
    func confirm() -> Bool {
        defer { close(connection) }
        guard send(connection, HandOver.taken, HandOver.taken.count, Int32(MSG_NOSIGNAL)) > 0 else { return false }
        var bytes = [UInt8](repeating: 0, count: HandOver.bytesMax)
        let count = recv(connection, &bytes, bytes.count, 0)
        return count > 0 && Array(bytes[..<count]) == HandOver.understood
    }
}
