import Glibc

/// Who uses a private cluster, told by two lock files that the kernel lets go of when a process dies.
///
/// `users` is held shared by everybody who uses the cluster, for as long as they do: whoever can have it alone is the
/// last one. `change` is held by one at a time, around starting and stopping, so that nobody comes in while the last
/// one closes the door.
final class ClusterLocks {
    private let users: Int32
    private let change: Int32

    /// Opens both files in `folder`; nothing is locked yet.
    init(folder: String) throws(ClusterError) {
        users = try Self.open(folder + "/postgres.users.lock")
        do throws(ClusterError) {
            change = try Self.open(folder + "/postgres.change.lock")
        } catch {
            close(users)
            throw error
        }
    }

    deinit {
        close(users)
        close(change)
    }

    /// Waits for its turn; `say` is called when there is something to wait for.
    func lockChange(_ say: (String) -> Void) throws(ClusterError) {
        if Self.lock(change, LOCK_EX | LOCK_NB) { return }
        say("Another command is starting or stopping this PostgreSQL; waiting for it …")
        guard Self.lock(change, LOCK_EX) else {
            throw ClusterError("Locking the data folder failed: \(systemError()).")
        }
    }

    func unlockChange() { _ = Self.lock(change, LOCK_UN) }

    /// Never waits: a lock that stands in the way is held for a moment only, under `change`.
    func joinUsers() throws(ClusterError) {
        guard Self.lock(users, LOCK_SH) else { throw ClusterError("Locking the data folder failed: \(systemError()).") }
    }

    /// Whether nobody else uses the cluster; call it under `change`. The caller is no user afterwards.
    func leaveUsers() -> Bool {
        let isLast = Self.lock(users, LOCK_EX | LOCK_NB)
        _ = Self.lock(users, LOCK_UN)
        return isLast
    }

    private static func open(_ path: String) throws(ClusterError) -> Int32 {
        // O_CLOEXEC: PostgreSQL must not inherit the locks.
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ClusterError("\(path) cannot be opened: \(systemError()).") }
        return descriptor
    }

    private static func lock(_ descriptor: Int32, _ operation: Int32) -> Bool {
        while flock(descriptor, operation) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}

/// The words for the thread's errno.
func systemError() -> String { strerror(errno).map { String(cString: $0) } ?? "error \(errno)" }
