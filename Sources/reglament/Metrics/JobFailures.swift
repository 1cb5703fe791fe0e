import EventLoop

/// How often something that the service does by itself has failed. From any thread.
final class JobFailures: Sendable {
    enum Job: String, CaseIterable, Sendable {
        case autoClose = "auto_close"
        case runs, batches, uploads
        case followUps = "follow_ups"
        case idempotencyDays = "idempotency_days"
    }

    private let counts = Locked<[Job: Int]>([:])

    func note(_ job: Job) { counts.withLock { $0[job, default: 0] += 1 } }

    func count(of job: Job) -> Int { counts.withLock { $0[job] ?? 0 } }
}
