extension Settings {
    /// What can be seen of the service from outside.
    struct Observation: Sendable, Equatable {
        /// Where a line for each request goes.
        enum AccessLog: Sendable, Equatable {
            case off, standardError
            case file(String)
        }

        var accessLog = AccessLog.standardError
        /// Whether `GET /metrics` answers.
        var metrics = true

        static let names: [String] = [
            "REGLAMENT_ACCESS_LOG",
            "REGLAMENT_METRICS",
        ]

        init(_ values: [String: String]) throws {
            switch values["REGLAMENT_ACCESS_LOG"] {
            case nil, "stderr": break
            case "off": accessLog = .off
            case let path? where path.hasPrefix("/"): accessLog = .file(path)
            case let text?:
                throw Failure.failed(
                    "REGLAMENT_ACCESS_LOG is `\(text)`; it must be `off`, `stderr` or a file's path from the root.")
            }
            metrics = try Settings.onOrOff(values, "REGLAMENT_METRICS") ?? metrics
        }
    }
}
