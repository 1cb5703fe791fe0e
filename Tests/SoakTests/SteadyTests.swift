import Testing

@testable import soak

@Suite struct SteadyTests {
    /// What an hour may look like.
    struct Run: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var minutes = 60
        /// Of resident memory, at so many hours.
        var mebibytes: @Sendable (Double) -> Double = { _ in 30 }
        var files: @Sendable (Double) -> Int = { _ in 55 }
        var backends: @Sendable (Double) -> Int = { _ in 30 }
        var milliseconds: @Sendable (Double) -> Double = { _ in 2 }
        /// Of one call in seven; nil: they are as all others.
        var someMilliseconds: (@Sendable (Double) -> Double)?
        var dead: @Sendable (Double) -> Int = { _ in 2000 }
        /// Seconds without samples in the middle.
        var gap = 0.0
        /// How the one finding begins; nil: none.
        var finding: String?

        var samples: [SteadySample] {
            (1...minutes * 6).compactMap { number in
                let at = Double(number) * Steady.sampleSeconds
                let middle = Double(minutes) * 30
                if gap > 0, at > middle, at < middle + gap { return nil }
                let hours = at / 3600
                var latencies = Latencies()
                for kind in CallClass.allCases {
                    for number in 0..<49 {
                        let some = number % 7 == 0 ? someMilliseconds : nil
                        latencies[kind].add(milliseconds: (some ?? milliseconds)(hours))
                    }
                }
                return SteadySample(
                    at: at,
                    service: ProcessFigures(
                        residentBytes: Int(mebibytes(hours) * 1_048_576), anonymousBytes: 0, threads: 3,
                        files: files(hours)),
                    backends: backends(hours), backendBytes: 0,
                    tables: ["tickets": TableFigures(live: 40_000, dead: dead(hours), bytes: 0)], latencies: latencies)
            }
        }
    }

    static let runs = [
        Run(testDescription: "everything is flat"),
        Run(
            testDescription: "everything goes up and down",
            mebibytes: { 30 + ($0 * 360).truncatingRemainder(dividingBy: 3) },
            files: { 55 + Int($0 * 360) % 3 }, milliseconds: { Int($0 * 360) % 4 == 0 ? 2.8 : 2 },
            dead: { Int($0 * 360) % 6 * 1300 }),
        Run(
            testDescription: "some calls take longer than others, at any time",
            someMilliseconds: { 20 + ($0 * 360).truncatingRemainder(dividingBy: 20) }),
        Run(testDescription: "memory grows before all is warm", mebibytes: { 30 + 40 * min($0, 1.0 / 6) }),
        Run(testDescription: "memory creeps", mebibytes: { 30 + 5 * $0 }, finding: "memory creeps: 5 MiB an hour"),
        Run(
            testDescription: "memory creeps by steps", mebibytes: { 30 + 4 * ($0 * 4).rounded(.down) },
            finding: "memory creeps"),
        Run(testDescription: "memory creeps by less than anybody notices", mebibytes: { 30 + $0 }),
        Run(
            testDescription: "six minutes cannot tell 20 MiB an hour from noise", minutes: 6,
            mebibytes: { 30 + 20 * $0 }),
        Run(
            testDescription: "a file is left open every five minutes", files: { 55 + Int($0 * 12) },
            finding: "9 open files more"),
        Run(
            testDescription: "connections to PostgreSQL are opened late", files: { $0 > 0.5 ? 60 : 55 },
            backends: { $0 > 0.5 ? 35 : 30 }),
        Run(
            testDescription: "connections to PostgreSQL are left open", files: { 55 + Int($0 * 12) },
            backends: { 30 + Int($0 * 12) }, finding: "42 connections to PostgreSQL"),
        Run(testDescription: "files are closed", files: { 55 - Int($0 * 12) }),
        Run(
            testDescription: "autovacuum cannot keep up", dead: { Int($0 * 12_000) },
            finding: "30 dead rows for a hundred"),
        Run(
            testDescription: "the machine stood still", gap: 70, finding: "the machine stood still: no sample for 70 s"),
    ]

    @Test(arguments: runs)
    func `an hour has the finding that it should have`(run: Run) {
        let findings = SteadyVerdict(run.samples).findings
        #expect(findings.count == (run.finding == nil ? 0 : 1), "\(findings)")
        if let finding = run.finding { #expect(findings.first?.hasPrefix(finding) == true, "\(findings)") }
    }

    @Test func `one kind of call that grows with the database is found`() {
        let slower = Run(testDescription: "", someMilliseconds: { 10 + 60 * $0 })
        let findings = SteadyVerdict(slower.samples).findings
        #expect(findings.count == CallClass.allCases.count, "\(findings)")
        #expect(findings.allSatisfy { $0.hasPrefix("some ") }, "\(findings)")
    }

    @Test func `whatever became slower is found, and only that`() {
        let slower = Run(testDescription: "", milliseconds: { 2 + 4 * $0 })
        let kinds = SteadyVerdict(slower.samples).findings.map { $0.prefix { $0 != " " } }
        #expect(kinds == ["reads", "lists", "writes"])
        let barely = Run(testDescription: "", milliseconds: { 2 + $0 })
        #expect(SteadyVerdict(barely.samples).findings == [])
    }

    @Test func `too few samples are no proof`() {
        #expect(SteadyVerdict([]).findings == ["there are too few samples to judge"])
    }

    @Test func `a straight line has its slope, and no line has none`() {
        #expect(SteadyVerdict.slope([(0, 1), (1, 3), (2, 5)]) == 2)
        #expect(SteadyVerdict.slope([(0, 1)]) == 0 && SteadyVerdict.slope([(1, 1), (1, 2)]) == 0)
    }

    @Test(arguments: [(0.5, 50.0), (0.99, 99), (1, 100)])
    func `a percentile is right within a twentieth`(share: Double, milliseconds: Double) {
        var histogram = LatencyHistogram()
        for value in 1...100 { histogram.add(milliseconds: Double(value)) }
        let found = histogram.percentile(share)
        #expect(found >= milliseconds && found <= milliseconds * 1.05, "\(found)")
        #expect(histogram.max == 100)
    }

    @Test func `nothing is too short or too long for a histogram`() {
        var histogram = LatencyHistogram()
        for value in [0, -1, 1e12] { histogram.add(milliseconds: value) }
        #expect(histogram.count == 3 && histogram.max == 1e12 && LatencyHistogram().percentile(0.5) == 0)
    }

    @Test func `what the system tells of a process is understood`() {
        let status = "Name:\ta b\nVmRSS:\t   31000 kB\nRssAnon:\t    9000 kB\nThreads:\t3\n"
        let figures = ProcessFigures(status: status, files: 7)
        let expected = ProcessFigures(
            residentBytes: 31_000 * 1024, anonymousBytes: 9000 * 1024, threads: 3, files: 7)
        #expect(figures == expected)
    }

    @Test func `calls are due at an even rate, and then no more`() {
        let pace = Pace(rate: 100)
        let due = (0..<3).compactMap { _ in pace.next() }
        pace.stop()
        #expect(pace.next() == nil)
        let gaps = zip(due, due.dropFirst()).map { $1 - $0 }
        #expect(gaps.count == 2 && gaps.allSatisfy { abs($0 - 0.01) < 1e-6 })
    }

    @Test func `a picture of hours is small, and stands on white`() {
        let report = SteadyReport(Run(testDescription: "", minutes: 600).samples, rate: 150)
        let svg = report.plot.svg
        #expect(svg.utf8.count < 60_000 && svg.contains(#"height="100%" fill="white""#))
        for unit in ["MiB", "ms", "minutes", "a second"] { #expect(svg.contains(unit)) }
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test func `a scale has few ticks, and all values are within`() {
        #expect(Scale(linear: [31]).ticks == [0, 10, 20, 30, 40])
        #expect(Scale(linear: []).share(0) == 0)
        let scale = Scale(logarithmic: [0.8, 45])
        #expect(scale.ticks == [0.1, 1, 10, 100] && abs(scale.share(1) - 1.0 / 3) < 1e-9 && scale.share(0) == 0)
    }

    @Test func `the command line tells of the steady load`() throws {
        let options = try Options(["--folder", "/f", "--steady", "60", "--rate", "90", "--plot", "p.svg"])
        #expect(options.steadyMinutes == 60 && options.rate == 90 && options.plot == "p.svg")
    }
}
