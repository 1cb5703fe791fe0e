import Digests
import Postgres
import TestKit
import Testing
import Tickets

@testable import TicketStore

/// Staging, sweeping, and what the roles of the database may not do.
@Suite struct AttachmentStoreTests {
    private static let chunks = "SELECT count(*) FROM attachment_chunks"

    /// Stages a file of one full piece and a rest.
    private static func stage(_ world: World, by user: User = .carol) async throws -> Tickets.Attachment {
        let id = AttachmentID.make()
        let pieces = [[UInt8](repeating: 1, count: Attachment.chunkBytes), [2, 3]]
        for (number, bytes) in pieces.enumerated() {
            try await world.store.stage(bytes, number: number, of: id, organization: "acme", World.access(user))
        }
        return Tickets.Attachment(
            id: id, ticket: TicketID(prefix: "SMARTIVR", number: 1), organization: "acme", filename: "a.bin",
            mediaType: "application/octet-stream", size: Attachment.chunkBytes + 2,
            sha256: Digest(of: pieces.flatMap(\.self)))
    }

    static func attach(_ world: World, by user: User = .carol) async throws -> Tickets.Attachment {
        let ticket = try await world.register()
        var attachment = try await stage(world, by: user)
        attachment.ticket = ticket.id
        try await world.take(
            .attach(attachment, AttachmentQuota(perOrganizationBytes: 1 << 30)), on: ticket.id, by: user)
        return attachment
    }

    @Test(arguments: [User.carol, .ada])
    func `what is staged becomes the ticket's whole, with its event, and is no upload any more`(user: User) async throws
    {
        try await World.with { world in
            let attachment = try await Self.attach(world, by: user)
            #expect(try await world.store.attachment(attachment.id, World.access(.carol)) == attachment)
            #expect(try await world.store.attachment(attachment.id, World.access(World.gina)) == nil)
            #expect(try await world.database.count("SELECT count(*) FROM uploads") == 0)
            let end = try await world.store.attachmentBytes(attachment.id, number: 1, offset: 1, count: 9, .staff)
            #expect(end == [3])
            let verification = try await world.store.verify { _ in }
            #expect(verification.breaks == [] && verification.attachments == 1)
            let usage = try await world.store.attachmentUsage(attachment.ticket, organization: "acme", .staff)
            let size = attachment.size
            #expect(usage == AttachmentUsage(onTicket: 1, onTicketBytes: size, inOrganizationBytes: size))
        }
    }

