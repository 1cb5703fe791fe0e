import Tickets

extension Settings {
    /// How much may be attached to tickets, and how many files may be on their way at once.
    struct Attachments: Sendable, Equatable {
        static let names: [String] = [
            "REGLAMENT_ATTACHMENTS_PER_TICKET",
            "REGLAMENT_ATTACHMENTS_PER_TICKET_BYTES",
            "REGLAMENT_ATTACHMENTS_PER_ORGANIZATION_BYTES",
            "REGLAMENT_ATTACHMENTS_TRANSFERS",
        ]

        /// 256 MiB a ticket are ten files of the largest size; 10 GiB an organization are forty such tickets.
        var quota = AttachmentQuota(
            perTicket: 100, perTicketBytes: 268_435_456, perOrganizationBytes: 10_737_418_240)
        /// Of the whole process; each holds some hundred KiB.
        var transfers = 64

        init(_ values: [String: String]) throws {
            func bound(_ index: Int, _ present: Int?, _ range: ClosedRange<Int>) throws -> Int? {
                let name = Self.names[index]
                return values[name] == "off" ? nil : try Settings.number(values, name, range) ?? present
            }
            quota.perTicket = try bound(0, quota.perTicket, 1...100_000)
            quota.perTicketBytes = try bound(1, quota.perTicketBytes, 1...1_000_000_000_000_000)
            quota.perOrganizationBytes = try bound(2, quota.perOrganizationBytes, 1...1_000_000_000_000_000)
            transfers = try Settings.number(values, Self.names[3], 1...10_000) ?? transfers
        }
    }
}
