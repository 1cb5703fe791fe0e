import CLibPQ
import Glibc

/// Keywords and values for libpq: the given connection string, and over it what every session of ours has.
struct ConnectionSettings {
    private let pairs: [(keyword: String, value: String)]
    /// The lists of the connection string that have an element for each server: hosts, addresses, ports.
    private let hostLists: [(keyword: String, elements: [String])]
    /// libpq leaves `connect_timeout` to whoever connects without blocking; without it five seconds.
    let connectTimeMax: Duration

    /// `settings` become `-c` options behind those that the connection string itself may bring.
    init(connectionString: String, name: String, settings: [String: String]) {
        let given = Self.options(of: connectionString)
        var options = given["options"].map { [$0] } ?? []
        for (setting, value) in settings.sorted(by: { $0.key < $1.key }) {
            options.append("-c \(setting)=\(Self.escape(value))")
        }
        pairs = [
            ("dbname", connectionString),  // Expanded by libpq; what follows wins over what it holds.
            ("application_name", name),
            ("client_encoding", "UTF8"),
            ("options", options.joined(separator: " ")),
            ("keepalives", "1"),
            ("keepalives_idle", "15"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        hostLists = ["host", "hostaddr", "port"].compactMap { keyword in
            let elements = given[keyword]?.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard let elements, elements.count > 1 else { return nil }
            return (keyword, elements)
        }
        let seconds = given["connect_timeout"].flatMap { Int($0) } ?? 0
        connectTimeMax = .seconds(seconds > 0 ? seconds : 5)
    }

    /// The settings of a lane's sessions.
    init(connectionString: String, lane options: LaneOptions) {
        var settings = options.settings
        settings["TimeZone"] = "UTC"
        if let role = options.role { settings["role"] = role }
        if let timeout = options.statementTimeout {
            settings["statement_timeout"] = String(max(1, timeout.milliseconds))
        }
        self.init(connectionString: connectionString, name: options.name, settings: settings)
    }

    /// A connection that is being made, nil when there is no memory for it. libpq asks the servers one after the other,
    /// beginning with `firstHost`, counted round. A host's name is looked up here, and that blocks: production gives
    /// sockets or addresses.
    func startConnecting(firstHost: Int) -> OpaquePointer? {
        let turned = hostLists.map { list in
            let first = firstHost % list.elements.count
            return (list.keyword, (list.elements[first...] + list.elements[..<first]).joined(separator: ","))
        }
        let keywordPointers = (pairs + turned).map { strdup($0.0) }
        let valuePointers = (pairs + turned).map { strdup($0.1) }
        defer { (keywordPointers + valuePointers).forEach { free($0) } }
        let constKeywords = keywordPointers.map { UnsafePointer($0) } + [nil]
        let constValues = valuePointers.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(constKeywords, constValues, 1)
    }

    /// What the connection string itself says; empty when libpq cannot read it, of which connecting will tell.
    private static func options(of connectionString: String) -> [String: String] {
        guard let parsed = PQconninfoParse(connectionString, nil) else { return [:] }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var option = parsed
        while let name = option.pointee.keyword {
            if let value = option.pointee.val { options[String(cString: name)] = String(cString: value) }
            option += 1
        }
        return options
    }

    /// The backslash keeps a blank inside one option (manual, 34.1.2, `options`).
    private static func escape(_ value: String) -> String {
        value.reduce(into: "") { escaped, character in
            if character == " " || character == "\\" { escaped.append("\\") }
            escaped.append(character)
        }
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
    var nanoseconds: UInt64 {
        UInt64(max(0, components.seconds)) * 1_000_000_000 + UInt64(max(0, components.attoseconds) / 1_000_000_000)
    }
}
