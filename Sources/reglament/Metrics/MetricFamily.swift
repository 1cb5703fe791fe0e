/// One family of figures of `GET /metrics`: its name, its kind and what its labels are. The reference page is this table.
struct MetricFamily: Sendable, Equatable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    let name: String
    let kind: Kind
    let labels: [String]
    /// One line, without backslashes.
    let help: String

    init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
    }
}

/// HTTP.
extension MetricFamily {
    static let requests = MetricFamily(
        "reglament_http_requests_total", .counter, ["route", "method", "status"],
        "Requests answered. The route is the template; `none` is what found no path.")
    static let requestSeconds = MetricFamily(
        "reglament_http_request_duration_seconds", .histogram, ["route", "method"],
        "From the end of a request's head to its response, by route; HEAD counts as GET.")
    static let requestPhases = MetricFamily(
        "reglament_http_request_phase_seconds_total", .counter, ["phase"],
        "Where that time went: parse (with waiting for the body), database, encode.")
    static let bodyBytes = MetricFamily(
        "reglament_http_response_body_bytes_total", .counter, ["route", "method"],
        "Bytes of response bodies, before any content coding.")
    static let refusals = MetricFamily(
        "reglament_http_refusals_total", .counter, ["reason", "status"],
        "What the server refused before any route was looked for: malformed, too slow, too large, too much.")
    static let limited = MetricFamily(
        "reglament_rate_limited_requests_total", .counter, ["limit"],
        "Requests answered 429: by the limit of their token, or of their address's failed authentications.")
    static let receivedBytes = MetricFamily(
        "reglament_network_received_bytes_total", .counter, "Bytes read from clients' connections.")
    static let sentBytes = MetricFamily(
        "reglament_network_sent_bytes_total", .counter, "Bytes written to clients' connections.")
    static let connections = MetricFamily("reglament_connections", .gauge, "Clients' connections that are open.")
    static let acceptedConnections = MetricFamily(
        "reglament_connections_accepted_total", .counter, "Clients' connections that were taken.")

    static let http = [
        requests, requestSeconds, requestPhases, bodyBytes, refusals, limited, receivedBytes, sentBytes, connections,
        acceptedConnections,
    ]

    private init(_ name: String, _ kind: Kind, _ help: String) { self.init(name, kind, [], help) }
}

/// PostgreSQL and the loops.
extension MetricFamily {
    private static let lane = ["role", "kind"]

    static let laneSize = MetricFamily(
        "reglament_lane_size", .gauge, lane,
        "Connections to PostgreSQL that may be opened, of all loops; listening takes one more each.")
    static let laneConnections = MetricFamily(
        "reglament_lane_connections", .gauge, lane, "Connections to PostgreSQL that are open.")
    static let laneBusy = MetricFamily("reglament_lane_busy_connections", .gauge, lane, "Of these, those in use.")
    static let laneInFlight = MetricFamily(
        "reglament_lane_in_flight_requests", .gauge, lane, "Requests on their way to PostgreSQL.")
    static let laneWaiting = MetricFamily(
        "reglament_lane_waiting_requests", .gauge, lane, "Requests that wait for a connection.")
    static let laneRequests = MetricFamily(
        "reglament_lane_requests_total", .counter, lane,
        "Requests to PostgreSQL that have ended; several callers in one transaction are one.")
    static let laneSeconds = MetricFamily(
        "reglament_lane_request_seconds_total", .counter, lane, "How long they took, waiting included, together.")
    static let laneErrors = MetricFamily(
        "reglament_lane_errors_total", .counter, ["role", "kind", "error"],
        "Those that failed: unavailable, overloaded (waited too long), timed_out, refused (by PostgreSQL; a violated constraint is one), misused."
    )
    static let listening = MetricFamily(
        "reglament_listening_loops", .gauge,
        "Loops that hear of changed people and tokens; others ask PostgreSQL for each request.")
    static let loopLag = MetricFamily(
        "reglament_loop_lag_seconds", .histogram, ["loop"],
        "How late a timer of each loop fires, looked at twice a second.")

    static let lanes = [
        laneSize, laneConnections, laneBusy, laneInFlight, laneWaiting, laneRequests, laneSeconds, laneErrors,
        listening,
        loopLag,
    ]
}

/// Tickets, the job, the calendars.
extension MetricFamily {
    static let tickets = MetricFamily(
        "reglament_tickets", .gauge, ["state"],
        "Tickets by state, of the whole installation; at least ten seconds old figures are asked for anew.")
    static let jobLastRun = MetricFamily(
        "reglament_job_last_run_timestamp_seconds", .gauge, "When the nightly job's last run began, of any instance.")
    static let jobDue = MetricFamily("reglament_job_last_run_due_tickets", .gauge, "What was due in that run.")
    static let jobClosed = MetricFamily("reglament_job_last_run_closed_tickets", .gauge, "What it closed.")
    static let overdueNights = MetricFamily(
        "reglament_job_overdue_nights", .gauge,
        "Products whose latest night nobody has done yet; 0 when the job is left to cron.")
    static let jobFailures = MetricFamily(
        "reglament_job_failures_total", .counter, ["job"],
        "Failures of what the service does by itself: \(JobFailures.Job.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    static let calendarDays = MetricFamily(
        "reglament_calendar_left_seconds", .gauge, ["calendar"],
        "Until a calendar that a regulation counts by has no more years, in whole days; the log warns from 60 days on.")
    static let figuresAge = MetricFamily(
        "reglament_database_figures_age_seconds", .gauge,
        "How old the figures of tickets and the job are; absent, as they are, when there are none yet.")

    static let domain = [
        tickets, jobLastRun, jobDue, jobClosed, overdueNights, figuresAge, jobFailures, calendarDays,
    ]
}

/// The process.
extension MetricFamily {
    static let logDrops = MetricFamily(
        "reglament_log_dropped_lines_total", .counter, "Lines of the log that could not be written.")
    static let build = MetricFamily("reglament_build_info", .gauge, ["version", "swift"], "Always 1.")
    static let cpu = MetricFamily(
        "process_cpu_seconds_total", .counter, "Processor time of the service, without PostgreSQL's.")
    static let resident = MetricFamily("process_resident_memory_bytes", .gauge, "Memory that is resident.")
    static let virtual = MetricFamily("process_virtual_memory_bytes", .gauge, "Address space that is used.")
    static let openFiles = MetricFamily("process_open_fds", .gauge, "Descriptors that are open.")
    static let maxFiles = MetricFamily("process_max_fds", .gauge, "Descriptors that may be open.")
    static let started = MetricFamily("process_start_time_seconds", .gauge, "When the process began, since 1970.")

    static let process = [logDrops, build, cpu, resident, virtual, openFiles, maxFiles, started]

    /// In the order of the page. A further part of the service adds a list here and a `Metrics+….swift` that writes it.
    static let sections: [(title: String, families: [MetricFamily])] = [
        ("HTTP", http), ("PostgreSQL and the loops", lanes), ("Tickets, the job, calendars", domain),
        ("The process", process),
    ]
}
