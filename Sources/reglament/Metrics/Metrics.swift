import EventLoop
import HTTPServer
import HTTPWire
import Postgres
import Regulations
import TicketAPI
import TicketStore
import Tickets

/// The page of `GET /metrics`. Counters belong to the loops that raise them; a page asks every loop for its own, so that
/// nothing is locked while requests are answered.
///
/// Unchecked: `parts` is set once, before the server listens.
final class Metrics: @unchecked Sendable {
    /// What a page is made of.
    struct Parts: Sendable {
        /// The loops that serve, each with its API and store.
        var lanes: [(loop: EventLoop, api: API, store: PostgresStore, lag: LagMeter)]
        var server: HTTPServer
        /// The loop beside requests, with the schedule's store.
        var control: EventLoop
        var store: PostgresStore
        var controlLag: LagMeter
        var database: DatabaseFigures
        var failures: JobFailures
        var calendarDays: @Sendable () -> [String: Int]
        var log: Log
    }

    private var parts: Parts?

    func begin(_ parts: Parts) { self.parts = parts }

    /// Nil before `begin`.
    func page() async -> [UInt8]? {
        guard let parts else { return nil }
        var requests = RequestFigures()
        var lanes = LaneTable()
        var lags: [(String, Histogram)] = []
        // Detached: the account of this request's time belongs to its own loop.
        for lane in parts.lanes {
            let (figures, states, isListening, lag) = await Task.detached(executorPreference: lane.loop) {
                (lane.api.requestFigures, lane.store.laneStates, lane.store.isListening, lane.lag.histogram)
            }.value
            requests.add(figures)
            lanes.add(states, isListening: isListening)
            lags.append((lane.loop.name, lag))
        }
        let (states, isListening, lag, database) = await Task.detached(executorPreference: parts.control) {
            let database = await parts.database.current()
            return (parts.store.laneStates, parts.store.isListening, parts.controlLag.histogram, database)
        }.value
        lanes.add(states, isListening: isListening)
        lags.append((parts.control.name, lag))
        var page = Exposition()
        write(requests, parts.server, to: &page)
        write(lanes, lags, to: &page)
        write(database, parts, to: &page)
        write(ProcessFigures(), parts.log, to: &page)
        return page.bytes
    }
}

extension Metrics {
    private func write(_ requests: RequestFigures, _ server: HTTPServer, to page: inout Exposition) {
        func route(_ call: Call?) -> String { call.map { Route($0).path } ?? "none" }
        func method(_ call: Call?) -> String { call.map { Route($0).method } ?? "none" }
        // Sorted, so that two pages differ in their figures only.
        let calls = requests.calls.sorted { (route($0.key), method($0.key)) < (route($1.key), method($1.key)) }
        page.family(.requests) { samples in
            for (call, answers) in calls {
                for (method, status, count) in answers.counts.sorted(by: {
                    ($0.method.rawValue, $0.status) < ($1.method.rawValue, $1.status)
                }) { samples.add([route(call), method.rawValue, "\(status)"], Double(count)) }
            }
        }
        page.family(.requestSeconds) { samples in
            for (call, answers) in calls { samples.add([route(call), method(call)], answers.latency) }
        }
        page.family(.requestPhases) { samples in
            for (phase, microseconds) in [
                ("parse", requests.parse), ("database", requests.database), ("encode", requests.encode),
            ] { samples.add([phase], Double(microseconds) / 1_000_000) }
        }
        page.family(.bodyBytes) { samples in
            for (call, answers) in calls { samples.add([route(call), method(call)], Double(answers.bodyBytes)) }
        }
        let figures = server.figures
        page.family(.refusals) { samples in
            for (refusal, count) in figures.refusals.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                samples.add([refusal.rawValue, "\(refusal.status)"], Double(count))
            }
        }
        page.family(.limited) { samples in
            for limit in RequestFigures.Limit.allCases {
                samples.add([limit.rawValue], Double(requests.limited[limit] ?? 0))
            }
        }
        page.family(.receivedBytes, Double(figures.receivedBytes))
        page.family(.sentBytes, Double(figures.sentBytes))
        page.family(.connections, Double(server.connectionCount))
        page.family(.acceptedConnections, Double(figures.connections))
    }

    private func write(_ lanes: LaneTable, _ lags: [(String, Histogram)], to page: inout Exposition) {
        func gauge(_ family: MetricFamily, _ value: (LaneTable.Row) -> Double) {
            page.family(family) { samples in for row in lanes.rows { samples.add([row.role, row.kind], value(row)) } }
        }
        gauge(.laneSize) { Double($0.figures.size) }
        gauge(.laneConnections) { Double($0.figures.connections) }
        gauge(.laneBusy) { Double($0.figures.busy) }
        gauge(.laneInFlight) { Double($0.figures.inFlight) }
        gauge(.laneWaiting) { Double($0.figures.waiting) }
        gauge(.laneRequests) { Double($0.figures.requests) }
        gauge(.laneSeconds) { Double($0.figures.nanoseconds) / 1_000_000_000 }
        page.family(.laneErrors) { samples in
            for row in lanes.rows {
                for failure in LaneTable.failures {
                    samples.add(
                        [row.role, row.kind, failure.rawValue], Double(row.figures.failures[failure] ?? 0))
                }
            }
        }
        page.family(.listening, Double(lanes.listening))
        page.family(.loopLag) { samples in for (loop, lag) in lags { samples.add([loop], lag) } }
    }

    private func write(
        _ database: (figures: DatabaseFigures.Figures, ageSeconds: Double)?, _ parts: Parts, to page: inout Exposition
    ) {
        let run = database?.figures.lastRun
        page.family(.tickets) { samples in
            guard let tickets = database?.figures.tickets else { return }
            for state in State.allCases { samples.add([state.rawValue], Double(tickets[state] ?? 0)) }
        }
        page.family(.jobLastRun, run.map { Double($0.startedAt.milliseconds) / 1_000 })
        page.family(.jobDue, run.map { Double($0.due) })
        page.family(.jobClosed, run.map { Double($0.closed) })
        page.family(.overdueNights, database.map { Double($0.figures.overdueNights) })
        page.family(.figuresAge, database?.ageSeconds)
        page.family(.jobFailures) { samples in
            for job in JobFailures.Job.allCases { samples.add([job.rawValue], Double(parts.failures.count(of: job))) }
        }
        page.family(.calendarDays) { samples in
            for (calendar, days) in parts.calendarDays().sorted(by: { $0.key < $1.key }) {
                samples.add([calendar], Double(days * 86_400))
            }
        }
    }

    private func write(_ process: ProcessFigures, _ log: Log, to page: inout Exposition) {
        page.family(.logDrops, Double(log.droppedLines))
        page.family(.build) { $0.add([Program.version, Program.swiftVersion], 1) }
        page.family(.cpu, process.cpuSeconds)
        page.family(.resident, process.residentBytes)
        page.family(.virtual, process.virtualBytes)
        page.family(.openFiles, process.openFiles)
        page.family(.maxFiles, process.maxFiles)
        page.family(.started, process.startSeconds)
    }
}
