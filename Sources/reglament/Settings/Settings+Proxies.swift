import HTTPServer

extension Settings {
    /// Whose word counts about where a request comes from.
    struct Proxies: Sendable {
        static let names = ["REGLAMENT_TRUSTED_PROXIES", "REGLAMENT_PROXY_PROTOCOL"]

        private var trusted = TrustedProxies()
        private var usesProxyProtocol = false

        init() {}

        init(_ values: [String: String]) throws {
            if let text = values["REGLAMENT_TRUSTED_PROXIES"] {
                for element in text.split(separator: ",", omittingEmptySubsequences: false) {
                    guard trusted.insert(element) else {
                        throw Failure.failed(
                            """
                            REGLAMENT_TRUSTED_PROXIES has `\(element)`; it must be an address, a network like 10.0.0.0/8 \
                            with no bits beyond its prefix, or unix.
                            """)
                    }
                }
            }
            if let text = values["REGLAMENT_PROXY_PROTOCOL"] {
                guard text == "on" || text == "off" else {
                    throw Failure.failed("REGLAMENT_PROXY_PROTOCOL is `\(text)`; it must be `on` or `off`.")
                }
                usesProxyProtocol = text == "on"
            }
            if usesProxyProtocol, trusted.isEmpty {
                throw Failure.failed(
                    "REGLAMENT_PROXY_PROTOCOL is on, but REGLAMENT_TRUSTED_PROXIES names nobody who may speak it.")
            }
        }

        func apply(to configuration: inout ServerConfiguration) {
            configuration.trustedProxies = trusted
            configuration.usesProxyProtocol = usesProxyProtocol
        }
    }
}
