public import Digests

/// A file on a ticket. What it says of itself (name, media type) comes from whoever sent it and is never trusted.
public struct Attachment: Sendable, Equatable {
    public var id: AttachmentID
    public var ticket: TicketID
    /// The ticket's; who may see the ticket may see the file.
    public var organization: String
    /// 1 to 255 Unicode scalars, no control characters; never a path to anything.
    public var filename: String
    /// Well-formed and normalised (RFC 9110, 8.3.1); nothing more is known of it.
    public var mediaType: String
    /// In bytes, at least 1.
    public var size: Int
    public var sha256: Digest

    /// The bytes lie in pieces of this size, the last one of the rest. Final: what is stored was cut so.
    public static let chunkBytes = 262_144

    /// 25 MiB.
    public static let bytesMax = 26_214_400

    public init(
        id: AttachmentID, ticket: TicketID, organization: String, filename: String, mediaType: String, size: Int,
        sha256: Digest
    ) {
        self.id = id
        self.ticket = ticket
        self.organization = organization
        self.filename = filename
        self.mediaType = mediaType
        self.size = size
        self.sha256 = sha256
    }

    /// What the event says of it; the event's own digest makes the history vouch for the bytes.
    var told: FieldValue {
        .record(["filename": filename, "id": id.text, "media_type": mediaType, "sha256": sha256.hex])
    }

    /// What the change that brought it became, as its event keeps it.
    public var toldText: String { told.canonicalText }
}

/// How much may be attached; nil: no bound.
public struct AttachmentQuota: Sendable, Equatable {
    /// Files on one ticket.
    public var perTicket: Int?
    /// Bytes on one ticket.
    public var perTicketBytes: Int?
    /// Bytes on all tickets of one organization.
    public var perOrganizationBytes: Int?

    public init(perTicket: Int? = nil, perTicketBytes: Int? = nil, perOrganizationBytes: Int? = nil) {
        self.perTicket = perTicket
        self.perTicketBytes = perTicketBytes
        self.perOrganizationBytes = perOrganizationBytes
    }

    /// Whether one more file of so many bytes fits.
    public func admits(_ size: Int, beside usage: AttachmentUsage) -> Bool {
        perTicket.map { usage.onTicket < $0 } ?? true
            && perTicketBytes.map { usage.onTicketBytes + size <= $0 } ?? true
            && perOrganizationBytes.map { usage.inOrganizationBytes + size <= $0 } ?? true
    }
}

/// How much is attached.
public struct AttachmentUsage: Sendable, Equatable {
    public var onTicket: Int
    public var onTicketBytes: Int
    public var inOrganizationBytes: Int

    public init(onTicket: Int, onTicketBytes: Int, inOrganizationBytes: Int) {
        self.onTicket = onTicket
        self.onTicketBytes = onTicketBytes
        self.inOrganizationBytes = inOrganizationBytes
    }
}
