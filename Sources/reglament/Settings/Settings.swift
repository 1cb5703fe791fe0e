import Glibc
import Regulations

/// What the operator decides: by flags, in the environment, in an optional file, the first of these that speaks. Each
/// setting is explained in `Config/example.conf`.
struct Settings: Sendable {
    /// Nil: the private cluster.
    var databaseURL: String?
    /// For migrations, by the owner of the database; nil: the same as `databaseURL`.
    var migrateURL: String?
    /// Where the private cluster lies.
    var data = "./data"
    /// Nil: found beside the executable, else in the working folder.
    var home: String?
    var timeZones = "/usr/share/zoneinfo"
    var listen = [ListenAddress.tcp(host: "127.0.0.1", port: 8080)]
    var tls = TLS()
    /// PostgreSQL wants the other half of the cores: with two cores one loop read 1.2 times what two did.
    var loops = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)
    /// Connections to PostgreSQL of each loop and role. One is pipelined by everybody, and was faster than two or four.
    var readers = 1
    var writers = 16
    var slow = 4
    var log = LogFormat.text
    var limits = Limits()
    var proxies = Proxies()
    /// Minutes after midnight in each policy's zone; nil: left to cron.
    var autoCloseAt: Int? = 2 * 60
    let streams: Streams
    /// Where the service's clock starts; nil: the system's.
    var clock: Instant?
    var attachments: Attachments
    var compression: Compression
    var rateLimits: RateLimits
    var observation: Observation
    var restart = Restart()
    var retention: Retention

    enum LogFormat: String, CaseIterable, Sendable { case text, json }
    enum ListenAddress: Sendable, Equatable {
        case tcp(host: String, port: UInt16)
        case tls(host: String, port: UInt16)
        case unix(path: String)
    }

    /// Every setting there is; anything else that begins like one is a mistake.
    static let names: [String] =
        [
            "REGLAMENT_DATABASE_URL",
            "REGLAMENT_MIGRATE_URL",
            "REGLAMENT_DATA",
            "REGLAMENT_HOME",
            "REGLAMENT_TZDIR",
            "REGLAMENT_LISTEN",
            "REGLAMENT_LOOPS",
            "REGLAMENT_READERS",
            "REGLAMENT_WRITERS",
            "REGLAMENT_SLOW",
            "REGLAMENT_LOG",
            "REGLAMENT_AUTO_CLOSE_AT",
            "REGLAMENT_CLOCK",
        ]
        + TLS.names + Attachments.names + Limits.names + Proxies.names + Streams.names + Compression.names
        + RateLimits.names + Observation.names + Restart.names + Retention.names
    /// Names the file; so it cannot stand in it.
    static let fileName = "REGLAMENT_CONFIG_FILE"
    /// What begins so is the test suite's.
    private static let testPrefix = "REGLAMENT_TEST_"

    /// `flags` are those of `flagged`. An empty value in the environment is as good as none.
    static func read(
        flags: [String: String] = [:], environment: [String: String] = processEnvironment()
    ) throws -> Settings {
        var values: [String: String] = [:]
        if let path = flags[fileName] ?? environment[fileName], !path.isEmpty {
            values = try file(String(decoding: Files.read(path), as: UTF8.self), path: path)
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("REGLAMENT_") {
            guard names.contains(name) || name == fileName || name.hasPrefix(testPrefix) else {
                throw Failure.failed("There is no setting `\(name)`; docs/reference/configuration.md has them all.")
            }
            if !value.isEmpty { values[name] = value }
        }
        for (name, value) in flags { values[name] = value }
        return try Settings(values)
    }

    /// The flag that says the same on one command line: `--auto-close-at` for `REGLAMENT_AUTO_CLOSE_AT`.
    static func flag(_ name: String) -> String {
        "--" + name.dropFirst("REGLAMENT_".count).lowercased().split(separator: "_").joined(separator: "-")
    }

    /// Takes every setting out of a command's words.
    static func flagged(_ arguments: inout Arguments) throws -> [String: String] {
        var values: [String: String] = [:]
        for name in names + [fileName] {
            if let value = try arguments.value(flag(name)) { values[name] = value }
        }
        return values
    }

    /// `NAME=value` a line; `#` begins a comment.
    static func file(_ text: String, path: String) throws -> [String: String] {
        var values: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " }
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard names.contains(String(parts[0])) else {
                throw Failure.failed("\(path):\(index + 1): there is no setting `\(parts[0])`.")
            }
            guard parts.count == 2, !parts[1].isEmpty else {
                throw Failure.failed("\(path):\(index + 1): \(parts[0]) has no value.")
            }
            guard values.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw Failure.failed("\(path):\(index + 1): \(parts[0]) stands here twice.")
            }
        }
        return values
    }

    init(_ values: [String: String]) throws {
        attachments = try Attachments(values)
        compression = try Compression(values)
        limits = try Limits(values)
        observation = try Observation(values)
        proxies = try Proxies(values)
        rateLimits = try RateLimits(values)
        retention = try Retention(values)
        streams = try Streams(values)
        databaseURL = values["REGLAMENT_DATABASE_URL"]
        migrateURL = values["REGLAMENT_MIGRATE_URL"] ?? databaseURL
        data = values["REGLAMENT_DATA"] ?? data
        home = values["REGLAMENT_HOME"]
        timeZones = values["REGLAMENT_TZDIR"] ?? timeZones
        tls = try TLS(values)
        listen = try (values["REGLAMENT_LISTEN"] ?? "127.0.0.1:8080")
            .split(separator: ",", omittingEmptySubsequences: false)
            .map { try Self.address($0, withTLS: tls.files != nil) }
        try tls.check(listen)
        loops = try Self.number(values, "REGLAMENT_LOOPS", 1...64) ?? loops
        readers = try Self.number(values, "REGLAMENT_READERS", 1...32) ?? readers
        writers = try Self.number(values, "REGLAMENT_WRITERS", 1...256) ?? writers
        slow = try Self.number(values, "REGLAMENT_SLOW", 2...64) ?? slow
        if let text = values["REGLAMENT_LOG"] {
            guard let format = LogFormat(rawValue: text) else {
                throw Failure.failed("REGLAMENT_LOG is `\(text)`; it must be `text` or `json`.")
            }
            log = format
        }
        if let text = values["REGLAMENT_AUTO_CLOSE_AT"] { autoCloseAt = try Self.timeOfDay(text) }
        if let text = values["REGLAMENT_CLOCK"] {
            guard let instant = Instant(rfc3339: text) else {
                throw Failure.failed("REGLAMENT_CLOCK is `\(text)`; it must be a time like 2026-11-20T09:30:00Z.")
            }
            clock = instant.truncatedToMilliseconds()
        }
        restart = try Restart(values)
    }

    static func number(_ values: [String: String], _ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), range.contains(number)
        else {
            throw Failure.failed(
                "\(name) is `\(text)`; it must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// `host:port`, `[::1]:port`, either behind `http://` or `https://`, or `unix:/path`; a bare one is over TLS if
    /// `withTLS`.
    static func address(_ given: Substring, withTLS: Bool = false) throws -> ListenAddress {
        if given.hasPrefix("unix:/") { return .unix(path: String(given.dropFirst(5))) }
        let isTLS = given.hasPrefix("https://") || withTLS && !given.hasPrefix("http://")
        let text =
            given.hasPrefix("https://") ? given.dropFirst(8) : given.hasPrefix("http://") ? given.dropFirst(7) : given
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex, !text.contains("/"),
            text[text.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(text[text.index(after: colon)...])
        else {
            throw Failure.failed(
                "REGLAMENT_LISTEN has `\(given)`; it must be host:port, http://host:port, https://host:port or unix:/path."
            )
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return isTLS ? .tls(host: String(host), port: port) : .tcp(host: String(host), port: port)
    }

    private static func timeOfDay(_ text: String) throws -> Int? {
        if text == "off" { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hours = Int(parts[0]),
            let minutes = Int(parts[1]), (0...23).contains(hours), (0...59).contains(minutes)
        else { throw Failure.failed("REGLAMENT_AUTO_CLOSE_AT is `\(text)`; it must be a time like 02:00, or `off`.") }
        return hours * 60 + minutes
    }

    static func processEnvironment() -> [String: String] {
        var values: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            pointer += 1
        }
        return values
    }
}
