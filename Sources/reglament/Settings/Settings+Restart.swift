extension Settings {
    /// How the server stops, and how the next one takes its place.
    struct Restart: Sendable {
        /// How long a connection without a request is kept at a stop.
        var drain = Duration.seconds(5)
        /// Where a starting server finds the running one and takes over from it; nil: nowhere. Off unless it is asked
        /// for, because a second server that was started by mistake must be told so and not displace the first.
        var handOver: String?
        /// The permissions of the Unix sockets that are listened on.
        var socketMode: UInt32 = 0o660

        static let names: [String] = [
            "REGLAMENT_DRAIN",
            "REGLAMENT_HANDOVER",
            "REGLAMENT_SOCKET_MODE",
        ]

        init() {}

        init(_ values: [String: String]) throws {
            if let seconds = try Settings.number(values, "REGLAMENT_DRAIN", 0...3600) { drain = .seconds(seconds) }
            if let path = values["REGLAMENT_HANDOVER"], path != "off" {
                guard path.hasPrefix("/"), UnixName(path) != nil else {
                    throw Failure.failed(
                        """
                        REGLAMENT_HANDOVER is `\(path)`; it must be the absolute path of a socket, at most \
                        \(UnixName.bytesMax) bytes, or `off`.
                        """)
                }
                handOver = path
            }
            if let text = values["REGLAMENT_SOCKET_MODE"] {
                guard (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8), mode <= 0o777 else {
                    throw Failure.failed("REGLAMENT_SOCKET_MODE is `\(text)`; it must be octal, like 660.")
                }
                socketMode = mode
            }
        }
    }
}
