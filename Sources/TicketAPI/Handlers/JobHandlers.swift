import JSONText
import Regulations
import Tickets

/// The nightly job, on demand.
extension API {
    func runAutoClose(_ exchange: Exchange) async throws -> Answer {
        let node = try exchange.json()
        try exchange.admit()
        var input = exchange.input(node)
        let request = API.jobRequest(&input, at: exchange.now)
        try input.finish()
        let outcome = try await store.runAutoClose(
            request, by: exchange.caller.id, at: exchange.now, exchange.access, progress: { _, _ in })
        switch outcome {
        case .done(let run): return .json(200, RunBody(run), in: exchange.language)
        case .planChanged: throw Problem(.planChanged)
        }
    }

    /// Only a dry run looks at another instant; only a real one carries out a plan.
    static func jobRequest(_ input: inout Input, at now: Instant) -> JobRequest {
        let dryRun = input.body.bool("dry_run") ?? false
        let asOf = input.body.instant("as_of")
        let plan = input.body.text("plan", max: Limit.name)
        if input.body.has("as_of") && !input.body.isNull("as_of") && !dryRun && !input.body.faults.has(at: "/dry_run") {
            input.body.fault(.onlyWithDryRun, at: "as_of")
        }
        if let plan {
            if dryRun || (input.body.has("as_of") && !input.body.isNull("as_of")) {
                input.body.fault(.notAllowedHere, at: "plan")
            }
            return .plan(plan)
        }
        return dryRun ? .dryRun(asOf: asOf ?? now) : .close
    }

    func listRuns(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        let page = input.page()
        try input.finish()
        return exchange.list(try await store.runs(page.request), page) { PastRunBody(run: $0) }
    }
}

/// What a run did, or would do.
struct RunBody: Body {
    let run: JobRun

    init(_ run: JobRun) { self.run = run }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("run_id", run.id)
            json.member("as_of", run.asOf)
            json.member("dry_run", run.dryRun)
            json.member("due", run.due)
            json.member("closed", run.closed)
            json.member("plan", run.plan)
            json.member("tickets", run.tickets.map(\.description))
        }
    }
}

/// A run as the list of them shows it: who and when, without the tickets.
struct PastRunBody: Body {
    let run: JobRun

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("run_id", run.id)
            json.member("as_of", run.asOf)
            json.member("dry_run", run.dryRun)
            json.member("started_by", run.startedBy)
            json.member("started_at", run.startedAt)
            json.member("finished_at", run.finishedAt)
            json.member("due", run.due)
            json.member("closed", run.closed)
            json.member("plan", run.plan)
        }
    }
}
