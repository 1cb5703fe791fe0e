import EventLoop
import Glibc
import JSONText

/// The nightly job alone: many solved tickets, several processes that are killed again and again, and customers who answer.
final class JobTrial {
    private static let runnersAtOnce = 3
    /// With two who answer for each.
    private static let organizations = 6

    private(set) var findings: [String] = []
    private let site: Site
    private let seed: UInt64
    private let tickets: Int
    private let due: Int
    /// When the last of the due tickets is due, in milliseconds since 1970: some seconds after the beginning.
    private let dueAt: Int
    private let people: [(person: Person, tickets: [Awaiting])]
    private let journal: Journal
    private let counts = Locked(Counts())
    private let front = Locked(0)
    private var figures: [String] = []

    /// For people.
    var text: String {
        let lines = figures + [findings.isEmpty ? "all well" : "\(findings.count) findings"]
        return "\(tickets) tickets, \(due) due: " + lines.joined(separator: "; ")
    }

    /// `fill`: the program that makes the tickets.
    init(_ site: Site, tickets: Int, seed: UInt64, fill: String) throws(Failure) {
        (self.site, self.tickets, self.seed) = (site, tickets, seed)
        site.set(ServiceTime(rounds: 1))
        try site.renewDatabase("soak_job")
        let began = monotonic()
        let words = [fill, site.url, "\(tickets)", "--seed", "\(seed)", "--until", site.now.rfc3339, "--all-solved"]
        let log = "\(site.folder)/fill.log"
        guard try Child.run(words, errors: log, within: 3600) == 0 else { throw Failure("filling failed, see \(log)") }
        let database = try Database(site.url)
        dueAt = try Checks.keepFilled(database)
        due = try database.count("SELECT count(*) FROM soak.filled WHERE is_due")
        journal = try Journal("\(site.folder)/journal-job")
        people = try Self.people(site, database)
        figures.append("filled in \(Int(monotonic() - began)) s")
    }

    /// One who may confirm of each of the organizations with the most tickets.
    private static func people(
        _ site: Site, _ database: Database
    ) throws(Failure) -> [(person: Person, tickets: [Awaiting])] {
        let rows = try database.rows(
            """
            SELECT u.id, u.email, u.organization FROM users u
              JOIN (SELECT organization FROM soak.filled GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT \(organizations)) o
             USING (organization)
             WHERE EXISTS (SELECT FROM contracts c WHERE c.organization = o.organization AND responsible_contacts[1] = u.id)
            """)
        var people: [(person: Person, tickets: [Awaiting])] = []
        for row in rows {
            let words = ["token", "create", "--email", row[1], "--role", "customer", "--organization", row[2]]
            let token = String(try site.command(words).prefix { !$0.isWhitespace })
            let own = try database.rows(
                "SELECT id, place FROM soak.filled WHERE organization = '\(row[2])' ORDER BY place")
            people.append(
                (
                    Person(email: row[1], role: "customer", organization: row[2], id: row[0], token: token),
                    own.map { Awaiting(id: $0[0], place: Int($0[1]) ?? 0) }
                ))
        }
        return people
    }

    func run() throws(Failure) {
        // The last day's tickets become due while the job is at work on the others.
        let lead = min(20, max(2, tickets / 5000))
        site.set(ServiceTime(milliseconds: dueAt - lead * 1000))
        try site.start(site.instances[0])
        findings += try site.heal(site.instances)
        try answered { () throws(Failure) in
            try strike()
            findings += try site.heal(site.instances)
            // What is left they do together, and to the end.
            let last = try (0..<Self.runnersAtOnce).map { (_) throws(Failure) in try site.job() }
            for child in last where child.ended(within: 900) != 0 {
                findings.append("the nightly job did not end well")
            }
        }
        let people = people
        findings += Attempt.settle(on: Line([site.instances[0].socket], patience: 30), journal, counts) { actor in
            people.first { $0.person.id == actor }?.person.token ?? ""
        }
        try check()
        if !site.instances[0].stop() { findings.append("an instance did not end well after SIGTERM") }
        findings += counts.withLock { $0.strange }
    }

    /// Does the body while customers answer.
    private func answered(_ body: () throws(Failure) -> Void) throws(Failure) {
        let isOver = Locked(false)
        let workers = answerers(isOver: { isOver.withLock { $0 } }).map { make in Worker { make().work() } }
        defer {
            isOver.withLock { $0 = true }
            for worker in workers { worker.join() }
        }
        try body()
    }

    private func answerers(isOver: @escaping @Sendable () -> Bool) -> [@Sendable () -> Answerer] {
        let (seed, journal, counts, front, socket) = (seed, journal, counts, front, site.instances[0].socket)
        return (people + people).enumerated().map { place, one in
            {
                Answerer(
                    "j\(seed)c\(place)", one.person, tickets: one.tickets, journal: journal, counts: counts,
                    socket: socket, front: front, generator: SeededGenerator(seed: seed, place), isOver: isOver)
            }
        }
    }

