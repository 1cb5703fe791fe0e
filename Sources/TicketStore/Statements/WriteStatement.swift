import Digests
import Postgres
import Tickets

/// What a write does beside the change itself.
struct WriteExtras: Sendable {
    /// The list that this change begins.
    var beginsFollowUp: NewFollowUp?
    /// The list that this change is one item of.
    var itemOf: FollowUpID?
    /// Where the change was read, when it is imported history.
    var source: ImportSource?

    init(beginsFollowUp: NewFollowUp? = nil, itemOf: FollowUpID? = nil, source: ImportSource? = nil) {
        self.beginsFollowUp = beginsFollowUp
        self.itemOf = itemOf
        self.source = source
    }
}

struct NewFollowUp: Sendable {
    let id: FollowUpID
    let kind: FollowUp.Kind
    let solving: Solving
}

/// One statement that writes any change whole: the ticket, its event, what was said, its links, the answer's key.
///
/// It gives one row with 1 when everything was written and 0 when nothing was, because the ticket has moved on, the
/// condition no longer holds or the key is taken.
struct WriteStatement: Sendable {
    private let columns: [TicketColumn]
    private let registers: Bool
    private let forStaff: Bool
    private let attaches: Bool
    let statement: Statement<Int>

    static let staffRegister = WriteStatement(registers: true, forStaff: true)
    static let staffChange = WriteStatement(registers: false, forStaff: true)
    static let customerRegister = WriteStatement(registers: true, forStaff: false)
    static let customerChange = WriteStatement(registers: false, forStaff: false)

    static let staffAttach = WriteStatement(registers: false, forStaff: true, attaches: true)
    static let customerAttach = WriteStatement(registers: false, forStaff: false, attaches: true)

    static func of(_ change: Change, _ scope: Access.Scope) -> WriteStatement {
        if change.attachment != nil { return scope == .staff ? staffAttach : customerAttach }
        return switch (scope, change.follows) {
        case (.staff, nil): staffRegister
        case (.staff, _): staffChange
        case (.customer, nil): customerRegister
        case (.customer, _): customerChange
        }
    }

    private init(registers: Bool, forStaff: Bool, attaches: Bool = false) {
        self.registers = registers
        self.forStaff = forStaff
        self.attaches = attaches
        columns = TicketColumn.all.filter { column in
            switch column.writers {
            case .nobody: registers
            case .staff: registers || forStaff
            case .everybody: true
            }
        }
        let name = "\(attaches ? "attach" : registers ? "register" : "change")_\(forStaff ? "staff" : "customer")"
        statement = Statement(name, Self.sql(columns, registers: registers, forStaff: forStaff, attaches: attaches)) {
            (row) throws(RowError) in try row.int()
        }
    }

    /// In the order in which `sql` numbers them.
    func parameters(_ change: Change, key: [Parameter], extras: WriteExtras) -> [Parameter] {
        let event = change.event
        var out: [Parameter] = []
        out.reserveCapacity(columns.count + key.count + 48)
        out += [.text(change.ticket.id.description), .integer(change.follows ?? 0)]
        for column in columns { out.append(column.value(change.ticket)) }
        out += [
            .integer(event.seq), .bool(event.isInternal), .instant(event.at), .id(event.actor.id),
            .text(event.actor.role.rawValue), .text(event.action.rawValue), .optional(event.clause),
            .optional(event.from?.rawValue), .optional(event.to?.rawValue), .id(event.comment),
            .bytes(event.hash.bytes), .optional(StoredChanges.lines(event.changes)),
            .optional(StoredChanges.salts(event.changes)), .optional(event.textDigest?.bytes),
            .optional(change.comment?.body), .optional(change.comment?.salt),
            .texts(change.linked.map(\.type.rawValue)), .texts(change.linked.map(\.ticket.description)),
        ]
        if forStaff { out += staffParameters(change, extras) }
        if attaches { out += AttachmentNumbers.parameters(change) }
        out += key
        return out
    }

