import Digests
import Postgres
import Regulations
public import Tickets

/// What `verify` found.
public struct Verification: Sendable, Equatable {
    public var tickets = 0
    public var events = 0
    public var attachments = 0
    /// One sentence each, the ticket first.
    public var breaks: [String] = []
}

extension PostgresStore {
    /// Walks every ticket's history: the hash chain, the fingerprints of the values, and what must hold between the
    /// events and the ticket. `found` is told each sentence of `breaks` as it is found.
    ///
    /// On a connection of its own, with as much time as it takes. What belongs to some tickets is read as of one moment, so that nobody
    /// has to stop writing for it.
    public func verify(
        found: @escaping @Sendable (String) -> Void = { _ in }, progress: @Sendable (Int) -> Void
    ) async throws(StoreError) -> Verification {
        do {
            return try await Lane.withConnection(
                of: "reglament verify", to: connections.url, role: connections.staffRole, on: loop
            ) { try await Self.verify(on: $0, found, progress) }
        } catch let error as PostgresError { throw StoreError(error) } catch { throw .unexpected("\(error)") }
    }

    private static func verify(
        on connection: Connection, _ found: (String) -> Void, _ progress: (Int) -> Void
    ) async throws -> Verification {
        var result = Verification()
        func note(_ sentences: [String]) {
            result.breaks += sentences
            sentences.forEach(found)
        }
        var after = ""
        while true {
            try await connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let tickets = try await connection.run(Statements.ticketsToVerify, [.text(after), 200])
            let those: [Parameter] = [.texts(tickets.map(\.id.description))]
            let events = try await connection.run(Statements.eventsOf, those)
            let eventsByTicket = Dictionary(grouping: events, by: \.event.ticket)
            let comments = try await connection.run(Statements.commentsOf, those)
            let commentsByTicket = Dictionary(grouping: comments, by: \.ticket)
            let attachments = try await connection.run(Statements.attachmentsOf, those)
            let attachmentsByTicket = Dictionary(grouping: attachments, by: \.attachment.ticket)
            for ticket in tickets {
                let check = HistoryCheck(
                    ticket: ticket, events: eventsByTicket[ticket.id] ?? [],
                    comments: commentsByTicket[ticket.id] ?? [],
                    attachments: attachmentsByTicket[ticket.id] ?? [])
                note(check.breaks())
            }
            for row in attachments { note(try await breaks(of: row.attachment, on: connection)) }
            try await connection.rollback()
            result.attachments += attachments.count
            result.tickets += tickets.count
            result.events += events.count
            progress(result.tickets)
            guard tickets.count == 200, let last = tickets.last else { break }
            after = last.id.description
        }
        for statement in [
            Statements.strayRows, Statements.mislabelledRows, Statements.strayFeed, Statements.strayChunks,
            Statements.wrongCounts,
        ] {
            note(try await connection.run(statement))
        }
        return result
    }
}

/// One ticket's history against itself.
struct HistoryCheck {
    let ticket: Ticket
    /// In the order of their numbers.
    let events: [EventRecord]
    let comments: [Comment]
    let attachments: [AttachmentRow]

    func breaks() -> [String] {
        var found: [String] = []
        var previous = HashChain.root(of: ticket.id)
        var state: State?
        var version = 0
        for (index, record) in events.enumerated() {
            let event = record.event
            if event.seq != index + 1 { found.append("event \(event.seq) stands where \(index + 1) is due") }
            let hash = HashChain.hash(
                previous: previous, seq: event.seq, at: event.at, actor: event.actor.id, action: event.action,
                clause: event.clause, from: event.from, to: event.to, digests: event.digests)
            if hash != event.hash { found.append("event \(event.seq) does not have the hash of what it says") }
            previous = event.hash.hex
            found += values(of: record)
            if let from = event.from, from != state { found.append("event \(event.seq) leaves a state that was not") }
            state = event.to ?? state
            if !event.isInternal { version += 1 }
        }
        if events.count != ticket.eventSeq { found.append("\(events.count) events instead of \(ticket.eventSeq)") }
        if events.last?.event.hash != ticket.eventHash { found.append("the last hash is not the ticket's") }
        if state != ticket.state { found.append("the events end in another state") }
        if version != ticket.version { found.append("version \(ticket.version) after \(version) public changes") }
        let said = events.filter { $0.event.comment != nil }.count
        if said != comments.count { found.append("\(comments.count) comments for \(said) events that brought one") }
        let attached = events.filter { $0.event.action == .attach }.count
        if attached != attachments.count {
            found.append("\(attachments.count) attachments for \(attached) events that brought one")
        }
        found += attachments.compactMap(fault)
        return found.map { "\(ticket.id): \($0)" }
    }

