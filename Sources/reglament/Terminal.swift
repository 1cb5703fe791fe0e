import EventLoop
import Glibc
import Synchronization

/// Standard output and standard error.
enum Terminal {
    /// A result.
    static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// Everything else.
    static func say(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A line that the next one overwrites; nothing when nobody watches.
    static func showProgress(_ text: String) {
        guard isWatched else { return }
        write("\r\u{1b}[K\(text)", to: STDERR_FILENO)
    }

    static func endProgress() { if isWatched { write("\r\u{1b}[K", to: STDERR_FILENO) } }

    static let isWatched = isatty(STDERR_FILENO) == 1

    static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        do { try Files.write(bytes, to: descriptor) } catch {
            // Whoever closed the other end does not want to know; a full disk does not hold what was asked for.
            if error.code != EPIPE && descriptor == STDOUT_FILENO { outputFault.store(error.code, ordering: .relaxed) }
        }
    }

    private static let outputFault = Atomic<Int32>(0)

    /// Why not all of the result was written; nil: it was.
    static var whatIsMissing: String? {
        let code = outputFault.load(ordering: .relaxed)
        return code == 0 ? nil : "standard output: \(EventLoopError("write", code: code))"
    }
}
