import Regulations

enum PolicyLintCommand: Command {
    static let words = ["policy", "lint"]
    static let synopsis = "[FILE…]"
    static let summary =
        "checks policy files, or without FILE the installed ones; says every fault with file, line and path"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let files = try arguments.words()
        try arguments.finish()
        let installed = try PolicyLint(settings)
        let faults = try files.isEmpty ? installed.faults() : installed.faults(of: files)
        for fault in faults { Terminal.print(fault.description) }
        Terminal.say(faults.isEmpty ? "No faults." : faults.count == 1 ? "1 fault." : "\(faults.count) faults.")
        return faults.isEmpty ? 0 : 1
    }
}

/// What can be wrong with policy files, alone and beside the installed calendars and zones.
struct PolicyLint {
    private let home: String
    private let zones: ZoneFiles
    private let calendars: Set<String>
    private var calendarFaults: [ConfigurationFault] = []

    init(_ settings: Settings) throws {
        home = try Installation.findHome(settings)
        zones = ZoneFiles(folder: settings.timeZones)
        calendars = Set(try Installation.calendars(home, zones, &calendarFaults).map(\.id))
    }

    /// Of what is installed.
    func faults() throws -> [ConfigurationFault] {
        try calendarFaults + faults(of: Installation.policyNames(home), below: home + "/")
    }

    func faults(of names: [String], below folder: String = "") throws -> [ConfigurationFault] {
        var faults: [ConfigurationFault] = []
        var policies: [Policy] = []
        for name in names {
            let bytes = try Files.read(folder + name)
            do {
                let policy = try Policy(file: name, bytes: bytes)
                faults += policy.faults(calendars: calendars) { (try? zones.rules(for: $0)) != nil }
                policies.append(policy)
            } catch { faults += error.faults }
        }
        return faults + Policy.faults(among: policies)
    }
}
