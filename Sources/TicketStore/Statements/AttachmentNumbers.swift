import Digests
import Postgres
import Tickets

/// What a write does when it attaches a file: it takes the staged one over, if it is still there and fits.
///
/// The ticket's own bounds need no lock, since its row is guarded; the organization's needs one (see `write`).
struct AttachmentNumbers {
    private let id, organization, filename, mediaType, size, sha256, perTicket, perTicketBytes,
        perOrganizationBytes: String

    init(_ numbers: inout Numbers) {
        id = numbers.next("text")
        organization = numbers.next("text")
        filename = numbers.next("text")
        mediaType = numbers.next("text")
        size = numbers.next("bigint")
        sha256 = numbers.next("bytea")
        perTicket = numbers.next("bigint")
        perTicketBytes = numbers.next("bigint")
        perOrganizationBytes = numbers.next("bigint")
    }

    /// In the order of the numbers.
    static func parameters(_ change: Change) -> [Parameter] {
        guard let attachment = change.attachment else {
            preconditionFailure("an attaching statement attaches something")
        }
        var quota = AttachmentQuota()
        if case .room(let given) = change.condition { quota = given }
        return [
            .id(attachment.id), .text(attachment.organization), .text(attachment.filename),
            .text(attachment.mediaType), .integer(attachment.size), .bytes(attachment.sha256.bytes),
            .optional(quota.perTicket), .optional(quota.perTicketBytes), .optional(quota.perOrganizationBytes),
        ]
    }

    /// Locked, so that nobody sweeps it while it is attached.
    var uploadQuery: String {
        """
        upload AS MATERIALIZED (
            SELECT FROM uploads WHERE id = \(id) FOR UPDATE
        ), 
        """
    }

    func conditions(ticket: String) -> [String] {
        [
            "EXISTS (SELECT FROM upload)",
            "(\(perTicket) IS NULL OR (SELECT count(*) FROM attachments a WHERE a.ticket = \(ticket)) < \(perTicket))",
            """
            (\(perTicketBytes) IS NULL
                OR (SELECT coalesce(sum(a.size), 0) FROM attachments a WHERE a.ticket = \(ticket)) + \(size) <= \(perTicketBytes))
            """,
            """
            (\(perOrganizationBytes) IS NULL
                OR coalesce((SELECT t.bytes FROM attachment_totals t WHERE t.organization = \(organization)), 0) + \(size)
                   <= \(perOrganizationBytes))
            """,
        ]
    }

    func insertions(seq: String) -> String {
        """
        , attachment AS (
            INSERT INTO attachments (id, ticket, seq, organization, filename, media_type, size, sha256)
            SELECT \(id), id, \(seq), organization, \(filename), \(mediaType), \(size), \(sha256) FROM changed
        ), attached AS (
            DELETE FROM uploads WHERE id = \(id) AND EXISTS (SELECT FROM changed)
        )
        """
    }
}
