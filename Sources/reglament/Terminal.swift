import Glibc

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
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // Whoever closed the other end does not want to know.
            if count < 0 && errno != EINTR { return }
            offset += max(0, count)
        }
    }
}
