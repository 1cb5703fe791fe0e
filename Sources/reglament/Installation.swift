import Digests
import Regulations
import TicketAPI
import TicketStore
import Tickets

/// The files that this program comes with: policies, calendars, texts, migrations.
struct Installation: Sendable {
    /// One policy and the file that it was read from.
    struct PolicyFile: Sendable {
        let policy: Policy
        /// `Config/policies/omnivox.json` and its like.
        let name: String
        let bytes: [UInt8]
        let sha256: String
    }

    let home: String
    let zones: ZoneFiles
    let policies: [PolicyFile]
    var calendars: [WorkCalendar]

    /// Throws every fault of every file.
    init(_ settings: Settings) throws {
        home = try Self.findHome(settings)
        zones = ZoneFiles(folder: settings.timeZones)
        var faults: [ConfigurationFault] = []
        calendars = try Self.calendars(home, zones, &faults)
        policies = try Self.policies(home, &faults)
        let known = Set(calendars.map(\.id))
        let zones = zones
        for file in policies {
            faults += file.policy.faults(calendars: known) { (try? zones.rules(for: $0)) != nil }
        }
        faults += Policy.faults(among: policies.map(\.policy))
        guard faults.isEmpty else { throw Failure.failed(ConfigurationFaults(faults).description) }
    }

    /// These policies with the calendars and zones that are here.
    func rulebook(
        current: [Policy], earlier: [Policy], unusable: [Policy] = [],
        whenUnknown: @escaping @Sendable () -> Void = {}
    ) -> Rulebook {
        var identifiers = Set(calendars.map(\.timeZone))
        for policy in current + earlier {
            identifiers.insert(policy.timeZone)
            for plan in policy.plans.values { identifiers.insert(plan.schedule.timeZone) }
        }
        return Rulebook(
            current: current, earlier: earlier, unusable: unusable, calendars: calendars,
            zones: identifiers.sorted().compactMap { try? zones.rules(for: $0) }, whenUnknown: whenUnknown)
    }

    /// Everything that is said to people. Throws every fault of both files.
    func texts() throws -> Texts {
        do { return try Texts(en: text("en.json"), ru: text("ru.json")) } catch let error as TextsError {
            throw Failure.failed("\(error)")
        }
    }

    private func text(_ name: String) throws -> [UInt8] { try Files.read("\(home)/Config/texts/\(name)") }

    func migrations() throws -> [Migration] { try Self.migrations(home) }

    static func migrations(_ home: String) throws -> [Migration] {
        let folder = "\(home)/Migrations"
        return try Files.names(in: folder).compactMap { name in
            Migration(fileName: name, bytes: try Files.read("\(folder)/\(name)"))
        }
    }

    // MARK: Reading

    /// Up from the executable, then up from the working folder.
    static func findHome(_ settings: Settings) throws -> String {
        if let home = settings.home {
            guard Files.exists("\(home)/Config/policies") else {
                throw Failure.failed("REGLAMENT_HOME is `\(home)`, and there is no Config/policies in it.")
            }
            return home
        }
        for start in [Files.executable.map(Files.parent), Files.workingFolder].compactMap(\.self) {
            var folder = start
            while true {
                if Files.exists("\(folder)/Config/policies") { return folder }
                if folder == "/" || folder == "." { break }
                folder = Files.parent(folder)
            }
        }
        throw Failure.failed("There is no folder Config/policies near this program; REGLAMENT_HOME says where it is.")
    }

    private static let calendarFolders = ["Config/calendars", "Config/calendars/regions"]

    static func calendars(
        _ home: String, _ zones: ZoneFiles, _ faults: inout [ConfigurationFault]
    ) throws -> [WorkCalendar] {
        var calendars: [WorkCalendar] = []
        for folder in calendarFolders {
            for name in Files.names(in: "\(home)/\(folder)") where name.hasSuffix(".json") {
                do { calendars.append(try calendar("\(folder)/\(name)", below: home, zones)) } catch {
                    guard let found = error as? ConfigurationFaults else { throw error }
                    faults += found.faults
                }
            }
        }
        return calendars
    }

    /// One installed calendar; nil: there is none of this code.
    static func calendar(_ code: String, _ home: String, _ zones: ZoneFiles) throws -> WorkCalendar? {
        for folder in calendarFolders where Files.names(in: "\(home)/\(folder)").contains("\(code).json") {
            return try calendar("\(folder)/\(code).json", below: home, zones)
        }
        return nil
    }

    private static func calendar(_ name: String, below home: String, _ zones: ZoneFiles) throws -> WorkCalendar {
        let bytes = try Files.read("\(home)/\(name)")
        return try WorkCalendar(file: name, bytes: bytes, version: String(Digest(of: bytes).hex.prefix(12))) {
            (try? zones.rules(for: $0)) != nil
        }
    }

    /// `Config/policies/omnivox.json` and its like.
    static func policyNames(_ home: String) -> [String] {
        Files.names(in: "\(home)/Config/policies").filter { $0.hasSuffix(".json") }.map { "Config/policies/\($0)" }
    }

    private static func policies(_ home: String, _ faults: inout [ConfigurationFault]) throws -> [PolicyFile] {
        var policies: [PolicyFile] = []
        for name in policyNames(home) {
            let bytes = try Files.read("\(home)/\(name)")
            do {
                let policy = try Policy(file: name, bytes: bytes)
                policies.append(PolicyFile(policy: policy, name: name, bytes: bytes, sha256: Digest(of: bytes).hex))
            } catch { faults += error.faults }
        }
        return policies
    }
}
