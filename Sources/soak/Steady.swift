import EventLoop
import Glibc

/// One instance under an even load for a long time, and nothing is done to it: it must be in the end as it was at first.
struct Steady {
    static let sampleSeconds = 10.0
    private static let reportSeconds = 300.0
    /// More than are ever busy, until the service can no longer keep up.
    private static let clients = 16
    private static let findingsMax = 20

    private let site: Site
    private let stage: Stage
    private let options: Options
    private let seconds: Double

    init(_ options: Options) throws(Failure) {
        self.options = options
        seconds = Double(options.steadyMinutes) * 60
        // An hour's tickets have no room on the small disk, which nobody fills here.
        var roomy = options
        roomy.disk = nil
        let site = try Site(roomy, instances: 1)
        self.site = site
        do throws(Failure) {
            stage = try Stage(site, 1, generator: SeededGenerator(seed: options.seed, 1, 77))
        } catch {
            site.close()
            throw error
        }
    }

    /// Whether all is well.
    func run() throws(Failure) -> Bool {
        defer {
            stage.close()
            site.close()
        }
        try site.start(site.instances[0], isDirect: true)
        if let fault = try site.heal(site.instances).first { throw Failure(fault) }
        let counts = Locked(Counts())
        let samples = try load(counts)
        let report = SteadyReport(samples, rate: options.rate)
        // First of all: the checks take minutes, and may come to no end.
        if let plot = options.plot { try Self.put(report.plot.svg, plot) }
        let seen = counts.withLock { $0 }
        Main.say(
            """
            \(seen.acknowledged) writes acknowledged, \(seen.refused) refused, \(seen.unanswered) calls unanswered; now all \
            of them are checked.
            """)
        var round = Round(
            1, faults: [], instances: 1, seconds: 0, seed: options.seed, on: stage, counts: counts)
        try round.conclude()
        let findings = SteadyVerdict(samples).findings + round.findings
        for finding in findings.prefix(Self.findingsMax) { Main.say("  \(finding)") }
        if findings.count > Self.findingsMax { Main.say("  … and \(findings.count - Self.findingsMax) more") }
        Main.say(report.summary(findings: findings.count))
        return findings.isEmpty
    }

    private func load(_ counts: Locked<Counts>) throws(Failure) -> [SteadySample] {
        let (backlog, latencies) = (Backlog(), Locked(Latencies()))
        let database = try Database(site.url)
        let pace = Pace(rate: options.rate)
        let begin = monotonic()
        let workers = (0..<Self.clients).map { place in worker(place, backlog, pace, counts, latencies) }
        defer {
            pace.stop()
            for worker in workers { worker.join() }
        }
        var samples: [SteadySample] = []
        var reported = 0
        var due = Self.sampleSeconds
        while due <= seconds {
            sleep(until: begin + due)
            let seen = latencies.withLock { latencies in
                defer { latencies = Latencies() }
                return latencies
            }
            samples.append(try sample(at: monotonic() - begin, database, seen))
            if due.truncatingRemainder(dividingBy: Self.reportSeconds) == 0 {
                Main.say(SteadyReport.line(samples[reported...]))
                reported = samples.count
            }
            // What was missed while the machine stood still is not made up for.
            repeat { due += Self.sampleSeconds } while begin + due < monotonic()
        }
        return samples
    }

    private func worker(
        _ place: Int, _ backlog: Backlog, _ pace: Pace, _ counts: Locked<Counts>, _ latencies: Locked<Latencies>
    ) -> Worker {
        // The round that checks in the end knows them by this name.
        let name = "s\(options.seed)r1c\(place)"
        let generator = SeededGenerator(seed: options.seed, 1, place)
        let (desk, journal, listener) = (stage.desk, stage.journal, stage.listeners[0])
        let socket = site.instances[0].socket
        return Worker {
            SteadyClient(
                name, of: desk, socket: socket, backlog: backlog, pace: pace, journal: journal, counts: counts,
                latencies: latencies, heard: { listener.count }, generator: generator
            ).work()
        }
    }

    private func sample(
        at seconds: Double, _ database: Database, _ latencies: Latencies
    ) throws(Failure) -> SteadySample {
        guard let service = site.instances[0].process.flatMap({ ProcessFigures($0) }), service.residentBytes > 0 else {
            throw Failure("the service has ended by itself, see \(site.folder)")
        }
        let backends = site.cluster.backends.compactMap { ProcessFigures($0) }
        return SteadySample(
            at: seconds, service: service, backends: backends.count,
            backendBytes: backends.map(\.anonymousBytes).reduce(0, +), tables: try database.tables(),
            latencies: latencies)
    }

    /// In pieces that `usleep` takes.
    private func sleep(until end: Double) {
        while monotonic() < end { soak.sleep(seconds: min(end - monotonic(), 1)) }
    }

    private static func put(_ text: String, _ path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written: \(systemError())") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Failure("\(path) cannot be written: \(systemError())")
        }
    }
}
