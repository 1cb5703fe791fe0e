import EventLoop
import Glibc

/// Load, faults, and the count of what is left of both.
struct Round {
    let number: Int
    let faults: [Fault]
    let serving: [Instance]
    let seconds: Double
    let stage: Stage
    private var generator: SeededGenerator
    private let seed: UInt64
    private let counts: Locked<Counts>
    private(set) var findings: [String] = []
    private var figures: [String] = []

    private var site: Site { stage.site }
    private var sockets: [String] { serving.map(\.socket) }

    /// `counts`: of a load that was another's.
    init(
        _ number: Int, faults: [Fault], instances: Int, seconds: Double, seed: UInt64, on stage: Stage,
        counts: Locked<Counts> = Locked(Counts())
    ) {
        (self.number, self.faults, self.seconds, self.seed, self.stage) = (number, faults, seconds, seed, stage)
        self.counts = counts
        serving = Array(stage.site.instances.prefix(instances))
        generator = SeededGenerator(seed: seed, number)
    }

    /// One line for people.
    var line: String {
        let names = faults.map(\.rawValue).joined(separator: ", ")
        let seen = counts.withLock { $0 }
        let writes = """
            \(seen.acknowledged) acknowledged, \(seen.refused) refused, \(seen.unanswered) unanswered, \
            \(seen.retried) retried, \(seen.replayed) of them done before
            """
        let checks = findings.isEmpty ? "all well" : "\(findings.count) findings"
        return
            "round \(number), \(serving.count) serving: \(names); \(writes); \(figures.joined(separator: ", ")); \(checks)"
    }

    mutating func run() throws(Failure) {
        site.set(ServiceTime(rounds: stage.rounds))
        stage.rounds += 1
        for instance in serving { try site.start(instance) }
        findings += try site.heal(serving)
        try load()
        try conclude()
    }

    /// What comes after the load: everything is settled, and all checks are made.
    mutating func conclude() throws(Failure) {
        let loaded = monotonic()
        findings += try site.heal(serving)
        let ready = monotonic()
        settle()
        figures.append("ready after \(Self.rounded(ready - loaded)) s")
        figures.append("settled after \(Self.rounded(monotonic() - ready)) s")
        try forgetUploads()
        try closeDue()
        askAgain()
        if serving.count > 1 { try changeContract() }
        if serving.count > 1 { try changePolicy() }
        try check()
        for instance in serving where !instance.stop() { findings.append("an instance did not end well after SIGTERM") }
        findings += counts.withLock { $0.strange }
    }

    // MARK: Load and faults

    private mutating func load() throws(Failure) {
        let isOver = Locked(false)
        let workers = clients(isOver: { isOver.withLock { $0 } }).map { make in Worker { make().work() } }
        let jobs = Jobs(site, atOnce: serving.count > 1 ? 2 : 1)
        let revocations = Revocations(
            sockets, admin: stage.desk.admin, generator: SeededGenerator(seed: seed, number, 99))
        defer {
            isOver.withLock { $0 = true }
            for worker in workers { worker.join() }
            jobs.close()
        }
        let end = monotonic() + seconds
        for (place, fault) in faults.enumerated() {
            // Each has its part of the time, and strikes somewhere in the beginning of it.
            let rest = (end - monotonic()) / Double(faults.count - place)
            sleep(seconds: generator.seconds(0.2...max(0.3, rest / 2)))
            // Amid load and faults nobody looks how soon it is known, but no answer may be wrong for it.
            if place == 0 { try policyChange.begin(&generator) }
            findings += try fault.strike(site, serving, jobs, &generator)
        }
        sleep(seconds: end - monotonic())
        let seen = revocations.close()
        findings += seen.faults
        if serving.count > 1 {
            figures.append("\(seen.revoked) tokens revoked, known after \(Self.rounded(seen.longest)) s")
        }
    }

    private func clients(isOver: @escaping @Sendable () -> Bool) -> [@Sendable () -> Client] {
        let (desk, pool, journal, counts, sockets) = (stage.desk, stage.pool, stage.journal, counts, sockets)
        let (seed, number) = (seed, number)
        let people = desk.customers + desk.customers + desk.engineers + desk.engineers + [desk.admin]
        return people.enumerated().map { place, person in
            {
                Client(
                    "s\(seed)r\(number)c\(place)", person, of: desk, pool: pool, journal: journal, counts: counts,
                    sockets: sockets, first: place, generator: SeededGenerator(seed: seed, number, place),
                    isOver: isOver)
            }
        }
    }

