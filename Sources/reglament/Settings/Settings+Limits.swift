import HTTPServer
import HTTPWire

extension Settings {
    /// How much and how slow a client may be; the defaults are the server's own.
    struct Limits: Sendable {
        /// A number that may be set, and where it goes.
        private struct Bound: Sendable {
            let name: String
            let range: ClosedRange<Int>
            let set: @Sendable (inout ServerConfiguration, Int) -> Void

            init(
                _ name: String, _ range: ClosedRange<Int>,
                _ set: @escaping @Sendable (inout ServerConfiguration, Int) -> Void
            ) {
                self.name = name
                self.range = range
                self.set = set
            }
        }

        private static let bounds: [Bound] = [
            Bound("REGLAMENT_HEADER_BYTES", 1_024...262_144) { $0.head.headBytesMax = $1 },
            Bound("REGLAMENT_HEADER_FIELDS", 8...2_000) { $0.head.fieldsMax = $1 },
            Bound("REGLAMENT_TARGET_BYTES", 256...131_072) { $0.head.targetBytesMax = $1 },
            Bound("REGLAMENT_BODY_BYTES", 1_024...1_073_741_824) { $0.bodyBytesMax = $1 },
            Bound("REGLAMENT_MAX_CONNECTIONS", 1...1_000_000) { $0.connectionsMax = $1 },
            Bound("REGLAMENT_MAX_CONNECTIONS_PER_ADDRESS", 1...1_000_000) {
                $0.connectionsPerAddressMax = $1
                $0.countsLoopback = true
            },
            Bound("REGLAMENT_REQUESTS_PER_CONNECTION", 1...1_000_000_000) { $0.requestsPerConnectionMax = $1 },
            Bound("REGLAMENT_PIPELINED_REQUESTS", 1...10_000) { $0.pipelinedRequestsMax = $1 },
            Bound("REGLAMENT_HEADER_SECONDS", 1...3_600) { $0.headSecondsMax = Double($1) },
            Bound("REGLAMENT_BODY_STALL_SECONDS", 1...3_600) { $0.bodyStallSecondsMax = Double($1) },
            Bound("REGLAMENT_BODY_BYTES_PER_SECOND", 1...1_000_000_000) { $0.bodyBytesPerSecondMin = $1 },
            Bound("REGLAMENT_IDLE_SECONDS", 1...86_400) { $0.idleSecondsMax = Double($1) },
            Bound("REGLAMENT_RESPONSE_STALL_SECONDS", 1...3_600) { $0.responseStallSecondsMax = Double($1) },
        ]

        static let names = bounds.map(\.name)

        private var given: [String: Int] = [:]

        init() {}

        init(_ values: [String: String]) throws {
            for bound in Self.bounds { given[bound.name] = try Settings.number(values, bound.name, bound.range) }
            var configuration = ServerConfiguration(addresses: [])
            apply(to: &configuration)
            if configuration.head.targetBytesMax >= configuration.head.headBytesMax {
                throw Failure.failed(
                    "REGLAMENT_TARGET_BYTES must be less than REGLAMENT_HEADER_BYTES, which bounds the request line too."
                )
            }
        }

        func apply(to configuration: inout ServerConfiguration) {
            for bound in Self.bounds {
                if let number = given[bound.name] { bound.set(&configuration, number) }
            }
        }
    }
}
