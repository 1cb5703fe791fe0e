public import Digests
public import JSONText
public import Regulations

/// What can happen to a ticket. Raw values live in the database and in the API: never rename one.
public enum Action: String, CaseIterable, Sendable {
    case register, assign
    case setPriority = "set_priority"
    case edit, comment
    case commentInternal = "comment_internal"
    case attach, link, unlink
    case requestInformation = "request_information"
    case solve
    case planSolution = "plan_solution"
    case confirm, dispute, withdraw, merge
    case autoClose = "auto_close"
    case recalculateDeadline = "recalculate_deadline"
}

/// A value as history keeps it.
public enum FieldValue: Sendable, Equatable {
    case null
    case text(String)
    case flag(Bool)
    case number(Int)
    case list([String])
    /// Written with its keys in ascending order.
    case record([String: String])

    public init(_ text: String?) { self = text.map(FieldValue.text) ?? .null }
    public init(_ instant: Instant?) { self = instant.map { .text($0.rfc3339) } ?? .null }

    /// Byte for byte: nothing is normalised, so texts that only look the same differ, unlike under `==`.
    func isIdentical(to other: FieldValue) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.text(let one), .text(let two)): Self.isIdentical(one, two)
        case (.flag(let one), .flag(let two)): one == two
        case (.number(let one), .number(let two)): one == two
        case (.list(let one), .list(let two)): one.elementsEqual(two, by: Self.isIdentical)
        case (.record, .record): canonical == other.canonical
        default: false
        }
    }

    private static func isIdentical(_ one: String, _ two: String) -> Bool { one.utf8.elementsEqual(two.utf8) }

    private var canonical: [UInt8] {
        var json = JSONWriter(capacity: 64)
        write(to: &json)
        return json.bytes
    }

    /// As RFC 8785 has it.
    var canonicalText: String {
        switch self {
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .number(let number): String(number)
        default: String(decoding: canonical, as: UTF8.self)
        }
    }

    public func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .text(let text): json.string(text)
        case .flag(let flag): json.bool(flag)
        case .number(let number): json.integer(number)
        case .list(let texts): json.array { json in for text in texts { json.string(text) } }
        case .record(let members):
            json.object { json in
                // RFC 8785 sorts by UTF-16 code units.
                for key in members.keys.sorted(by: { $0.utf16.lexicographicallyPrecedes($1.utf16) }) {
                    json.key(named: key)
                    json.string(members[key] ?? "")
                }
            }
        }
    }
}

/// What one field was and became.
public struct FieldChange: Sendable, Equatable {
    public let field: String
    /// Canonical JSON (RFC 8785).
    public let from: String
    public let to: String
    public let salt: Salt
    /// Over the salt and `{"from":…,"to":…}`.
    public let digest: Digest

    public init(field: String, from: String, to: String, salt: Salt) {
        self.field = field
        self.from = from
        self.to = to
        self.salt = salt
        digest = HashChain.digest(from: from, to: to, salt: salt)
    }

    public init(_ field: String, from: FieldValue, to: FieldValue) {
        self.init(field: field, from: from.canonicalText, to: to.canonicalText, salt: .make())
    }

    /// As the API shows it.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("from")
            json.raw(from)
            json.key("to")
            json.raw(to)
        }
    }
}

/// The fingerprint of a text or personal value that lies outside the event.
public struct ValueDigest: Sendable, Equatable {
    public let name: String
    public let digest: Digest

    public init(name: String, digest: Digest) {
        self.name = name
        self.digest = digest
    }
}

/// One step in a ticket's history. Appended, never touched again.
public struct Event: Sendable, Equatable {
    public let ticket: TicketID
    /// 1 for the first.
    public let seq: Int
    public let at: Instant
    public let actor: Actor
    public let action: Action
    /// The regulation's clause that allows the step; nil where it is silent.
    public let clause: String?
    /// Nil on steps that have nothing to do with the state.
    public let from: State?
    public let to: State?
    public let changes: [FieldChange]
    public let comment: CommentID?
    /// In ascending order of their names.
    public let digests: [ValueDigest]
    public let hash: Digest

    public init(
        ticket: TicketID, seq: Int, at: Instant, actor: Actor, action: Action, clause: String?, from: State?,
        to: State?, changes: [FieldChange], comment: CommentID?, digests: [ValueDigest], hash: Digest
    ) {
        self.ticket = ticket
        self.seq = seq
        self.at = at
        self.actor = actor
        self.action = action
        self.clause = clause
        self.from = from
        self.to = to
        self.changes = changes
        self.comment = comment
        self.digests = digests
        self.hash = hash
    }

    /// Of the comment that it brought, or in the first event of the description; nil: it brought no text.
    public var textDigest: Digest? {
        let name = comment == nil ? "description" : "comment"
        return digests.first { $0.name == name }?.digest
    }

    /// Customers do not see what employees say among themselves.
    public var isInternal: Bool { action == .commentInternal }
}
