public import Regulations

/// What a customer bought for one product (R15). Dates are whole days, both inclusive, in the policy's time zone.
public struct Contract: Sendable, Equatable {
    public var id: ContractID
    public var organization: String
    public var product: String
    /// An entry of the policy's plans; nil: no times are promised.
    public var plan: String?
    public var validFrom: CalendarDate
    /// Nil: without end.
    public var validTo: CalendarDate?
    /// Nil: what the policy says.
    public var autoCloseAfterWorkingDays: Int?
    /// Who may confirm where the regulation asks for a list.
    public var responsibleContacts: [UserID]

    public init(
        id: ContractID, organization: String, product: String, plan: String?, validFrom: CalendarDate,
        validTo: CalendarDate?, autoCloseAfterWorkingDays: Int?, responsibleContacts: [UserID]
    ) {
        self.id = id
        self.organization = organization
        self.product = product
        self.plan = plan
        self.validFrom = validFrom
        self.validTo = validTo
        self.autoCloseAfterWorkingDays = autoCloseAfterWorkingDays
        self.responsibleContacts = responsibleContacts
    }
}

/// What of a contract a decision needs.
public struct ContractTerms: Sendable, Equatable {
    public let id: ContractID
    public let plan: String?
    public let autoCloseAfterWorkingDays: Int?
    public let responsibleContacts: [UserID]

    public init(id: ContractID, plan: String?, autoCloseAfterWorkingDays: Int?, responsibleContacts: [UserID]) {
        self.id = id
        self.plan = plan
        self.autoCloseAfterWorkingDays = autoCloseAfterWorkingDays
        self.responsibleContacts = responsibleContacts
    }
}

/// A version of a product that is or will be delivered (R16): `X.Y` stable, `X.Y.Z` patch.
public struct Release: Sendable, Equatable {
    public var product: String
    public var version: String
    public var notes: String?
    public var createdAt: Instant
    /// Nil: announced, not out yet.
    public var publishedAt: Instant?

    public init(product: String, version: String, notes: String?, createdAt: Instant, publishedAt: Instant?) {
        self.product = product
        self.version = version
        self.notes = notes
        self.createdAt = createdAt
        self.publishedAt = publishedAt
    }

    /// Two or three numbers of up to nine digits, without leading zeros.
    public static func isVersion(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return (2...3).contains(parts.count)
            && parts.allSatisfy { part in
                (1...9).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && (part.utf8.count == 1 || part.first != "0")
            }
    }
}
