import Postgres
public import Tickets

extension PostgresStore {
    public func stage(
        _ bytes: [UInt8], number: Int, of id: AttachmentID, organization: String, _ access: Access
    ) async throws(StoreError) {
        guard let owner = access.user else { throw .unexpected("nobody stages an attachment") }
        let staged =
            number == 0
            ? try await bulk(
                access, Statements.stageFirst, [.id(id), .text(organization), .id(owner), .bytes(bytes)])
            : try await bulk(access, Statements.stageNext, [.id(id), .integer(number), .bytes(bytes)])
        // Its lease ran out, which takes a client that sends next to nothing for a quarter of an hour.
        guard staged.first == 1 else { throw .unavailable("the upload was swept away while it came") }
    }

    public func discard(_ id: AttachmentID, _ access: Access) async {
        do {
            _ = try await lanes(access).bulk.run(
                Context.read, Self.whom(access), then: Statements.discardUpload, [.id(id)])
        } catch {
            // The sweeper finds it when its lease is over.
        }
    }

    /// Removes what was staged and left behind, by this process or another that was killed. Called now and then.
    public func sweepUploads() async throws(StoreError) {
        do {
            while try await connections.staff.bulk.run(Statements.sweepUploads, []).first ?? 0 > 0 {}
        } catch { throw StoreError(error) }
    }

    public func attachmentUsage(
        _ ticket: TicketID, organization: String, _ access: Access
    ) async throws(StoreError) -> AttachmentUsage {
        let rows = try await read(
            access.withoutKey, Statements.attachmentUsage, [.text(ticket.description), .text(organization)])
        guard let usage = rows.first else { throw .unexpected("a sum is always one row") }
        return usage
    }

    public func attachment(_ id: AttachmentID, _ access: Access) async throws(StoreError) -> Attachment? {
        let row = try await read(access, Statements.attachment, [.id(id)]).first
        return row.flatMap { sees(access, $0.attachment.organization) ? $0.attachment : nil }
    }

    public func attachments(
        _ ticket: TicketID, _ page: PageRequest, _ access: Access
    ) async throws(StoreError) -> Page<Attachment>? {
        let after = page.after?.first.flatMap { Int($0) } ?? 0
        let rows = try await readOf(
            ticket, access, Statements.attachments,
            [.text(ticket.description), .integer(after), .integer(page.limit + 1)])
        return rows.map { page.cut($0) { ["\($0.seq)"] }.map(\.attachment) }
    }

    public func attachmentBytes(
        _ id: AttachmentID, number: Int, offset: Int, count: Int, _ access: Access
    ) async throws(StoreError) -> [UInt8] {
        let rows = try await bulk(
            access, Statements.attachmentBytes,
            [.id(id), .integer(number), .integer(offset + 1), .integer(count)])
        guard let bytes = rows.first else { throw .unexpected("piece \(number) of \(id) is missing") }
        return bytes
    }

    /// One short statement: no connection is held while a client takes its time.
    private func bulk<Row: Sendable>(
        _ access: Access, _ statement: Statement<Row>, _ parameters: [Parameter]
    ) async throws(StoreError) -> [Row] {
        let lane = lanes(access).bulk
        do {
            if access.scope == .staff { return try await lane.run(statement, parameters) }
            return try await lane.run(Context.read, Self.whom(access), then: statement, parameters).1
        } catch { throw StoreError(error) }
    }
}

struct AttachmentRow: Sendable {
    let seq: Int
    let attachment: Attachment
}

extension ResultRow {
    fileprivate mutating func attachment() throws(RowError) -> AttachmentRow {
        AttachmentRow(
            seq: try int(),
            attachment: Attachment(
                id: try id(), ticket: try parsed { TicketID($0) }, organization: try text(),
                filename: try text(), mediaType: try text(), size: try int(), sha256: try digest()))
    }
}

extension Statements {
    private static let attachmentColumns =
        "SELECT a.seq, a.id, a.ticket, a.organization, a.filename, a.media_type, a.size, a.sha256 FROM attachments a"

    /// $1 id, $2 organization, $3 owner, $4 bytes
    static let stageFirst = Statement<Int>(
        "stage_first",
        """
        WITH upload AS (
            INSERT INTO uploads (id, organization, owner) VALUES ($1, $2, $3) RETURNING id, organization
        ), chunk AS (
            INSERT INTO attachment_chunks (attachment, number, organization, bytes)
            SELECT id, 0, organization, $4 FROM upload
        )
        SELECT count(*)::integer FROM upload
        """
    ) { (row) throws(RowError) in try row.int() }

    /// $1 id, $2 number, $3 bytes
    static let stageNext = Statement<Int>(
        "stage_next",
        """
        WITH upload AS (
            UPDATE uploads SET lease_until = clock_timestamp() + interval '15 minutes' WHERE id = $1
            RETURNING id, organization
        ), chunk AS (
            INSERT INTO attachment_chunks (attachment, number, organization, bytes)
            SELECT id, $2, organization, $3 FROM upload
        )
        SELECT count(*)::integer FROM upload
        """
    ) { (row) throws(RowError) in try row.int() }

    static let discardUpload = Statement<Void>("discard_upload", "SELECT discard_upload($1)")

    static let sweepUploads = Statement<Int>("sweep_uploads", "SELECT sweep_uploads()") {
        (row) throws(RowError) in try row.int()
    }

    /// $1 ticket, $2 organization
    static let attachmentUsage = Statement<AttachmentUsage>(
        "attachment_usage",
        """
        SELECT count(*), coalesce(sum(a.size), 0)::bigint,
               coalesce((SELECT t.bytes FROM attachment_totals t WHERE t.organization = $2), 0)
          FROM attachments a
         WHERE a.ticket = $1
        """
    ) { (row) throws(RowError) in
        AttachmentUsage(onTicket: try row.int(), onTicketBytes: try row.int(), inOrganizationBytes: try row.int())
    }

    /// None when it was erased: then it has no bytes.
    static let attachment = Statement<AttachmentRow>(
        "attachment", "\(attachmentColumns) WHERE a.id = $1 AND a.size > 0"
    ) { (row) throws(RowError) in try row.attachment() }

    /// $1 ticket, $2 after, $3 limit
    static let attachments = Statement<AttachmentRow>(
        "attachments", "\(attachmentColumns) WHERE a.ticket = $1 AND a.seq > $2::bigint ORDER BY a.seq LIMIT $3"
    ) { (row) throws(RowError) in try row.attachment() }

    /// $1 id, $2 number, $3 from (1 is the first byte), $4 count
    static let attachmentBytes = Statement<[UInt8]>(
        "attachment_bytes",
        "SELECT substring(bytes FROM $3 FOR $4) FROM attachment_chunks WHERE attachment = $1 AND number = $2"
    ) { (row) throws(RowError) in try row.bytes() }

    static let attachmentsOf = Statement<AttachmentRow>(
        "attachments_of", "\(attachmentColumns) WHERE a.ticket = ANY ($1) ORDER BY a.ticket, a.seq"
    ) { (row) throws(RowError) in try row.attachment() }
}