    @Test func `a sweep takes what nobody goes on with, and nothing else`() async throws {
        try await World.with { world in
            let kept = try await Self.attach(world)
            let left = try await Self.stage(world)
            let going = try await Self.stage(world)
            try await world.asSuperuser(
                "UPDATE uploads SET lease_until = now() - interval '1 s' WHERE id = '\(left.id)'")
            try await world.store.sweepUploads()
            #expect(try await world.database.count(Self.chunks) == 4)
            // It can neither be gone on with nor attached.
            await #expect(throws: StoreError.self) {
                try await world.store.stage([1], number: 2, of: left.id, organization: "acme", World.access(.carol))
            }
            try await expectFailure({
                try await world.take(.attach(left, AttachmentQuota()), on: kept.ticket, by: .carol)
            }) { if case .faster = $0 { true } else { false } }
            try await world.store.stage([4], number: 2, of: going.id, organization: "acme", World.access(.carol))
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `what is still going on is prolonged with each piece`() async throws {
        try await World.with { world in
            let going = try await Self.stage(world)
            try await world.asSuperuser("UPDATE uploads SET lease_until = now() - interval '1 s'")
            try await world.store.stage([4], number: 2, of: going.id, organization: "acme", World.access(.carol))
            try await world.store.sweepUploads()
            #expect(try await world.database.count(Self.chunks) == 3)
        }
    }

    @Test func `nobody discards what is attached, or another's upload`() async throws {
        try await World.with { world in
            let kept = try await Self.attach(world)
            let staged = try await Self.stage(world, by: .carol)
            await world.store.discard(staged.id, World.access(World.colin))
            await world.store.discard(staged.id, World.access(.ada))
            await world.store.discard(kept.id, World.access(.carol))
            #expect(try await world.database.count(Self.chunks) == 4)
            // Not even by making an upload up that bears its name.
            try await world.asSuperuser(
                """
                INSERT INTO uploads (id, organization, owner, lease_until)
                VALUES ('\(kept.id)', 'acme', '\(User.carol.id)', now() - interval '1 s')
                """)
            await world.store.discard(kept.id, World.access(.carol))
            try await world.store.sweepUploads()
            #expect(try await world.database.count(Self.chunks) == 4)
            await world.store.discard(staged.id, World.access(.carol))
            #expect(try await world.database.count(Self.chunks) == 2)
        }
    }

    /// What a superuser might do to an attachment, and a word of what is found.
    @Test(arguments: [
        ("UPDATE attachment_chunks SET bytes = '\\x0909' WHERE number = 1", "SHA-256"),
        ("DELETE FROM attachment_chunks WHERE number = 0", "missing"),
        ("DELETE FROM attachment_chunks WHERE number = 1", "its size"),
        ("UPDATE attachment_chunks SET bytes = substr(bytes, 2) WHERE number = 0", "cut wrong"),
        ("UPDATE attachment_chunks SET organization = 'globex'", "another organization"),
        ("UPDATE attachments SET organization = 'globex'", "another organization"),
        ("UPDATE attachments SET filename = 'other'", "its event tells"),
        ("UPDATE attachments SET sha256 = sha256('x')", "its event tells"),
        ("UPDATE attachments SET size = 7", "its size"),
        ("DELETE FROM attachments", "belong to nothing"),
        ("UPDATE attachments SET seq = 1", "brought by no event"),
        ("UPDATE attachment_totals SET bytes = 7", "7 attached bytes of acme are told of"),
        ("DELETE FROM attachment_totals", "0 attached bytes of acme are told of"),
    ])
    func `whatever a superuser changes of an attachment is found`(sql: String, word: String) async throws {
        try await World.with { world in
            _ = try await Self.attach(world)
            #expect(try await world.store.verify { _ in }.breaks == [])
            try await world.asSuperuser("SET session_replication_role = replica; \(sql)")
            let breaks = try await world.store.verify { _ in }.breaks
            #expect(breaks.contains { $0.contains(word) }, "\(breaks)")
        }
    }

    /// What is done to the attachments of acme and globex, past the application.
    @Test(arguments: [
        "SELECT", "UPDATE attachments SET size = size + 5", "UPDATE attachments SET filename = 'x', size = 0",
        "UPDATE attachments SET organization = 'globex'", "UPDATE attachments SET organization = 'acme', size = 3",
        "DELETE FROM attachments", "DELETE FROM attachments WHERE organization = 'acme'",
        """
        INSERT INTO attachments
        SELECT left(id, 2) || reverse(substr(id, 3)), ticket, 1, organization, filename, media_type, 9, sha256 FROM attachments
        """,
        "SELECT erase_texts(ticket, NULL, true) FROM attachments",
        "SET session_replication_role = replica; DELETE FROM attachments; SELECT recount_attachments()",
    ])
    func `what an organization has attached is known, whatever becomes of it`(sql: String) async throws {
        try await World.with { world in
            for _ in 0..<2 { _ = try await Self.attach(world) }
            let theirs = try await Self.attach(world)
            try await world.asSuperuser("UPDATE attachments SET organization = 'globex' WHERE id = '\(theirs.id)'")
            try await world.asSuperuser(sql)
            for organization in ["acme", "globex", "initech"] {
                let counted = try await world.database.count(
                    "SELECT coalesce(sum(size), 0)::bigint FROM attachments WHERE organization = '\(organization)'")
                let usage = try await world.store.attachmentUsage(theirs.ticket, organization: organization, .staff)
                #expect(usage.inOrganizationBytes == counted, "\(organization)")
            }
            let breaks = try await world.store.verify { _ in }.breaks
            #expect(!breaks.contains { $0.hasPrefix("counts: ") }, "\(breaks)")
        }
    }

    /// What an organization has was added up twice for each upload, once before those who read tickets.
    @Test(arguments: [User.carol, .ada])
    func `the quota looks at what was added up, and at no files`(user: User) async throws {
        try await World.with { world in
            let kept = try await Self.attach(world)
            let quota = AttachmentQuota(perOrganizationBytes: 1 << 30)
            for (bytes, isFull) in [(quota.perOrganizationBytes ?? 0, true), (0, false)] {
                try await world.asSuperuser("UPDATE attachment_totals SET bytes = \(bytes)")
                let usage = try await world.store.attachmentUsage(
                    kept.ticket, organization: "acme", World.access(user))
                #expect(usage.inOrganizationBytes == bytes)
                var next = try await Self.stage(world, by: user)
                next.ticket = kept.ticket
                do {
                    try await world.take(.attach(next, quota), on: kept.ticket, by: user)
                    #expect(!isFull)
                } catch StoreError.faster { #expect(isFull) }
            }
        }
    }

    @Test(arguments: ["attachments", "attachment_chunks", "attachment_totals", "uploads"])
    func `row-level security alone keeps organizations apart`(table: String) async throws {
        try await World.with { world in
            _ = try await Self.attach(world)
            _ = try await Self.stage(world)
            func count(_ organization: String, _ user: User) async throws -> Int {
                let lane = Lane(
                    loop: world.loop, connectionString: world.database.ownerURL,
                    options: .single("rls", role: Roles.customer))
                let statement = Statement<Int>("n", "SELECT count(*)::integer FROM \(table)") {
                    (row) throws(RowError) in try row.int()
                }
                let context: [Parameter] = [.text(organization), .text(user.id.text)]
                let rows = try await lane.run(Context.read, context, then: statement, []).1
                await lane.close()
                return rows.first ?? -1
            }
            #expect(try await count("acme", .carol) > 0)
            #expect(try await count("globex", World.gina) == 0)
            let colleague = try await count("acme", World.colin)
            #expect((colleague == 0) == (table == "uploads"))
        }
    }

    @Test(arguments: [
        ("UPDATE attachments SET filename = 'x'", Roles.staff), ("DELETE FROM attachments", Roles.staff),
        ("UPDATE attachment_chunks SET bytes = 'x'", Roles.staff), ("DELETE FROM attachment_chunks", Roles.staff),
        ("DELETE FROM attachments", Roles.customer), ("DELETE FROM attachment_chunks", Roles.customer),
        ("UPDATE uploads SET owner = 'x'", Roles.staff), ("SELECT sweep_uploads()", Roles.customer),
        ("TRUNCATE attachment_chunks", Roles.staff), ("UPDATE attachment_totals SET bytes = 0", Roles.staff),
        ("DELETE FROM attachment_totals", Roles.customer),
    ])
    func `neither role may change or remove what is attached`(sql: String, role: String) async throws {
        try await World.with { world in
            _ = await #expect(throws: (any Error).self) { try await world.asSuperuser("SET ROLE \(role); \(sql)") }
        }
    }
}
