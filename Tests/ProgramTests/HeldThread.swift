import Foundation
import Glibc

/// One thread of a child process that does not go on, as one that computes for long; the others do (ptrace(2)).
final class HeldThread: Sendable {
    struct Refused: Error { let what: String }

    // Swift sees no functions of C with varying arguments; these two have as many as are given here.
    private typealias Trace = @convention(c) (Int, pid_t, Int, Int) -> Int
    private static let trace = dlsym(dlopen(nil, RTLD_NOW), "ptrace").map { unsafeBitCast($0, to: Trace.self) }
    private static let seize = 0x4206
    private static let interrupt = 0x4207

    /// Some machines let nobody do it.
    static let isPossible: Bool = {
        guard let child = try? Process.run(URL(filePath: "/bin/sleep"), arguments: ["60"]) else { return false }
        defer { kill(child.processIdentifier, SIGKILL) }
        return trace?(seize, child.processIdentifier, 0, 0) == 0
    }()

    private let over = DispatchSemaphore(value: 0)

    /// Returns when the thread of that name stands still.
    init(_ name: String, of process: pid_t) throws {
        let tasks = "/proc/\(process)/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: tasks).filter {
            try String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8) == "\(name)\n"
        }
        guard let thread = threads.first.flatMap({ pid_t($0) }) else { throw Refused(what: "no thread \(name)") }
        let standing = DispatchSemaphore(value: 0)
        let isHeld = Flag()
        // Whoever holds it is a thread, not a process.
        Thread.detachNewThread { [over] in
            var status: Int32 = 0
            isHeld.value =
                Self.trace?(Self.seize, thread, 0, 0) == 0 && Self.trace?(Self.interrupt, thread, 0, 0) == 0
                && waitpid(thread, &status, Int32(__WALL)) == thread
            standing.signal()
            // Its end is told here before the process's end is told to anybody.
            if isHeld.value { waitpid(thread, &status, Int32(__WALL)) }
            over.wait()
        }
        standing.wait()
        guard isHeld.value else { throw Refused(what: "ptrace") }
    }

    func end() { over.signal() }

    /// Unchecked: written before the semaphore is signalled, read after it.
    private final class Flag: @unchecked Sendable { var value = false }
}