    /// What the event tells of a file, unless that was erased, is what is kept of it.
    private func fault(_ row: AttachmentRow) -> String? {
        guard let event = events.first(where: { $0.event.seq == row.seq })?.event, event.action == .attach else {
            return "\(row.attachment.id) was brought by no event"
        }
        guard let told = event.changes.first(where: { $0.field == "attachment" })?.to else { return nil }
        return told == row.attachment.toldText ? nil : "\(row.attachment.id) is not the file that its event tells of"
    }

    /// Every value that is still there has the fingerprint that its event keeps.
    private func values(of record: EventRecord) -> [String] {
        var given: [String: Digest] = [:]
        for change in record.event.changes { given[change.field] = change.digest }
        if let comment = comments.first(where: { $0.id == record.event.comment }), let salt = comment.salt {
            given["comment"] = HashChain.digest(of: comment.body, salt: salt)
        }
        if record.event.seq == 1, let salt = ticket.descriptionSalt {
            given["description"] = HashChain.digest(of: ticket.description, salt: salt)
        }
        let digests = Dictionary(
            record.event.digests.map { ($0.name, $0.digest) }, uniquingKeysWith: { first, _ in first })
        return given.sorted { $0.key < $1.key }.compactMap { name, digest in
            digest == digests[name]
                ? nil : "event \(record.event.seq): the value of \(name) is not the one that was written"
        }
    }
}

extension Statements {
    static let ticketsToVerify = Statement<Ticket>(
        "tickets_to_verify",
        "SELECT \(TicketColumn.list(of: "t")) FROM tickets t WHERE t.id > $1 ORDER BY t.id LIMIT $2"
    ) { (row) throws(RowError) in try row.ticket() }

    static let eventsOf = Statement<EventRecord>(
        "events_of", "\(eventColumns) WHERE e.ticket = ANY ($1) ORDER BY e.ticket, e.seq"
    ) { (row) throws(RowError) in try row.eventRecord() }

    static let commentsOf = Statement<Comment>(
        "comments_of",
        """
        SELECT c.id, c.ticket, c.body, c.internal, c.author, p.name, c.author_role, c.at, c.salt
          FROM comments c
          LEFT JOIN people p ON p.id = c.author
         WHERE c.ticket = ANY ($1)
         ORDER BY c.ticket, c.seq
        """
    ) { (row) throws(RowError) in
        Comment(
            id: try row.id(), ticket: try row.parsed { TicketID($0) }, body: try row.text(),
            isInternal: try row.bool(), author: try row.actor(), at: try row.instant(), salt: try row.optionalText())
    }

    /// What no single ticket shows.
    static let strayRows = Statement<String>(
        "stray_rows",
        """
        SELECT l.ticket || ': linked to ' || l.other || ' of another organization'
          FROM links l
          JOIN tickets a ON a.id = l.ticket
          JOIN tickets b ON b.id = l.other
         WHERE a.organization <> b.organization OR l.organization <> a.organization
        UNION ALL
        SELECT l.ticket || ': part of ' || l.other || ', which is itself a part'
          FROM links l
          JOIN links w ON w.ticket = l.other AND w.type = 'part_of'
         WHERE l.type = 'part_of'
        UNION ALL
        SELECT e.ticket || ': event ' || e.seq || ' is kept for another organization'
          FROM events e
          JOIN tickets t ON t.id = e.ticket
         WHERE e.organization <> t.organization
        UNION ALL
        SELECT t.id || ': called by another number than ' || t.number
          FROM tickets t
          JOIN products p ON p.code = t.product
         WHERE t.id <> p.prefix || '-' || t.number
        UNION ALL
        SELECT t.id || ': its words cannot be searched for'
          FROM tickets t
          LEFT JOIN ticket_search s ON s.ticket = t.id
         WHERE s.organization IS DISTINCT FROM t.organization
        UNION ALL
        SELECT a.ticket || ': ' || a.id || ' is kept for another organization'
          FROM attachments a
          JOIN tickets t ON t.id = a.ticket
         WHERE a.organization <> t.organization
        UNION ALL
        SELECT 'follow-up ' || id || ' is not finished' FROM follow_ups
         WHERE finished_at IS NULL AND started_at < clock_timestamp() - interval '2 minutes'
        """
    ) { (row) throws(RowError) in try row.text() }
}

