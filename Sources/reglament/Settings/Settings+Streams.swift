import TicketAPI

extension Settings {
    /// Who may listen to events.
    struct Streams: Sendable {
        /// In the process.
        var all = 10_000
        var perToken = 20
        /// Seconds of silence after which a stream says that it is still there.
        var heartbeat = 15

        static let names = [
            "REGLAMENT_STREAMS",
            "REGLAMENT_STREAMS_PER_TOKEN",
            "REGLAMENT_STREAM_HEARTBEAT",
        ]

        init(_ values: [String: String]) throws {
            all = try Settings.number(values, "REGLAMENT_STREAMS", 0...1_000_000) ?? all
            perToken = try Settings.number(values, "REGLAMENT_STREAMS_PER_TOKEN", 1...1_000_000) ?? perToken
            heartbeat = try Settings.number(values, "REGLAMENT_STREAM_HEARTBEAT", 1...3600) ?? heartbeat
        }

        var limits: StreamLimits { StreamLimits(all: all, perToken: perToken, heartbeatSeconds: heartbeat) }
    }
}