    private func staffParameters(_ change: Change, _ extras: WriteExtras) -> [Parameter] {
        var condition: [Parameter] = [nil, nil, nil, nil]
        switch change.condition {
        case .open(let ticket): condition[0] = .text(ticket.description)
        case .whole(let ticket): condition[1] = .text(ticket.description)
        case .unpublished(let product, let version):
            condition[2] = .text(product)
            condition[3] = .text(version)
        case .room, nil: break
        }
        let follow = extras.beginsFollowUp
        return condition + [
            .optional(change.unlinked?.type.rawValue), .optional(change.unlinked?.ticket.description),
            .id(follow?.id), .optional(follow?.kind.rawValue), .optional(follow?.solving.comment),
            .optional(follow?.solving.type.rawValue), .optional(follow?.solving.release),
            .id(extras.itemOf),
            .optional(extras.source?.system), .optional(extras.source?.number), .optional(extras.source?.row),
        ]
    }

    private static func sql(_ columns: [TicketColumn], registers: Bool, forStaff: Bool, attaches: Bool) -> String {
        var numbers = Numbers()
        let id = numbers.next("text")
        let follows = numbers.next("integer")
        let values = columns.map { numbers.next($0.type) }
        let event = EventNumbers(&numbers)
        let staff = forStaff ? StaffNumbers(&numbers) : nil
        let attachment = attaches ? AttachmentNumbers(&numbers) : nil
        let key = KeySQL(&numbers)
        let conditions = (staff?.conditions ?? []) + (attachment?.conditions(ticket: id) ?? [])
        let guards = ([key.isFree] + conditions).joined(separator: "\n           AND ")
        let change =
            registers
            ? """
            INSERT INTO tickets (\(columns.map(\.name).joined(separator: ", ")))
                SELECT \(values.joined(separator: ", "))
                 WHERE \(guards)
                   AND \(follows) = 0 AND \(id) IS NOT NULL
                RETURNING id, organization
            """
            : """
            UPDATE tickets
                   SET \(zip(columns, values).map { "\($0.name) = \($1)" }.joined(separator: ", "))
                 WHERE id = \(id)
                   AND event_seq = \(follows)
                   AND \(guards)
                RETURNING id, organization
            """
        let before = (staff?.conditionQueries(of: id) ?? "") + (attachment?.uploadQuery ?? "")
        let after = (staff?.insertions(event) ?? "") + (attachment?.insertions(seq: event.seq) ?? "")
        return """
            WITH \(before)changed AS (
                \(change)
            ), \(event.insertions)\(after), \(key.insertion(followUp: staff?.followUp))
            SELECT count(*)::integer FROM changed
            """
    }
}

/// Hands out `$1`, `$2`, … with their types.
struct Numbers {
    private var last = 0

    mutating func next(_ type: String) -> String {
        last += 1
        return "$\(last)::\(type)"
    }
}

/// The event, the comment and the links of a change.
private struct EventNumbers {
    let seq, isInternal, at, actor, role, action, clause, from, to, comment, hash: String
    let changes, salts, textDigest, body, salt, linkTypes, linkOthers: String

    init(_ numbers: inout Numbers) {
        seq = numbers.next("integer")
        isInternal = numbers.next("boolean")
        at = numbers.next("timestamptz")
        actor = numbers.next("text")
        role = numbers.next("text")
        action = numbers.next("text")
        clause = numbers.next("text")
        from = numbers.next("text")
        to = numbers.next("text")
        comment = numbers.next("text")
        hash = numbers.next("bytea")
        changes = numbers.next("text")
        salts = numbers.next("bytea")
        textDigest = numbers.next("bytea")
        body = numbers.next("text")
        salt = numbers.next("text")
        linkTypes = numbers.next("text[]")
        linkOthers = numbers.next("text[]")
    }

