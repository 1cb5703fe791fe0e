import Postgres
import Regulations
import Tickets

struct DueTicket: Sendable {
    let id: TicketID
    let autoCloseAt: Instant
}

extension DueTicket {
    /// Nil: it has no whole closing date, as when somebody has written past the service.
    init?(_ ticket: Ticket) {
        guard let at = ticket.autoClose?.at else { return nil }
        self.init(id: ticket.id, autoCloseAt: at)
    }
}

extension Statements {
    static let lockRuns = Statement<Bool>(
        "lock_runs", "SELECT pg_try_advisory_lock(hashtextextended('reglament auto-close', 0))"
    ) { (row) throws(RowError) in try row.bool() }

    static let unlockRuns = Statement<Void>(
        "unlock_runs", "SELECT pg_advisory_unlock(hashtextextended('reglament auto-close', 0))")

    /// Until the end of the transaction: a role sees of other sessions only that they are there, the login what its own do.
    static let becomeLogin = Statement<Void>("become_login", "SELECT set_config('role', 'none', true)")

    /// Whether anybody else asks something of this database, or did a quarter of a second ago. The job does not count, nor do the
    /// sequencer and the listeners, whom it wakes, nor what instances ask beside requests; nor other logins, of whom it is
    /// not shown.
    static let othersAreActive = Statement<Bool>(
        "others_are_active",
        """
        SELECT EXISTS (
            SELECT FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend'
               AND application_name NOT IN ('jobs', 'sequencer', 'feed', 'reglament listener')
               AND application_name NOT LIKE 'background %'
               AND (state = 'active' OR state_change > clock_timestamp() - interval '250 milliseconds'))
        """
    ) { (row) throws(RowError) in try row.bool() }

    /// $1 as of, $2 limit, $3 and $4 after, $5 products that are left out
    static let dueTickets = Statement<DueTicket>(
        "due_tickets",
        """
        SELECT id, auto_close_at FROM tickets
         WHERE state = 'solved_awaiting_confirmation' AND auto_close_at <= $1 AND (auto_close_at, id) > ($3::timestamptz, $4)
           AND product <> ALL ($5)
         ORDER BY auto_close_at, id
         LIMIT $2
        """
    ) { (row) throws(RowError) in DueTicket(id: try row.parsed { TicketID($0) }, autoCloseAt: try row.instant()) }

    /// As `dueTickets`.
    static let lockDueTickets = Statement<Ticket>(
        "lock_due_tickets",
        """
        SELECT \(TicketColumn.list(of: "t"))
          FROM tickets t
         WHERE t.state = 'solved_awaiting_confirmation' AND t.auto_close_at <= $1
           AND (t.auto_close_at, t.id) > ($3::timestamptz, $4) AND t.product <> ALL ($5)
         ORDER BY t.auto_close_at, t.id
         LIMIT $2
           FOR UPDATE SKIP LOCKED
        """
    ) { (row) throws(RowError) in try row.ticket() }

    static let planTime = Statement<Instant>(
        "plan_time", "SELECT as_of FROM job_runs WHERE plan = $1 AND dry_run ORDER BY started_at DESC LIMIT 1"
    ) { (row) throws(RowError) in try row.instant() }

    static let insertRun = Statement<Int>.keyedRun()

    static let countClosed = Statement<Void>(
        "count_closed",
        """
        UPDATE job_runs
           SET closed = closed + $2,
               tickets = (CASE WHEN closed = 0 THEN '{}' ELSE tickets END || $3::text[])[1:$4]
         WHERE id = $1
        """)

    /// A run that closed nothing lists nothing. Gives the run; no row when it is finished already.
    static let finishRun = Statement<JobRun>(
        "finish_run",
        """
        UPDATE job_runs
           SET finished_at = $2, tickets = CASE WHEN dry_run OR closed > 0 THEN tickets ELSE '{}' END
         WHERE id = $1 AND finished_at IS NULL
        RETURNING \(runColumns)
        """
    ) { (row) throws(RowError) in try row.run() }

    static let runColumns =
        "id, as_of, dry_run, started_by, started_at, finished_at, due, closed, plan, tickets, left_out"

    static let run = Statement<JobRun>("run", "SELECT \(runColumns) FROM job_runs WHERE id = $1") {
        (row) throws(RowError) in try row.run()
    }

    static let unfinishedRuns = Statement<JobRun>(
        "unfinished_runs", "SELECT \(runColumns) FROM job_runs WHERE finished_at IS NULL ORDER BY started_at"
    ) { (row) throws(RowError) in try row.run() }

    /// $1 and $2 before, $3 limit
    static let runs = Statement<JobRun>(
        "runs",
        """
        SELECT \(runColumns) FROM job_runs
         WHERE (started_at, id) < ($1::text::timestamptz, $2) OR $1::text = 'infinity'
         ORDER BY started_at DESC, id DESC
         LIMIT $3
        """
    ) { (row) throws(RowError) in try row.run() }
}

extension Statement where Row == Int {
    fileprivate static func keyedRun() -> Statement<Int> {
        keyed("insert_run", parameters: 9) { free in
            """
            INSERT INTO job_runs (id, as_of, dry_run, started_by, started_at, due, plan, tickets, left_out)
            SELECT $1, $2::timestamptz, $3::boolean, $4, $5::timestamptz, $6::integer, $7, $8::text[], $9::text[]
             WHERE \(free)
            """
        }
    }
}

extension ResultRow {
    mutating func run() throws(RowError) -> JobRun {
        JobRun(
            id: try id(), asOf: try instant(), dryRun: try bool(),
            startedBy: try optionalID(), startedAt: try instant(),
            finishedAt: try optionalInstant(), due: try int(), closed: try int(), plan: try text(),
            tickets: try texts().compactMap { TicketID($0) }, leftOut: try texts())
    }
}
