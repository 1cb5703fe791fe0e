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

    /// Works until the task is cancelled, a run of the nightly job until its next batch. What fails is said and tried
    /// again.
    func run(on loop: EventLoop) async {
        await withTaskCancellationHandler {
            await work(on: loop)
        } onCancel: {
            store.interruptJobs()
        }
    }

    private func work(on loop: EventLoop) async {
        warnOfCalendars()
        var hour: Int64?
        while !Task.isCancelled {
            let now = clock.now()
            let thisHour = now.milliseconds / 3_600_000
            if hour != thisHour {
                await attempt("keeping the days of idempotency keys", .idempotencyDays) { () async throws(StoreError) in
                    try await store.keepIdempotencyDays()
                }
                if hour.map({ $0 / 24 != thisHour / 24 }) ?? false { warnOfCalendars() }
                hour = thisHour
            }
            await attempt("finishing follow-ups", .followUps) { () async throws(StoreError) in
                try await store.finishAbandonedFollowUps()
            }
            await attempt("finishing batches", .batches) { try await api.finishAbandonedBatches() }
            await attempt("sweeping uploads", .uploads) { () async throws(StoreError) in try await store.sweepUploads()
            }
            await attempt("finishing runs", .runs) { () async throws(StoreError) in
                try await store.finishAbandonedRuns()
            }
            await attempt("the nightly job", .autoClose) { () async throws(StoreError) in
                guard let autoCloseAt else { return }
                let nights = regulations.rulebook.nights(at: now, minutes: autoCloseAt)
                if let run = try await store.runNight(nights, at: now) {
                    log.say("nightly job: \(run.closed) of \(run.due) due tickets closed, run \(run.id)")
                }
            }
            do { try await loop.sleep(.seconds(5)) } catch { return }
        }
    }

    private func warnOfCalendars() {
        for warning in regulations.rulebook.calendarWarnings(at: clock.now()) { log.say(warning) }
    }

    private func attempt(
        _ what: String, _ job: JobFailures.Job, _ work: () async throws -> Void
    ) async {
        do { try await work() } catch  where !Task.isCancelled {
            failures.note(job)
            log.say("\(what): \(error)")
        } catch {}
    }
}