    // MARK: Faults

    /// Until nine tenths of what is due have left, the last day's tickets among them.
    private func strike() throws(Failure) {
        let began = monotonic()
        // Few tickets are closed within a moment; but a process must have the time to start.
        let pace = min(1, max(0.5, Double(tickets) / 20_000))
        let runners = Runners(site, atOnce: Self.runnersAtOnce, secondsMax: 2 * pace, seed: seed)
        var generator = SeededGenerator(seed: seed, 66)
        var struck: [Deed: Int] = [:]
        var nextStroke = began + 0.5 * pace
        while site.now.now < dueAt + 1000 || waiting() > due / 10 {
            guard monotonic() < began + max(120, Double(tickets) / 50) else {
                findings.append("the job did not get to the end while it was being killed")
                break
            }
            sleep(seconds: 0.2)
            guard monotonic() > nextStroke else { continue }
            let deed = Deed.allCases.randomElement(using: &generator) ?? .killBackend
            if try strike(deed) { struck[deed, default: 0] += 1 }
            nextStroke = monotonic() + generator.seconds(0.5...5) * pace
        }
        let seen = runners.close()
        figures.append(
            """
            \(seen.started) processes of the job in \(Int(monotonic() - began)) s, \(seen.killed) of them killed, \
            \(seen.brokenOff) broken off
            """)
        figures.append(Deed.allCases.map { "\($0.rawValue) \(struck[$0] ?? 0)" }.joined(separator: ", "))
    }

    private enum Deed: String, CaseIterable {
        case killBackend = "backends killed"
        case endBackend = "backends ended"
        case killService = "service killed"
    }

    /// False: there was nobody to strike.
    private func strike(_ deed: Deed) throws(Failure) -> Bool {
        if deed == .killService {
            site.instances[0].kill()
            try site.start(site.instances[0])
            return true
        }
        // The one that is closing tickets, if it can be seen; else the one that holds the lock.
        let found = try? Database(site.url).rows(
            """
            SELECT a.pid FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
             WHERE a.application_name LIKE '%jobs' AND (a.xact_start IS NOT NULL OR l.pid IS NOT NULL)
             ORDER BY a.xact_start NULLS LAST LIMIT 1
            """)
        guard let id = found?.first?.first.flatMap({ pid_t($0) }) else { return false }
        site.cluster.signal(deed == .killBackend ? SIGKILL : SIGTERM, to: [id])
        return true
    }

    /// How many of the due tickets wait; notes how far the job has come. All of them while PostgreSQL cannot say.
    private func waiting() -> Int {
        guard let database = try? Database(site.url),
            let closed = try? database.count("SELECT coalesce(sum(closed), 0) FROM job_runs"),
            let waiting = try? database.count(
                """
                SELECT count(*) FROM tickets
                 WHERE state = 'solved_awaiting_confirmation' AND auto_close_at <= to_timestamp(\(dueAt) / 1000.0)
                """)
        else { return due }
        front.withLock { $0 = closed }
        return waiting
    }

    // MARK: Checks

    private func check() throws(Failure) {
        let checks = try Checks(site.url, isFilled: true)
        let isTidy = wait(upTo: 20, every: 0.2) { (try? checks.leftOver()) == 0 }
        if !isTidy { findings.append("runs or events without a place were left to themselves for 20 s") }
        findings += try faults(checks)
        let said = try site.command(["auto-close", "--json"])
        let again = try? JSONReader.read(Array(said.utf8))
        if again?["closed"]?.integer != 0 || again?["due"]?.integer != 0 {
            findings.append("a run after the last one found something to do")
        }
        do throws(Failure) { try site.command(["verify"]) } catch { findings.append(error.description) }
        let entries = try JournalEntry.read(journal.path)
        func count(_ action: String, _ isDone: Bool) -> Int {
            entries.count { $0.write.action == action && $0.settlement?.isDone == isDone }
        }
        let closed = try checks.database.count("SELECT count(*) FROM events WHERE action = 'auto_close'")
        let runs = try checks.database.count("SELECT count(*) FROM job_runs")
        let seen = counts.withLock { $0 }
        figures += [
            "\(closed) closed by \(runs) runs",
            "\(count("confirm", true)) confirmed, \(count("dispute", true)) disputed, \(count("comment", true)) comments",
            "\(count("confirm", false) + count("dispute", false)) answers refused because another was faster",
            "\(seen.unanswered) unanswered, \(seen.retried) retried, \(seen.replayed) of them done before",
        ]
    }

    func faults(_ checks: Checks) throws(Failure) -> [String] {
        try checks.faults(journal: journal.path, now: dueAt) + checks.jobFaults(journal: journal.path)
    }
}
