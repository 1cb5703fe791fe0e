import Digests
import Glibc
import Regulations
import Tickets

/// The shipped regulations, calendars and zones, read from the repository that the command runs in.
struct Installed {
    /// A policy's file, as the service would install it.
    struct File {
        let policy: Policy
        let bytes: [UInt8]
    }

    let files: [File]
    let rules: [TicketRules]

    init() throws {
        let names = try Self.names(in: "Config/policies")
        files = try names.map { name in
            let bytes = try Self.read("Config/policies/\(name)")
            return File(policy: try Policy(file: name, bytes: bytes), bytes: bytes)
        }
        let calendars = try Set(files.map(\.policy.calendar)).sorted().map { id in
            let bytes = try Self.read("Config/calendars/\(id).json")
            return try WorkCalendar(
                file: "\(id).json", bytes: bytes, version: String(Digest(of: bytes).hex.prefix(12)))
        }
        var identifiers = Set(files.map(\.policy.timeZone)).union(calendars.map(\.timeZone))
        for file in files { identifiers.formUnion(file.policy.plans.values.map(\.schedule.timeZone)) }
        let zones = try identifiers.sorted().map { identifier in
            try TimeZoneRules(identifier: identifier, tzif: try Self.read("/usr/share/zoneinfo/\(identifier)"))
        }
        let book = Rulebook(current: files.map(\.policy), earlier: [], calendars: calendars, zones: zones)
        rules = files.compactMap { book.rules(product: $0.policy.code, version: $0.policy.version) }
        guard rules.count == files.count, !rules.isEmpty else {
            throw Failure("A policy's calendar or zone is missing.")
        }
    }

    private static func names(in folder: String) throws(Failure) -> [String] {
        guard let directory = opendir(folder) else {
            throw Failure("Run this in the repository: there is no \(folder).")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".json") { names.append(name) }
        }
        return names.sorted()
    }

    private static func read(_ path: String) throws(Failure) -> [UInt8] {
        guard let file = fopen(path, "re") else { throw Failure("\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}
