import Glibc

/// What the system says of this process. Nil: it does not say.
struct ProcessFigures {
    var cpuSeconds: Double?
    var residentBytes: Double?
    var virtualBytes: Double?
    var openFiles: Double?
    var maxFiles: Double?
    /// Since 1970.
    var startSeconds: Double?

    /// Reads a few small files of /proc, which wait for no disk.
    init() {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            cpuSeconds = [usage.ru_utime, usage.ru_stime].reduce(0) {
                $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000
            }
        }
        if let statm = try? Files.read("/proc/self/statm") {
            let pages = Self.words(statm).prefix(2).compactMap { Double($0) }
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            if pages.count == 2 { (virtualBytes, residentBytes) = (pages[0] * size, pages[1] * size) }
        }
        // The folder's own descriptor is one of them while it is read.
        openFiles = Double(max(0, Files.names(in: "/proc/self/fd").count - 1))
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 { maxFiles = Double(limit.rlim_cur) }
        startSeconds = Self.started
    }

    /// Field 22 of /proc/self/stat, in ticks after the machine's start (proc(5)); the name in field 2 may hold blanks.
    private static let started: Double? = {
        guard let stat = try? Files.read("/proc/self/stat"), let end = stat.lastIndex(of: UInt8(ascii: ")")),
            let boot = try? Files.read("/proc/stat")
        else { return nil }
        let fields = words(Array(stat[(end + 1)...]))
        let lines = boot.split(separator: 0x0a).map { words(Array($0)) }
        guard fields.count > 19, let ticks = Double(fields[19]),
            let since = lines.first(where: { $0.first == "btime" })?.last.flatMap({ Double($0) })
        else { return nil }
        return since + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    private static func words(_ bytes: [UInt8]) -> [String] {
        bytes.split { $0 == 0x20 || $0 == 0x0a }.map { String(decoding: $0, as: UTF8.self) }
    }
}
