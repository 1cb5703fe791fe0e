public import Regulations

/// What somebody is here for. Raw values live in the database and in the API: never rename one.
public enum Role: String, CaseIterable, Sendable {
    case customer, engineer, lead, admin, service

    /// Those who work for the vendor and see every ticket.
    public static let employees: Set<Role> = [.engineer, .lead, .admin]

    public var isEmployee: Bool { Role.employees.contains(self) }

    /// Its place among all.
    var index: Int {
        switch self {
        case .customer: 0
        case .engineer: 1
        case .lead: 2
        case .admin: 3
        case .service: 4
        }
    }
}

/// A customer of the vendor.
public struct Organization: Sendable, Equatable {
    public var code: String
    public var name: String

    public init(code: String, name: String) {
        self.code = code
        self.name = name
    }

    /// `[a-z0-9][a-z0-9-]{0,62}`
    public static func isCode(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return (1...63).contains(bytes.count) && bytes[0] != 0x2d
            && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d }
    }
}

/// Somebody who may hold tokens.
public struct User: Sendable, Equatable {
    /// How a customer is told of somebody who has moved to another one.
    public static let unseenName = "former user"

    public var id: UserID
    public var email: String
    public var name: String
    public var role: Role
    /// A customer has one, nobody else does.
    public var organization: String?
    /// False: every token of the user is refused.
    public var active: Bool

    public init(id: UserID, email: String, name: String, role: Role, organization: String?, active: Bool = true) {
        self.id = id
        self.email = email
        self.name = name
        self.role = role
        self.organization = organization
        self.active = active
    }

    /// Unicode scalars of a name.
    public static let nameMax = 200

    /// One `@` between a name and a domain of letters, digits, dots and hyphens; nothing blank, at most 254 bytes.
    public static func isEmail(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard text.utf8.count <= 254, parts.count == 2, (1...64).contains(parts[0].utf8.count) else { return false }
        guard text.unicodeScalars.allSatisfy({ !$0.properties.isWhitespace && $0.value > 0x20 && $0.value != 0x7f })
        else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.unicodeScalars.allSatisfy {
                    $0 == "-" || $0.properties.isAlphabetic || $0.properties.numericType != nil
                }
        }
    }
}

/// A key to the API; the secret itself is never kept.
public struct Token: Sendable, Equatable {
    public var id: TokenID
    public var user: UserID
    public var name: String
    public var createdAt: Instant
    /// Nil: until revoked.
    public var expiresAt: Instant?

    public init(id: TokenID, user: UserID, name: String, createdAt: Instant, expiresAt: Instant?) {
        self.id = id
        self.user = user
        self.name = name
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Whose token a request carries. By reference: much of what answers a request keeps it.
public final class Caller: Sendable, Equatable {
    public let user: User
    /// Which of the user's tokens, for logs and limits.
    public let token: TokenID
    /// When the token ends by itself; nil: never.
    public let expiresAt: Instant?

    public init(user: User, token: TokenID, expiresAt: Instant?) {
        self.user = user
        self.token = token
        self.expiresAt = expiresAt
    }

    public var id: UserID { user.id }
    public var role: Role { user.role }

    public static func == (left: Caller, right: Caller) -> Bool {
        left.user == right.user && left.token == right.token && left.expiresAt == right.expiresAt
    }
}

/// Who does something to a ticket: a user, or the job, which has no identifier.
public struct Actor: Sendable, Equatable {
    public let id: UserID?
    public let name: String
    public let role: Role

    public init(id: UserID?, name: String, role: Role) {
        self.id = id
        self.name = name
        self.role = role
    }

    public init(_ user: User) { self.init(id: user.id, name: user.name, role: user.role) }

    /// The nightly job, however it was started.
    public static let autoClose = Actor(id: nil, name: "auto-close", role: .service)
    /// Moves deadlines after a calendar change.
    public static let calendar = Actor(id: nil, name: "calendar", role: .service)
}
