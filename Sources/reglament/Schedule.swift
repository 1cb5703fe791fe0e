import EventLoop
import Regulations
import TicketAPI
import TicketStore
import Tickets

/// What the server does by itself, beside requests, on a loop of its own.
struct Schedule: Sendable {
    let store: PostgresStore
    let api: API
    let regulations: LiveRulebook
    let clock: ServiceClock
    /// Minutes after midnight in each policy's zone; nil: the job is left to cron.
    let autoCloseAt: Int?
    let log: Log
    let failures: JobFailures

    /// From one look at what there is to do to the next.
    private static let pause = Duration.seconds(5)

    /// Works until the task is cancelled, a run of the nightly job until its next batch. What fails is said and tried
    /// again.
    func run(on loop: EventLoop) async {
        await withTaskCancellationHandler {
            async let chores: Void = keepHouse(on: loop)
            async let nights: Void = watchNights(on: loop)
            _ = await (chores, nights)
        } onCancel: {
            store.interruptJobs()
        }
    }

    private func keepHouse(on loop: EventLoop) async {
        warnOfCalendars()
        var hour: Int64?
        var day = clock.now().milliseconds / 86_400_000
        while !Task.isCancelled {
            let now = clock.now()
            let thisHour = now.milliseconds / 3_600_000
            if hour != thisHour {
                let isDone = await attempt("keeping the days of idempotency keys", .idempotencyDays) {
                    () async throws(StoreError) in
                    try await store.keepIdempotencyDays()
                }
                if isDone { hour = thisHour }
            }
            if thisHour / 24 != day {
                day = thisHour / 24
                warnOfCalendars()
            }
            await attempt("finishing follow-ups", .followUps) { () async throws(StoreError) in
                try await store.finishAbandonedFollowUps()
            }
            await attempt("finishing batches", .batches) { try await api.finishAbandonedBatches() }
            await attempt("sweeping uploads", .uploads) { () async throws(StoreError) in try await store.sweepUploads()
            }
            do { try await loop.sleep(Self.pause) } catch { return }
        }
    }

    /// Apart from the rest: a night with much to close takes its time.
    private func watchNights(on loop: EventLoop) async {
        while !Task.isCancelled {
            let now = clock.now()
            await attempt("finishing runs", .runs) { () async throws(StoreError) in
                try await store.finishAbandonedRuns()
            }
            await attempt("the nightly job", .autoClose) { () async throws(StoreError) in
                guard let autoCloseAt else { return }
                let nights = regulations.rulebook.nights(at: now, minutes: autoCloseAt)
                if let run = try await store.runNight(nights, at: now, say: log.say) {
                    log.say("nightly job: \(run.closed) of \(run.due) due tickets closed, run \(run.id)")
                }
            }
            do { try await loop.sleep(Self.pause) } catch { return }
        }
    }

    private func warnOfCalendars() {
        for warning in regulations.rulebook.calendarWarnings(at: clock.now()) { log.say(warning) }
    }

    /// Whether it was done.
    @discardableResult
    private func attempt(
        _ what: String, _ job: JobFailures.Job, _ work: () async throws -> Void
    ) async -> Bool {
        do {
            try await work()
            return true
        } catch  where !Task.isCancelled {
            failures.note(job)
            log.say("\(what): \(error)")
        } catch {}
        return false
    }
}
