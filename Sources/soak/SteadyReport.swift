import Glibc

/// What the samples say to people.
struct SteadyReport {
    private static let plotTables = ["tickets", "ticket_search", "events"]

    private static let latencyPointsMax = 120.0

    let samples: [SteadySample]
    /// Calls a second.
    let rate: Int

    init(_ samples: [SteadySample], rate: Int) { (self.samples, self.rate) = (samples, rate) }

    /// Some minutes in a line; latencies as p50/p90/p99/p99.9/most.
    static func line(_ window: ArraySlice<SteadySample>) -> String {
        guard let last = window.last else { return "" }
        let latencies = Latencies(window.map(\.latencies))
        let classes = CallClass.allCases.map { kind in
            let seen = latencies[kind]
            let shares = [0.5, 0.9, 0.99, 0.999].map { seen.percentile($0).short } + [seen.max.short]
            return "\(kind.name) \(shares.joined(separator: "/")) ms"
        }
        let all = last.tables.values.reduce(TableFigures(), +)
        return """
            minute \(Int((last.at / 60).rounded())): \(latencies.count) calls; \(classes.joined(separator: ", ")); \
            \(memory(last)) MiB resident, \(last.service.files) files, \(last.service.threads) threads; \
            \(last.backends) backends with \(SteadyVerdict.mebibytes(last.backendBytes).short) MiB of their own; \
            \(percent(last.tables["tickets"])) % of tickets dead, database \(SteadyVerdict.mebibytes(all.bytes).short) MiB
            """
    }

    /// The whole in one line of Markdown.
    func summary(findings: Int) -> String {
        let verdict = SteadyVerdict(samples)
        guard let first = verdict.first.first, let last = verdict.last.last else { return "" }
        let all = Latencies(samples.map(\.latencies))
        let (before, after) = (Latencies(verdict.first.map(\.latencies)), Latencies(verdict.last.map(\.latencies)))
        let classes = CallClass.allCases.map { kind in
            func pair(_ share: Double) -> String {
                "\(before[kind].percentile(share).short) → \(after[kind].percentile(share).short)"
            }
            return "\(kind.name) p50 \(pair(0.5)), p99 \(pair(0.99)) ms"
        }
        let dead = verdict.settled.map { Self.percent($0.tables["tickets"]) }.last ?? "0"
        let bytes = [first, last].map {
            SteadyVerdict.mebibytes($0.tables.values.reduce(TableFigures(), +).bytes).short
        }
        return """
            **\(Int((last.at / 60).rounded())) minutes at \(rate) calls a second** (\(Self.date), \(Self.machine)): \
            \(all.count) calls. After a warm-up of \((SteadyVerdict.warmUp(of: last.at) / 60).short) minutes memory went \
            from \(Self.memory(first)) to \(Self.memory(last)) MiB, by least squares \(verdict.slope.short) MiB an hour; \
            open files from \(first.service.files) to \(last.service.files), threads from \(first.service.threads) to \
            \(last.service.threads). \(classes.joined(separator: "; ")). At the end \(dead) % of tickets' rows were dead; \
            the database grew from \(bytes[0]) to \(bytes[1]) MiB. \(findings == 0 ? "No finding." : "Findings: \(findings).")
            """
    }

    var plot: Plot {
        let end = samples.last?.at ?? 0
        return Plot(
            title: "One instance under an even load: \(Int((end / 60).rounded())) minutes, \(rate) calls a second",
            subtitle: "\(Self.date); \(Self.machine), shared by service, PostgreSQL and clients; grey: warm-up",
            minutes: end / 60, warmUp: SteadyVerdict.warmUp(of: end) / 60,
            panels: [
                Plot.Panel(
                    title: "Memory of the service, MiB",
                    curves: [
                        curve("resident", "#1f5fa8") { SteadyVerdict.mebibytes($0.service.residentBytes) },
                        curve("of these no file's", "#d2691e") { SteadyVerdict.mebibytes($0.service.anonymousBytes) },
                    ]),
                Plot.Panel(
                    title: "Open files and threads of the service, backends of PostgreSQL",
                    curves: [
                        curve("files", "#1f5fa8") { Double($0.service.files) },
                        curve("threads", "#d2691e") { Double($0.service.threads) },
                        curve("backends", "#2e7d32") { Double($0.backends) },
                    ]),
                latencyPanel,
                Plot.Panel(
                    title: "Dead rows for a hundred live ones",
                    curves: zip(Self.plotTables, ["#1f5fa8", "#d2691e", "#2e7d32"]).map { table, color in
                        curve(table, color) { ($0.tables[table]?.deadShare ?? 0) * 100 }
                    }),
                Plot.Panel(
                    title: "Calls answered a second",
                    curves: [
                        Plot.Curve(
                            name: "all", color: "#1f5fa8",
                            points: zip([0] + samples.map(\.at), samples).map { before, sample in
                                (sample.at / 60, Double(sample.latencies.count) / max(sample.at - before, 0.001))
                            })
                    ]),
            ])
    }

    /// By minutes at least: in ten seconds a hundredth is too few calls.
    private var latencyPanel: Plot.Panel {
        let width = max(1, ((samples.last?.at ?? 0) / 60 / Self.latencyPointsMax).rounded(.up))
        let half = Steady.sampleSeconds / 2
        let stretches = Dictionary(grouping: samples) { Int((($0.at - half) / 60 / width).rounded(.down)) }
            .sorted { $0.key < $1.key }
            .map { (minute: (Double($0.key) + 0.5) * width, seen: Latencies($0.value.map(\.latencies))) }
        let colors = ["#1f5fa8", "#d2691e", "#2e7d32"]
        let curves = zip(CallClass.allCases, colors).flatMap { kind, color in
            [(0.5, "p50"), (0.99, "p99")].map { share, name in
                Plot.Curve(
                    name: "\(kind.name) \(name)", color: color, isDashed: share > 0.5,
                    points: stretches.map { ($0.minute, $0.seen[kind].percentile(share)) })
            }
        }
        return Plot.Panel(
            title: width > 1 ? "Latency of \(Int(width)) minutes, ms" : "Latency of a minute, ms", isLogarithmic: true,
            curves: curves)
    }

    private func curve(_ name: String, _ color: String, _ value: (SteadySample) -> Double) -> Plot.Curve {
        Plot.Curve(name: name, color: color, points: samples.map { ($0.at / 60, value($0)) })
    }

    private static func memory(_ sample: SteadySample) -> String {
        SteadyVerdict.mebibytes(sample.service.residentBytes).short
    }

    private static func percent(_ table: TableFigures?) -> String { ((table?.deadShare ?? 0) * 100).short }

    private static var date: String { String(ServiceTime.rfc3339(time(nil) * 1000).prefix(10)) }

    private static var machine: String {
        let bytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores, \((bytes + 1_073_741_823) / 1_073_741_824) GiB"
    }
}
