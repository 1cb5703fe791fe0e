import Glibc

/// A system call that failed.
public struct EventLoopError: Error, Equatable, CustomStringConvertible {
    public let call: String
    public let code: Int32

    /// `code` is an errno; nil takes the thread's own.
    public init(_ call: String, code: Int32? = nil) {
        let code = code ?? errno
        self.call = call
        self.code = code
    }

    public var description: String { "\(call): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")" }
}
