/// Where the bytes of attachments are kept.
///
/// A file comes piece by piece, each written at once and by itself (*staged*); the change that attaches it makes it
/// visible. What is staged and never attached is discarded, at the latest when its lease is over.
public protocol AttachmentStoring: Sendable {
    /// Keeps one piece and prolongs the file's lease. Pieces come in order, from 0, each of `Attachment.chunkBytes` but
    /// the last. `id` is new; `organization` is the ticket's.
    func stage(
        _ bytes: [UInt8], number: Int, of id: AttachmentID, organization: String, _ access: Access
    ) async throws(StoreError)
    /// Removes what the caller staged under `id`, unless it has been attached. What fails is left to the lease.
    func discard(_ id: AttachmentID, _ access: Access) async
    func attachmentUsage(
        _ ticket: TicketID, organization: String, _ access: Access
    ) async throws(StoreError) -> AttachmentUsage
    /// Nil: there is none that this caller may see.
    func attachment(_ id: AttachmentID, _ access: Access) async throws(StoreError) -> Attachment?
    /// Oldest first. Nil: there is no such ticket that this caller may see.
    func attachments(
        _ ticket: TicketID, _ page: PageRequest, _ access: Access
    ) async throws(StoreError) -> Page<Attachment>?
    /// Bytes out of one piece, from `offset` in it; fewer than `count` where it ends.
    func attachmentBytes(
        _ id: AttachmentID, number: Int, offset: Int, count: Int, _ access: Access
    ) async throws(StoreError) -> [UInt8]
}
