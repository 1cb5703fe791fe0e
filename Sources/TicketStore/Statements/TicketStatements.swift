import Postgres
import Tickets

/// The SQL that reads tickets. `$1` is the customer who asks (null for employees), `$2` the service's clock.
enum TicketSQL {
    /// What a `TicketRecord` is read from; `t` is the ticket.
    static let record = """
        \(TicketColumn.list(of: "t")),
               ARRAY(SELECT p.id || ' ' || p.name FROM people p
                      WHERE p.id = ANY (t.assignees || ARRAY[t.reporter, t.registered_by, t.solution_by])),
               ARRAY(SELECT l.type || ' ' || l.other FROM links l WHERE l.ticket = t.id
                     UNION ALL
                     SELECT '~' || l.type || ' ' || l.ticket FROM links l WHERE l.other = t.id
                     ORDER BY 1),
               \(mayConfirm)
        """

    /// Who may confirm: anybody of the customer's, or those whom the contract in force today names, else the contract
    /// of the registration day.
    private static let mayConfirm = """
        CASE WHEN $1::text IS NULL THEN false
                    WHEN v.confirmers = 'any_contact' THEN true
                    ELSE $1::text = ANY (coalesce(
                        (SELECT c.responsible_contacts FROM contracts c
                          WHERE c.organization = t.organization AND c.product = t.product
                            AND c.valid_from <= ($2::timestamptz AT TIME ZONE v.time_zone)::date
                            AND (c.valid_to IS NULL OR c.valid_to >= ($2::timestamptz AT TIME ZONE v.time_zone)::date)),
                        (SELECT c.responsible_contacts FROM contracts c WHERE c.id = t.contract)))
               END
        """

    static let joinPolicy = "JOIN policy_versions v ON v.product = t.product AND v.version = t.policy_version"
}

extension Statements {
    static let ticket = records("ticket", where: "t.id = $3")

    /// Of several tickets by their identifiers, in no order.
    static let tickets = records("tickets", where: "t.id = ANY ($3)")

    private static func records(_ name: String, where condition: String) -> Statement<TicketRecord> {
        Statement<TicketRecord>(
            name,
            """
            SELECT ROW(\(TicketSQL.record))
              FROM tickets t
              \(TicketSQL.joinPolicy)
             WHERE \(condition)
            """
        ) { (row) throws(RowError) in try row.ticketRecord() }
    }
}

extension Statements {
    static let changeGround = Statement<ChangeGround>(
        "change_ground",
        """
        SELECT ROW(\(TicketSQL.record),
               CASE WHEN n.id IS NULL THEN r.id ELSE n.id END,
               CASE WHEN n.id IS NULL THEN r.plan ELSE n.plan END,
               CASE WHEN n.id IS NULL THEN r.auto_close_after_working_days ELSE n.auto_close_after_working_days END,
               CASE WHEN n.id IS NULL THEN r.responsible_contacts ELSE n.responsible_contacts END)
          FROM tickets t
          \(TicketSQL.joinPolicy)
          JOIN contracts r ON r.id = t.contract
          LEFT JOIN contracts n
            ON n.organization = t.organization AND n.product = t.product
           AND n.valid_from <= ($2::timestamptz AT TIME ZONE v.time_zone)::date
           AND (n.valid_to IS NULL OR n.valid_to >= ($2::timestamptz AT TIME ZONE v.time_zone)::date)
         WHERE t.id = $3
        """
    ) { (row) throws(RowError) in
        ChangeGround(record: try row.ticketRecord(), contract: try row.contractTerms())
    }
}

extension Statements {
    /// With the newest step that led here; a step that says the state without moving it is passed over.
    static let explanationGround = Statement<ExplanationGround>(
        "explanation_ground",
        """
        SELECT ROW(\(TicketSQL.record), o.at, o.clause)
          FROM tickets t
          \(TicketSQL.joinPolicy)
          JOIN LATERAL (
               SELECT e.at, e.clause FROM events e
                WHERE e.ticket = t.id AND e.to_state IS NOT NULL AND e.from_state IS DISTINCT FROM e.to_state
                ORDER BY e.seq DESC
                LIMIT 1) o ON true
         WHERE t.id = $3
        """
    ) { (row) throws(RowError) in
        ExplanationGround(
            record: try row.ticketRecord(),
            origin: StateOrigin(since: try row.instant(), clause: try row.optionalText()))
    }
}

