import Glibc

/// What is asked of the service, by what it costs.
enum CallClass: Int, CaseIterable, Sendable {
    case read, list, write

    var name: String { ["reads", "lists", "writes"][rawValue] }
}

/// Latencies of one stretch of time, by class.
struct Latencies: Sendable, Equatable {
    private var histograms = [LatencyHistogram](repeating: LatencyHistogram(), count: CallClass.allCases.count)

    subscript(_ kind: CallClass) -> LatencyHistogram {
        get { histograms[kind.rawValue] }
        set { histograms[kind.rawValue] = newValue }
    }

    var count: Int { histograms.map(\.count).reduce(0, +) }

    init() {}

    init(_ parts: some Sequence<Latencies>) {
        for part in parts { for kind in CallClass.allCases { self[kind].add(part[kind]) } }
    }
}

/// The state of everything at one moment, and the calls since the moment before.
struct SteadySample: Sendable, Equatable {
    /// Seconds since the load began.
    let at: Double
    let service: ProcessFigures
    /// PostgreSQL's processes that serve the service.
    let backends: Int
    let backendBytes: Int
    let tables: [String: TableFigures]
    let latencies: Latencies
}

/// What the system tells of a process.
struct ProcessFigures: Sendable, Equatable {
    var residentBytes: Int
    /// Of these, what is no file's.
    var anonymousBytes: Int
    var threads: Int
    var files: Int

    init(residentBytes: Int, anonymousBytes: Int, threads: Int, files: Int) {
        (self.residentBytes, self.anonymousBytes) = (residentBytes, anonymousBytes)
        (self.threads, self.files) = (threads, files)
    }

    /// Nil: there is no such process.
    init?(_ id: pid_t) {
        guard let status = text(of: "/proc/\(id)/status") else { return nil }
        self.init(status: status, files: entries(of: "/proc/\(id)/fd").count)
    }

    /// `status`: proc(5), /proc/pid/status.
    init(status: String, files: Int) {
        var figures: [Substring: Int] = [:]
        for line in status.split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
            if words.count > 1, let figure = Int(words[1]) { figures[words[0]] = figure }
        }
        self.init(
            residentBytes: (figures["VmRSS"] ?? 0) * 1024, anonymousBytes: (figures["RssAnon"] ?? 0) * 1024,
            threads: figures["Threads"] ?? 0, files: files)
    }
}

/// What PostgreSQL tells of a table, its indexes and its long values included.
struct TableFigures: Sendable, Equatable {
    var live = 0
    var dead = 0
    var bytes = 0

    var deadShare: Double { Double(dead) / Double(max(live, 1)) }

    static func + (one: TableFigures, other: TableFigures) -> TableFigures {
        TableFigures(live: one.live + other.live, dead: one.dead + other.dead, bytes: one.bytes + other.bytes)
    }
}

extension Database {
    /// By table; the parts of a partitioned one are counted as one.
    func tables() throws(Failure) -> [String: TableFigures] {
        let rows = try rows(
            """
            SELECT coalesce(p.inhparent::regclass::text, s.relname), s.n_live_tup, s.n_dead_tup,
                   pg_total_relation_size(s.relid)
              FROM pg_stat_user_tables s
              LEFT JOIN pg_inherits p ON p.inhrelid = s.relid
            """)
        var tables: [String: TableFigures] = [:]
        for row in rows {
            let figures = TableFigures(live: Int(row[1]) ?? 0, dead: Int(row[2]) ?? 0, bytes: Int(row[3]) ?? 0)
            tables[row[0], default: TableFigures()] = tables[row[0], default: TableFigures()] + figures
        }
        return tables
    }
}
