import CLibPQ
import Glibc

/// Keywords and values for libpq: the given connection string, and over it what every session of ours has.
struct ConnectionSettings {
    let keywords: [String]
    let values: [String]

    /// `settings` become `-c` options behind those that the connection string itself may bring.
    init(connectionString: String, name: String, settings: [String: String]) {
        var options = Self.option("options", of: connectionString).map { [$0] } ?? []
        for (setting, value) in settings.sorted(by: { $0.key < $1.key }) {
            options.append("-c \(setting)=\(Self.escape(value))")
        }
        let pairs = [
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
        keywords = pairs.map(\.0)
        values = pairs.map(\.1)
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

    /// A connection that is being made, nil when there is no memory for it. A host's name is looked up here, and that
    /// blocks: production gives sockets or addresses.
    func startConnecting() -> OpaquePointer? {
        let keywordPointers = keywords.map { strdup($0) }
        let valuePointers = values.map { strdup($0) }
        defer { (keywordPointers + valuePointers).forEach { free($0) } }
        let constKeywords = keywordPointers.map { UnsafePointer($0) } + [nil]
        let constValues = valuePointers.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(constKeywords, constValues, 1)
    }

    private static func option(_ keyword: String, of connectionString: String) -> String? {
        guard let parsed = PQconninfoParse(connectionString, nil) else { return nil }
        defer { PQconninfoFree(parsed) }
        var option = parsed
        while let name = option.pointee.keyword {
            if String(cString: name) == keyword { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
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