extension Statements {
    static let organizationOfTicket = Statement<String>(
        "organization_of_ticket", "SELECT organization FROM tickets WHERE id = $1"
    ) { (row) throws(RowError) in try row.text() }

    static let otherTicket = Statement<OtherTicket>(
        "other_ticket", "SELECT \(OtherTicketSQL.columns("o")) FROM tickets o WHERE o.id = $1"
    ) { (row) throws(RowError) in try row.otherTicket() }
}

enum OtherTicketSQL {
    /// Where there is no ticket, no link is looked for: PostgreSQL would, in an index of all parts from end to end.
    static func columns(_ alias: String) -> String {
        """
        \(alias).id, \(alias).product, \(alias).organization, \(alias).state, \(alias).blocking,
               \(alias).id IS NOT NULL AND EXISTS (SELECT FROM links l WHERE l.ticket = \(alias).id AND l.type = 'part_of'),
               \(alias).id IS NOT NULL AND EXISTS (SELECT FROM links l WHERE l.other = \(alias).id AND l.type = 'part_of'),
               CASE WHEN \(alias).id IS NOT NULL
                    THEN (SELECT count(*) FROM (SELECT FROM links l WHERE l.other = \(alias).id LIMIT \(Linking.max)) n)::integer
                END
        """
    }
    static let columnCount = 8
}

extension Statements {
    /// $1 organization, $2 reporter, $3 product, $4 day, $5 follows, $6 part of, $7 prefix
    static let registrationGround = Statement<RegistrationGround>(
        "registration_ground",
        """
        SELECT ROW(EXISTS (SELECT FROM organizations WHERE code = $1),
               nextval((SELECT p.sequence FROM products p WHERE p.prefix = $7)::regclass),
               u.id, u.email, u.name, u.role, u.organization, u.active,
               c.id, c.plan, c.auto_close_after_working_days, c.responsible_contacts,
               \(OtherTicketSQL.columns("f")),
               \(OtherTicketSQL.columns("w")))
          FROM (SELECT) one
          LEFT JOIN users u ON u.id = $2
          LEFT JOIN contracts c
            ON c.organization = $1 AND c.product = $3 AND c.valid_from <= $4::date
           AND (c.valid_to IS NULL OR c.valid_to >= $4::date)
          LEFT JOIN tickets f ON f.id = $5
          LEFT JOIN tickets w ON w.id = $6
        """
    ) { (row) throws(RowError) in
        let organizationExists = try row.bool()
        let number = try row.int()
        let reporter = try row.nullable(6) { (row) throws(RowError) in try row.user() }
        let contract = try row.nullable(4) { (row) throws(RowError) in try row.contractTerms() }
        let follows = try row.nullable(OtherTicketSQL.columnCount) { (row) throws(RowError) in try row.otherTicket() }
        let partOf = try row.nullable(OtherTicketSQL.columnCount) { (row) throws(RowError) in try row.otherTicket() }
        return RegistrationGround(
            organizationExists: organizationExists, reporter: reporter, contract: contract, follows: follows,
            partOf: partOf, number: Int64(number))
    }
}

extension ResultRow {
    mutating func contractTerms() throws(RowError) -> ContractTerms {
        ContractTerms(
            id: try id(), plan: try optionalText(), autoCloseAfterWorkingDays: try optionalInt(),
            responsibleContacts: try ids())
    }

    mutating func otherTicket() throws(RowError) -> OtherTicket {
        OtherTicket(
            id: try parsed { TicketID($0) }, product: try text(), organization: try text(),
            state: try parsed { State(rawValue: $0) }, blocking: try bool(), isPart: try bool(), isWhole: try bool(),
            links: try int())
    }

    /// A joined row that may not be there: then its first column is null and all of them are passed.
    mutating func nullable<Value>(
        _ columns: Int, _ read: (inout ResultRow) throws(RowError) -> Value
    ) throws(RowError) -> Value? {
        guard nextIsNull else { return try read(&self) }
        for _ in 0..<columns { try skip() }
        return nil
    }
}
