import Glibc
import HTTPServer

/// The listening sockets that a service manager has opened for us (sd_listen_fds(3)).
struct GivenSockets: Sendable {
    let descriptors: [Int32]

    private static let first: Int32 = 3
    static let countMax = 64

    /// Nil: none are meant for this process. Throws a sentence when one cannot be served on.
    init?(_ environment: [String: String]) throws {
        // Whoever inherits the variables from another process has not inherited its descriptors.
        guard let count = environment["LISTEN_FDS"], environment["LISTEN_PID"] == "\(getpid())" else { return nil }
        guard let count = Int(count), (0...Self.countMax).contains(count) else {
            throw Failure.failed("LISTEN_FDS is `\(count)`; it must be a number from 0 to \(Self.countMax).")
        }
        guard count > 0 else { return nil }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        descriptors = try (0..<count).map { index in
            let descriptor = Self.first + Int32(index)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            do throws(ListenError) { _ = try ServerAddress(listeningAt: descriptor) } catch {
                let name = index < names.count ? " (`\(names[index])` in LISTEN_FDNAMES)" : ""
                throw Failure.failed("LISTEN_FDS gives \(error.address)\(name), but \(error.reason).")
            }
            return descriptor
        }
    }
}
