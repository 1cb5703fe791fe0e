/// Whether everything stayed as it was, judged from the samples alone. No I/O.
struct SteadyVerdict: Sendable {
    /// Until pools, caches and the allocator's arenas have their size.
    static let warmUpSecondsMax = 600.0
    /// Of a short run.
    static let warmUpShare = 1.0 / 6
    /// The first and the last of what is compared: long enough that no single sample decides.
    static let windowSeconds = 300.0
    /// Mebibytes an hour: the allocator's noise is below; at this slope a month adds more than a gibibyte, which somebody notices.
    static let slopeMax = 2.0
    /// Mebibytes from the first window to the last: a slope that a short run extrapolates is no finding by itself.
    static let growthMax = 2.0
    /// The listeners come and go, each with a connection.
    static let filesGrowthMax = 2
    /// Connections to PostgreSQL are opened when they are needed, at any time: for two roles one for reads, six for writes, four
    /// for lists and four for attachments, and a few of the process's own.
    static let backendsMax = 2 * (1 + 6 + 4 + 4) + 6
    /// Half as long again is felt; what the machine's other work adds to a median is less.
    static let slowdownMax = 1.5
    /// Of the ninetieth percentile, where a single kind of call shows that grows with the database: other work adds more there.
    static let slowdownOfSomeMax = 2.0
    /// Autovacuum comes when a fiftieth is dead, once a minute: ten times that says that it cannot keep up.
    static let deadShareMax = 0.2
    /// In a new database one minute without autovacuum is already more than a fifth: so many dead ones it may not have seen yet.
    static let deadMin = 10_000
    /// Seconds between two samples: whoever is so late was not running, and what he measured is not the service's.
    static let gapMax = 3 * Steady.sampleSeconds

    /// Seconds.
    private let longestGap: Double
    /// After the warm-up.
    let settled: [SteadySample]
    let first: ArraySlice<SteadySample>
    let last: ArraySlice<SteadySample>

    /// `samples` in the order of time.
    init(_ samples: [SteadySample]) {
        let end = samples.last?.at ?? 0
        let warmUp = Self.warmUp(of: end)
        longestGap = zip(samples, samples.dropFirst()).map { $1.at - $0.at }.max() ?? 0
        settled = samples.filter { $0.at > warmUp }
        let window = min(Self.windowSeconds, (end - warmUp) / 3)
        first = settled.prefix { $0.at <= warmUp + window }
        last = settled.drop { $0.at <= end - window }
    }

    static func warmUp(of seconds: Double) -> Double { min(warmUpSecondsMax, seconds * warmUpShare) }

    /// Mebibytes of resident memory an hour, by least squares.
    var slope: Double { Self.slope(settled.map { ($0.at / 3600, Self.mebibytes($0.service.residentBytes)) }) }

    /// Of resident memory, in mebibytes.
    var growth: Double { Self.growth(first, last) { Self.mebibytes($0.service.residentBytes) } }

    /// Of files that are no connection to PostgreSQL.
    var filesGrowth: Int { Int(Self.growth(first, last) { Double($0.service.files - $0.backends) }) }

    /// The most at any time.
    var backends: Int { settled.map(\.backends).max() ?? 0 }

    /// A percentile of the latency in the last third by that in the first.
    func slowdown(_ kind: CallClass, at percentile: Double = 0.5) -> Double {
        let third = settled.count / 3
        let before = Latencies(settled.prefix(third).map(\.latencies))[kind].percentile(percentile)
        let after = Latencies(settled.suffix(third).map(\.latencies))[kind].percentile(percentile)
        return before > 0 ? after / before : 1
    }

    /// Of `tickets`, whose rows every step writes anew.
    var dead: TableFigures { settled.last?.tables["tickets"] ?? TableFigures() }

    var findings: [String] {
        guard !first.isEmpty, !last.isEmpty else { return ["there are too few samples to judge"] }
        var findings: [String] = []
        if longestGap > Self.gapMax { findings.append("the machine stood still: no sample for \(longestGap.short) s") }
        if slope > Self.slopeMax, growth > Self.growthMax {
            findings.append("memory creeps: \(slope.short) MiB an hour, \(growth.short) MiB from first to last")
        }
        if filesGrowth > Self.filesGrowthMax { findings.append("\(filesGrowth) open files more than at first") }
        if backends > Self.backendsMax { findings.append("\(backends) connections to PostgreSQL") }
        for kind in CallClass.allCases {
            let (half, some) = (slowdown(kind), slowdown(kind, at: 0.9))
            if half > Self.slowdownMax {
                findings.append("\(kind.name) became slower: half of them took \(half.short) times as long")
            } else if some > Self.slowdownOfSomeMax {
                findings.append("some \(kind.name) became slower: one in ten took \(some.short) times as long")
            }
        }
        if dead.deadShare > Self.deadShareMax, dead.dead > Self.deadMin {
            findings.append("\((dead.deadShare * 100).short) dead rows for a hundred live ones in tickets")
        }
        return findings
    }

    // MARK: Arithmetic

    /// By least squares; zero where there is none.
    static func slope(_ points: [(x: Double, y: Double)]) -> Double {
        let count = Double(points.count)
        guard count > 1 else { return 0 }
        let (x, y) = (points.map(\.x).reduce(0, +) / count, points.map(\.y).reduce(0, +) / count)
        let spread = points.map { ($0.x - x) * ($0.x - x) }.reduce(0, +)
        return spread > 0 ? points.map { ($0.x - x) * ($0.y - y) }.reduce(0, +) / spread : 0
    }

    /// Zero where there are none.
    static func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

    static func mebibytes(_ bytes: Int) -> Double { Double(bytes) / 1_048_576 }

    private static func growth(
        _ first: ArraySlice<SteadySample>, _ last: ArraySlice<SteadySample>, _ value: (SteadySample) -> Double
    ) -> Double {
        median(last.map(value)) - median(first.map(value))
    }
}

extension Double {
    /// For people: two digits behind the point below ten, one below a hundred, then none.
    var short: String {
        let scale: Double = magnitude < 10 ? 100 : magnitude < 100 ? 10 : 1
        let rounded = (self * scale).rounded() / scale
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}