    var insertions: String {
        """
        event AS (
            INSERT INTO events (ticket, seq, organization, internal, at, actor, actor_role, action, clause, from_state, to_state,
                                comment_id, hash, changes, salts, text_digest)
            SELECT id, \(seq), organization, \(isInternal), \(at), \(actor), \(role), \(action), \(clause), \(from), \(to),
                   \(comment), \(hash), \(changes), \(salts), \(textDigest)
              FROM changed
        ), comment AS (
            INSERT INTO comments (id, ticket, seq, organization, body, salt, internal, author, author_role, at)
            SELECT \(comment), id, \(seq), organization, \(body), \(salt), \(isInternal), \(actor), \(role), \(at)
              FROM changed WHERE \(comment) IS NOT NULL
        ), link AS (
            INSERT INTO links (ticket, type, other, organization)
            SELECT id, l.type, l.other, organization
              FROM changed, unnest(\(linkTypes), \(linkOthers)) AS l (type, other)
                ON CONFLICT ON CONSTRAINT links_pkey DO NOTHING
        )
        """
    }
}

/// What only employees' and the service's own changes do.
private struct StaffNumbers {
    let open, whole, product, version, unlinkType, unlinkOther: String
    let followUp, followUpKind, comment, type, release, itemOf, system, number, row: String

    init(_ numbers: inout Numbers) {
        open = numbers.next("text")
        whole = numbers.next("text")
        product = numbers.next("text")
        version = numbers.next("text")
        unlinkType = numbers.next("text")
        unlinkOther = numbers.next("text")
        followUp = numbers.next("text")
        followUpKind = numbers.next("text")
        comment = numbers.next("text")
        type = numbers.next("text")
        release = numbers.next("text")
        itemOf = numbers.next("text")
        system = numbers.next("text")
        number = numbers.next("text")
        row = numbers.next("integer")
    }

    /// Each locks what it looks at until the change is written.
    func conditionQueries(of id: String) -> String {
        """
        open_ticket AS MATERIALIZED (
            SELECT FROM tickets WHERE id = \(open) AND state <> 'closed' FOR SHARE
        ), whole_ticket AS MATERIALIZED (
            SELECT FROM tickets w
             WHERE id = \(whole) AND state <> 'closed' AND blocking
               AND NOT EXISTS (SELECT FROM links l WHERE l.ticket = w.id AND l.type = 'part_of')
               AND NOT EXISTS (SELECT FROM links l WHERE l.other = \(id) AND l.type = 'part_of')
               FOR SHARE
        ), unpublished_release AS MATERIALIZED (
            SELECT FROM releases WHERE product = \(product) AND version = \(version) AND published_at IS NULL FOR SHARE
        ), 
        """
    }

    var conditions: [String] {
        [
            "(\(open) IS NULL OR EXISTS (SELECT FROM open_ticket))",
            "(\(whole) IS NULL OR EXISTS (SELECT FROM whole_ticket))",
            "(\(version) IS NULL OR EXISTS (SELECT FROM unpublished_release))",
        ]
    }

    func insertions(_ event: EventNumbers) -> String {
        """
        , unlink AS (
            DELETE FROM links
             WHERE ticket = (SELECT id FROM changed) AND type = \(unlinkType) AND other = \(unlinkOther)
        ), follow_up AS (
            INSERT INTO follow_ups (id, kind, ticket, comment, type, release, actor, at)
            SELECT \(followUp), \(followUpKind), id, \(comment), \(type), \(release), \(event.actor), \(event.at)
              FROM changed WHERE \(followUp) IS NOT NULL
        ), item AS (
            INSERT INTO follow_up_items (follow_up, ticket)
            SELECT \(itemOf), id FROM changed WHERE \(itemOf) IS NOT NULL
        ), import AS (
            INSERT INTO imports (system, number, row, ticket)
            SELECT \(system), \(number), \(row), id FROM changed WHERE \(system) IS NOT NULL
        )
        """
    }
}
