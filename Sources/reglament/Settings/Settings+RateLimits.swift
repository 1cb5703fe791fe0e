import TicketAPI

extension Settings {
    /// How often somebody may ask.
    struct RateLimits: Sendable, Equatable {
        /// False: as often as anybody likes.
        var isOn = true
        /// Requests a minute of a customer's token, and of an employee's or a service's.
        var customer = 600
        var employee = 6_000
        /// Failed authentications a minute of one address.
        var failedAuthentication = 20

        static let names: [String] = [
            "REGLAMENT_RATE_LIMIT",
            "REGLAMENT_RATE_LIMIT_CUSTOMER",
            "REGLAMENT_RATE_LIMIT_EMPLOYEE",
            "REGLAMENT_RATE_LIMIT_FAILED_AUTHENTICATION",
        ]
        private static let range = 1...1_000_000

        init(_ values: [String: String]) throws {
            isOn = try Settings.onOrOff(values, "REGLAMENT_RATE_LIMIT") ?? isOn
            customer = try Settings.number(values, "REGLAMENT_RATE_LIMIT_CUSTOMER", Self.range) ?? customer
            employee = try Settings.number(values, "REGLAMENT_RATE_LIMIT_EMPLOYEE", Self.range) ?? employee
            failedAuthentication =
                try Settings.number(values, "REGLAMENT_RATE_LIMIT_FAILED_AUTHENTICATION", Self.range)
                ?? failedAuthentication
        }

        /// One for all loops; nil: nobody is limited.
        func make() -> TicketAPI.RateLimits? {
            guard isOn else { return nil }
            return TicketAPI.RateLimits(
                customer: customer, employee: employee, failedAuthentications: failedAuthentication)
        }
    }

    static func onOrOff(_ values: [String: String], _ name: String) throws -> Bool? {
        switch values[name] {
        case nil: return nil
        case "on": return true
        case "off": return false
        case let text?: throw Failure.failed("\(name) is `\(text)`; it must be `on` or `off`.")
        }
    }
}
