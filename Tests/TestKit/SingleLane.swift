public import Postgres

extension LaneOptions {
    /// One connection, waited for as long as a machine that has much else to do takes.
    public static func single(
        _ name: String, role: String? = nil, statementTimeout: Duration? = .seconds(60),
        settings: [String: String] = [:]
    ) -> LaneOptions {
        LaneOptions(
            name: name, mode: .exclusive(connections: 1), role: role, statementTimeout: statementTimeout,
            waitMax: .seconds(60), settings: settings)
    }
}
