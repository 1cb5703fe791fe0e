extension Settings {
    /// TLS on the service's own addresses.
    struct TLS: Sendable, Equatable {
        /// Where the certificate with its chain and its key lie, in PEM.
        struct Files: Sendable, Equatable {
            let certificate: String
            let key: String
        }

        /// Nil: the service does not speak TLS.
        var files: Files?
        /// The value of Strict-Transport-Security; nil: not sent.
        var strictTransportSecurity: String?

        static let names: [String] = [
            "REGLAMENT_TLS_CERT",
            "REGLAMENT_TLS_KEY",
            "REGLAMENT_HSTS",
        ]

        init() {}

        init(_ values: [String: String]) throws {
            switch (values["REGLAMENT_TLS_CERT"], values["REGLAMENT_TLS_KEY"]) {
            case (let certificate?, let key?): files = Files(certificate: certificate, key: key)
            case (nil, nil): break
            case (_?, nil): throw Failure.failed("REGLAMENT_TLS_CERT is set, but REGLAMENT_TLS_KEY is not.")
            case (nil, _?): throw Failure.failed("REGLAMENT_TLS_KEY is set, but REGLAMENT_TLS_CERT is not.")
            }
            if let text = values["REGLAMENT_HSTS"] { strictTransportSecurity = try Self.policy(text) }
        }

        /// `off`, or seconds, with `includeSubDomains` behind a blank or not.
        private static func policy(_ text: String) throws -> String? {
            if text == "off" { return nil }
            let words = text.split(separator: " ", omittingEmptySubsequences: false)
            guard let number = words.first, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let seconds = Int(number), seconds <= secondsMax,
                words.count == 1 || words.dropFirst() == ["includeSubDomains"]
            else {
                throw Failure.failed(
                    """
                    REGLAMENT_HSTS is `\(text)`; it must be `off`, or seconds from 0 to \(secondsMax), perhaps with \
                    ` includeSubDomains` behind.
                    """)
            }
            return "max-age=\(seconds)" + (words.count == 1 ? "" : "; includeSubDomains")
        }

        /// Ten years.
        private static let secondsMax = 315_360_000

        /// Whether what is asked of TLS can be had on these addresses.
        func check(_ listen: [ListenAddress]) throws {
            let isSpoken = listen.contains { if case .tls = $0 { true } else { false } }
            if isSpoken, files == nil {
                throw Failure.failed("REGLAMENT_LISTEN has an https:// address, but REGLAMENT_TLS_CERT is not set.")
            }
            if !isSpoken, files != nil {
                throw Failure.failed("REGLAMENT_TLS_CERT is set, but no address of REGLAMENT_LISTEN speaks TLS.")
            }
            if !isSpoken, strictTransportSecurity != nil {
                throw Failure.failed("REGLAMENT_HSTS is set, but no address of REGLAMENT_LISTEN speaks TLS.")
            }
        }
    }
}
