import Glibc

/// Lines on their way to a descriptor, written by a thread of its own: whoever appends never waits for a disk or for
/// whoever reads the other end. What does not fit is dropped and counted, and said as soon as there is room.
///
/// Unchecked: every variable is behind `mutex`, but for the last three, which the writing thread alone uses.
final class LogSink: @unchecked Sendable {
    /// Some thousand lines; as much again may be on its way.
    static let waitingBytesMax = 1 << 20
    /// How long lines are gathered once there is one, so that a busy service writes some times a second.
    private static let gatheringMicroseconds: UInt32 = 20_000

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let bytesMax: Int
    private let path: String?
    private let drops: @Sendable (Int) -> [UInt8]
    private var waiting: [UInt8] = []
    private var isWriting = false
    private var isIdle = false
    /// Of the dropped lines those that no line has told of yet.
    private var untold = 0
    /// The last write went wrong: what is untold waits for the next line, instead of being tried again and again.
    private var hasFailed = false
    private var dropped = 0
    private var isRunning = false
    private var whenReopened: ((String?) -> Void)?
    private var wantsReopening = false
    private var descriptor: Int32
    private var isTorn = false
    private var wasFirstLost = false

    /// `drops` gives the line that says how many are missing.
    init(
        _ descriptor: Int32, path: String? = nil, bytesMax: Int = waitingBytesMax,
        drops: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.descriptor = descriptor
        self.path = path
        self.bytesMax = bytesMax
        self.drops = drops
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    /// Appends to the file, which is made if need be; throws one sentence when it cannot be opened.
    convenience init(path: String, drops: @escaping @Sendable (Int) -> [UInt8]) throws {
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { throw Failure.failed("\(path): \(String(cString: strerror(errno)))") }
        self.init(descriptor, path: path, drops: drops)
    }

    private static func open(_ path: String) -> Int32 {
        // Who may read the log is told whom the service works for: nobody but its owner and group.
        Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0o640)
    }

    // MARK: From any thread

    /// `write` appends one whole line. It runs under the lock: nothing that waits belongs in it.
    func append(_ write: (inout [UInt8]) -> Void) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        startIfNeeded()
        let before = waiting.count
        write(&waiting)
        if waiting.count > bytesMax {
            waiting.removeSubrange(before...)
            untold += 1
            dropped += 1
        }
        if isIdle { pthread_cond_broadcast(changed) }
    }

    var droppedLines: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return dropped
    }

    /// Opens the file anew, on the writing thread, which then calls `done`: nil when it is done, or else why not.
    func reopen(done: @escaping (String?) -> Void) {
        guard path != nil else { return done(nil) }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        startIfNeeded()
        wantsReopening = true
        whenReopened = done
        pthread_cond_broadcast(changed)
    }

    /// Waits until all is written, or the time is over. Blocks the calling thread.
    func flush(secondsMax: Int) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        end.tv_sec += secondsMax
        while isRunning, !waiting.isEmpty || isWriting || untold > 0 && !hasFailed || wantsReopening {
            if pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return }
        }
    }

    // MARK: The writing thread

    private func startIfNeeded() {
        guard !isRunning else { return }
        var thread = pthread_t()
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<LogSink>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, me.toOpaque())
        // Without a thread lines wait, and then are dropped and counted; the next one tries again.
        guard code == 0 else { return me.release() }
        pthread_detach(thread)
        isRunning = true
    }

    /// To the end of the process.
    private func work() {
        var batch: [UInt8] = []
        while true {
            pthread_mutex_lock(mutex)
            isWriting = false
            pthread_cond_broadcast(changed)
            isIdle = true
            while waiting.isEmpty, untold == 0 || hasFailed, !wantsReopening { pthread_cond_wait(changed, mutex) }
            isIdle = false
            swap(&batch, &waiting)
            isWriting = true
            let missing = untold
            untold = 0
            let reopened = wantsReopening ? whenReopened : nil
            pthread_mutex_unlock(mutex)
            // What was said before a file was moved away goes where it was meant to go.
            let lost = write(missing > 0 ? drops(missing) + batch : batch)
            note(lost, missing)
            batch.removeAll(keepingCapacity: batch.capacity <= 65_536)
            if let reopened { openAnew(reopened) }
            usleep(Self.gatheringMicroseconds)
        }
    }

    /// What became of a batch; the line that tells of `missing` ones is none of the log's own.
    private func note(_ lost: Int, _ missing: Int) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        hasFailed = lost > 0
        guard lost > 0 else { return }
        // The whole batch was lost if the first line was.
        let isUntoldAgain = missing > 0 && wasFirstLost
        untold += isUntoldAgain ? missing + lost - 1 : lost
        dropped += isUntoldAgain ? lost - 1 : lost
    }

    private func openAnew(_ done: (String?) -> Void) {
        let opened = path.map(Self.open) ?? -1
        let reason = String(cString: strerror(errno))
        if opened >= 0 {
            close(descriptor)
            descriptor = opened
            isTorn = false
        }
        pthread_mutex_lock(mutex)
        wantsReopening = false
        whenReopened = nil
        pthread_mutex_unlock(mutex)
        done(opened < 0 ? reason : nil)
    }

    /// Gives the number of lines that could not be written.
    private func write(_ batch: [UInt8]) -> Int {
        var offset = 0
        if isTorn, Glibc.write(descriptor, "\n", 1) == 1 { isTorn = false }
        while offset < batch.count {
            let count = batch[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                offset += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Somebody else's pipe that does not block.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, 1_000)
            default:
                // A full disk, a reader that has gone: the rest is lost, and nobody is kept waiting for it.
                if offset > 0 { isTorn = batch[offset - 1] != 0x0a }
                wasFirstLost = !batch[..<offset].contains(0x0a)
                return batch[offset...].count { $0 == 0x0a }
            }
        }
        return 0
    }
}