    // MARK: Afterwards

    private mutating func settle() {
        let desk = stage.desk
        findings += Attempt.settle(on: Line(sockets, patience: 30), stage.journal, counts) {
            desk.person($0)?.token ?? ""
        }
    }

    /// What was being sent when somebody died belongs to nobody, and goes when its lease is over: we let a quarter of an hour pass.
    private func forgetUploads() throws(Failure) {
        let database = try Database(site.url)
        try database.rows("UPDATE uploads SET lease_until = clock_timestamp() - interval '1 second'")
    }

    /// The job once more, in as many processes at once as there are instances.
    private mutating func closeDue() throws(Failure) {
        var running: [Child] = []
        for _ in serving { running.append(try site.job()) }
        for child in running where child.ended(within: 60) != 0 { findings.append("the nightly job did not end well") }
    }

    /// A second time under the same key: the same answer.
    mutating func askAgain() {
        let prefix = "s\(seed)r\(number)c"
        let entries = (try? JournalEntry.read(stage.journal.path)) ?? []
        // An edit has no key to be asked again under.
        let some = entries.filter {
            $0.settlement != nil && $0.write.kind != .edit && $0.write.key.hasPrefix(prefix)
        }.shuffled(using: &generator)
        let line = Line(sockets, patience: 30)
        for entry in some.prefix(40) {
            let token = stage.desk.person(entry.write.actor)?.token ?? ""
            guard let first = entry.settlement, let answer = try? line.send(entry.write, token: token),
                let second = Settlement(answer, to: entry.write)
            else {
                findings.append("\(entry.write.key) was not answered a second time")
                continue
            }
            if !second.isReplay || second.status != first.status || second.changes != first.changes
                || second.digest != first.digest
            {
                findings.append(
                    "\(entry.write.key): \(entry.write.path) was answered \(first.status) and then \(second.status), "
                        + (second.isReplay ? "otherwise than at first" : "as if it were new"))
            }
        }
        figures.append("\(min(some.count, 40)) asked again")
    }

    private mutating func changeContract() throws(Failure) {
        let database = try Database(site.url)
        let solved = try database.rows(
            """
            SELECT id FROM tickets WHERE state = 'solved_awaiting_confirmation' AND organization = 'acme' LIMIT 1
            """)
        guard let ticket = solved.first?.first else { return }
        let change = try ContractChange(desk: stage.desk, sockets: sockets).measure(ticket: ticket)
        findings += change.faults
        figures.append("contract changed, known after \(Self.rounded(change.seconds)) s")
    }

    private mutating func changePolicy() throws(Failure) {
        let change = try policyChange.measure(&generator)
        findings += change.faults
        figures.append("policy changed, known after \(Self.rounded(change.seconds)) s")
    }

    private var policyChange: PolicyChange {
        PolicyChange(desk: stage.desk, instances: serving, url: site.url)
    }

    private mutating func check() throws(Failure) {
        let checks = try Checks(site.url)
        // Whoever sweeps and ends abandoned runs comes every five seconds, and the sequencer sooner.
        let isTidy = wait(upTo: 20, every: 0.2) { (try? checks.leftOver()) == 0 }
        if !isTidy { findings.append("uploads, runs or events without a place were left to themselves for 20 s") }
        let now = site.now.now
        // Due by now may have become due this moment: what was due when the job began is closed.
        findings += try checks.faults(journal: stage.journal.path, now: now - 120_000)
        let closed = try checks.database.count("SELECT count(*) FROM events WHERE action = 'auto_close'")
        figures.append("\(closed) closed by the job so far")
        let feed = try checks.feed()
        for listener in stage.listeners {
            let hasCaughtUp = wait(upTo: 20) { listener.count >= feed.count }
            if !hasCaughtUp { findings.append("a listener heard \(listener.count) of \(feed.count) events") }
            if Array(listener.events.prefix(feed.count)) != feed { findings.append("a listener heard another feed") }
            findings += listener.faults
        }
        figures.append("\(feed.count) events heard over \(stage.listeners.map(\.connections).reduce(0, +)) connections")
        do throws(Failure) { try site.command(["verify"]) } catch { findings.append(error.description) }
    }

    private static func rounded(_ seconds: Double) -> String { "\((seconds * 100).rounded() / 100)" }
}