extension Statements {
    /// What the hash does not cover: who may see an event, the digits of its time that nobody is shown, and what a
    /// comment repeats of its event.
    static let mislabelledRows = Statement<String>(
        "mislabelled_rows",
        """
        SELECT ticket || ': event ' || seq || ' is not as it was written'
          FROM events
         WHERE internal <> (action = 'comment_internal') OR at <> date_trunc('milliseconds', at)
        UNION ALL
        SELECT c.ticket || ': ' || c.id || ' is not as its event says'
          FROM comments c
          JOIN events e ON e.ticket = c.ticket AND e.seq = c.seq
         WHERE (c.id, c.author, c.author_role, c.at, c.internal, c.organization)
               IS DISTINCT FROM (e.comment_id, e.actor, e.actor_role, e.at, e.internal, e.organization)
        """
    ) { (row) throws(RowError) in try row.text() }
}

extension Statements {
    /// What is wrong with the feed: every event has one place in it or waits for one, every place has an event, places have
    /// no gaps, and the events of a ticket stand in their own order.
    static let strayFeed = Statement<String>(
        "stray_feed",
        """
        SELECT 'feed: ' || n || ' places up to ' || last || ' are taken'
          FROM (SELECT count(*) AS n, coalesce(max(feed_seq), 0) AS last FROM feed) f
         WHERE n <> last
        UNION ALL
        SELECT e.ticket || ': event ' || e.seq || ' is neither in the feed nor on its way there'
          FROM events e
         WHERE NOT EXISTS (SELECT FROM feed f WHERE f.ticket = e.ticket AND f.seq = e.seq)
           AND NOT EXISTS (SELECT FROM feed_pending p WHERE p.ticket = e.ticket AND p.seq = e.seq)
        UNION ALL
        SELECT f.ticket || ': place ' || f.feed_seq || ' of the feed is of no event'
          FROM feed f
         WHERE NOT EXISTS (SELECT FROM events e WHERE e.ticket = f.ticket AND e.seq = f.seq)
        UNION ALL
        SELECT ticket || ': event ' || seq || ' stands in the feed before an earlier one'
          FROM (SELECT ticket, seq, feed_seq < lag(feed_seq) OVER (PARTITION BY ticket ORDER BY seq) AS is_early FROM feed) f
         WHERE is_early
        """
    ) { (row) throws(RowError) in try row.text() }
}

extension Statements {
    /// Counts that are not what counting anew gives: of tickets, and of the bytes that are attached to them.
    static let wrongCounts = Statement<String>(
        "wrong_counts",
        """
        SELECT format('counts: %s tickets of %s, %s, %s are told of, and there are %s',
                      coalesce(told.tickets, 0), product, state, priority, coalesce(found.n, 0))
          FROM current_ticket_counts told
          FULL JOIN (SELECT product, state, priority, count(*) AS n FROM tickets GROUP BY product, state, priority) found
         USING (product, state, priority)
         WHERE coalesce(told.tickets, 0) <> coalesce(found.n, 0)
        UNION ALL
        SELECT format('counts: %s open tickets of the assignee "%s" are told of, and there are %s',
                      coalesce(told.tickets, 0), assignee, coalesce(found.n, 0))
          FROM current_assignee_counts told
          FULL JOIN (SELECT a.assignee, count(*) AS n
                       FROM tickets, unnest(CASE assignees WHEN '{}' THEN '{""}' ELSE assignees END) AS a (assignee)
                      WHERE state <> 'closed' GROUP BY a.assignee) found
         USING (assignee)
         WHERE coalesce(told.tickets, 0) <> coalesce(found.n, 0)
        UNION ALL
        SELECT format('counts: %s open tickets due on %s are told of, and there are %s',
                      coalesce(told.tickets, 0), day, coalesce(found.n, 0))
          FROM current_due_counts told
          FULL JOIN (SELECT (due_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n
                       FROM tickets WHERE state <> 'closed' AND due_at IS NOT NULL GROUP BY 1) found
         USING (day)
         WHERE coalesce(told.tickets, 0) <> coalesce(found.n, 0)
        UNION ALL
        SELECT format('counts: %s attached bytes of %s are told of, and there are %s',
                      coalesce(told.bytes, 0), organization, coalesce(found.n, 0))
          FROM attachment_totals told
          FULL JOIN (SELECT organization, sum(size) AS n FROM attachments GROUP BY organization) found
         USING (organization)
         WHERE coalesce(told.bytes, 0) <> coalesce(found.n, 0)
        """
    ) { (row) throws(RowError) in try row.text() }
}
