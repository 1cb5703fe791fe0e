import Glibc

/// The proof that nothing is lost, nothing happens twice and nothing creeps.
@main struct Main {
    /// Checks walk all that there is: a new database keeps them quick.
    private static let roundsPerStage = 20
    /// Of findings in one round.
    private static let linesMax = 10

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        do throws(Options.Mistake) {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            exit(run(options))
        } catch {
            complain("\(error.text)\n\(Options.usage)")
            exit(2)
        }
    }

    private static func run(_ options: Options) -> Int32 {
        do throws(Failure) {
            if options.steadyMinutes > 0 { return try Steady(options).run() ? 0 : 1 }
            if let tickets = options.job { return try job(options, tickets: tickets) }
            let site = try Site(options, instances: max(options.instances, 3))
            defer { site.close() }
            if !site.cluster.mayFill { say("No small file system is given: the disk is never filled in this run.") }
            let findings = try rounds(options, site)
            say("\(options.rounds) rounds of seed \(options.seed): \(findings) findings")
            return findings == 0 ? 0 : 1
        } catch {
            complain(error.description)
            return 1
        }
    }

    private static func job(_ options: Options, tickets: Int) throws(Failure) -> Int32 {
        let site = try Site(options, instances: 1, isLarge: true)
        defer { site.close() }
        let trial = try JobTrial(site, tickets: tickets, seed: options.seed, fill: options.fill)
        try trial.run()
        for finding in trial.findings.prefix(linesMax) { say("  \(finding)") }
        say(trial.text)
        return trial.findings.isEmpty ? 0 : 1
    }

    private static func rounds(_ options: Options, _ site: Site) throws(Failure) -> Int {
        var deck = Deck(options, mayFill: site.cluster.mayFill)
        var stage: Stage?
        var findings = 0
        for number in 1...options.rounds {
            let instances = options.instances > 0 ? options.instances : number % 2 == 1 ? 1 : 3
            if stage == nil {
                stage = try Stage(site, number, generator: SeededGenerator(seed: options.seed, number, 77))
            }
            guard let current = stage else { preconditionFailure("it was made above") }
            var round = Round(
                number, faults: deck.draw(2), instances: instances, seconds: options.seconds, seed: options.seed,
                on: current)
            let began = monotonic()
            defer { say("\(round.line); \(Int(monotonic() - began)) s") }
            try round.run()
            for finding in round.findings.prefix(linesMax) { say("  \(finding)") }
            if round.findings.count > linesMax { say("  … and \(round.findings.count - linesMax) more") }
            findings += round.findings.count
            // What was found once is not to be found again in each round to come.
            if current.rounds == roundsPerStage || !round.findings.isEmpty {
                current.close()
                stage = nil
            }
        }
        stage?.close()
        return findings
    }

    /// At once: whoever ends a long run wants to know how far it came.
    static func say(_ text: String) {
        let line = Array("\(text)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }

    private static func complain(_ text: String) {
        let line = Array("soak: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// Gives every fault once before it gives one again.
struct Deck {
    private let kinds: [Fault]
    private var rest: [Fault] = []
    private var generator: SeededGenerator

    init(_ options: Options, mayFill: Bool) {
        let all = options.faults.isEmpty ? Fault.allCases : options.faults
        kinds = all.filter { mayFill || $0 != .fillDisk }
        generator = SeededGenerator(seed: options.seed)
    }

    mutating func draw(_ count: Int) -> [Fault] {
        (0..<count).compactMap { _ in
            if rest.isEmpty { rest = kinds.shuffled(using: &generator) }
            return rest.popLast()
        }
    }
}
