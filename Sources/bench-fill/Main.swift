import Glibc
import Regulations
import Tickets

/// Fills a database for measuring how the service grows. Not part of the product.
@main
enum Main {
    private static let usage = """
        usage: bench-fill DATABASE_URL TICKETS [--seed N] [--until TIME] [--all-solved]

        Fills a migrated, empty database, as its superuser, with the history of so many tickets over ten years. The same seed
        and --until (RFC 3339, default now) give the same history, but for salts and the identifiers of comments. With
        --all-solved every ticket was solved in the last four days, awaits its confirmation, and closes by itself one day.
        """

    static func main() async {
        do { try await run(Array(CommandLine.arguments.dropFirst())) } catch {
            say("bench-fill: \(error)")
            exit(1)
        }
    }

    private static func run(_ words: [String]) async throws {
        var places: [String] = []
        var flags = ["--seed": "1", "--until": ""]
        var rest = words[...]
        var allSolved = false
        while let word = rest.popFirst() {
            if word == "--all-solved" {
                allSolved = true
                continue
            }
            if flags[word] == nil { places.append(word) } else { flags[word] = rest.popFirst() ?? "?" }
        }
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        let now = Instant(seconds: Int64(clock.tv_sec))
        let until = flags["--until"] == "" ? now : flags["--until"].flatMap { Instant(rfc3339: $0) }
        guard places.count == 2, let total = Int(places[1]), (1...100_000_000).contains(total),
            let seed = flags["--seed"].flatMap({ UInt64($0) }), let until
        else {
            say(usage)
            exit(2)
        }
        let installed = try Installed()
        // Where nothing closes by itself a solved ticket would wait for ever.
        let rules = installed.rules.filter { !allSolved || $0.policy.autoCloseAfterWorkingDays != nil }
        let filling = Filling(
            url: places[0], total: total, seed: seed, until: until.milliseconds,
            allSolved: allSolved, cast: Cast(rules: rules, seed: seed, tickets: total))
        try await fill(filling, installed)
    }

    private static func fill(_ filling: Filling, _ installed: Installed) async throws {
        var watch = Stopwatch()
        let database = try Database(filling.url)
        try Filling.check(database, total: filling.total)
        let schema = try Schema(database)
        try schema.drop(database)
        try filling.fillPeople(installed, database)
        watch.lap("people")
        try await filling.fillTickets { made in
            if made % 200_000 == 0 { say("\(made) tickets") }
        }
        watch.lap("tickets")
        try schema.createIndexes(of: "comments", database)
        try database.run("ANALYZE comments")
        try database.run("VACUUM ANALYZE tickets")
        try await filling.fillSearch()
        watch.lap("words")
        try await filling.finish(schema)
        watch.lap("indexes and references")
        try database.run("VACUUM ANALYZE")
        watch.lap("vacuum")
    }
}

/// One line on standard error.
private func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(2, bytes, bytes.count)
}

/// Says how long each part took.
private struct Stopwatch {
    private var last = ContinuousClock.now

    mutating func lap(_ name: String) {
        let now = ContinuousClock.now
        say("\(name): \((now - last).components.seconds) s")
        last = now
    }
}
