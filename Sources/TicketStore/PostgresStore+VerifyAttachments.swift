import Digests
import Postgres
import Tickets

/// One piece of an attachment, without its bytes.
struct ChunkRow: Sendable {
    let number: Int
    let organization: String
    let size: Int
}

extension PostgresStore {
    /// Whether an attachment's bytes are all there, cut as they should be, and the ones that were sent.
    static func breaks(of attachment: Attachment, on connection: Connection) async throws -> [String] {
        let chunks = try await connection.run(Statements.attachmentChunks, [.id(attachment.id)])
        var found: [String] = []
        if chunks.map(\.number) != Array(chunks.indices) { found.append("pieces are missing") }
        if chunks.dropLast().contains(where: { $0.size != Attachment.chunkBytes }) {
            found.append("a piece is cut wrong")
        }
        if chunks.contains(where: { $0.organization != attachment.organization }) {
            found.append("a piece is kept for another organization")
        }
        if chunks.reduce(0, { $0 + $1.size }) != attachment.size { found.append("its size is not that of its pieces") }
        var hasher = SHA256()
        for chunk in chunks {
            let whole: [Parameter] = [.id(attachment.id), .integer(chunk.number), .integer(1), .integer(chunk.size)]
            for bytes in try await connection.run(Statements.attachmentBytes, whole) { hasher.update(bytes) }
        }
        if hasher.finish() != attachment.sha256 { found.append("its bytes do not have its SHA-256") }
        return found.map { "\(attachment.ticket): \(attachment.id): \($0)" }
    }
}

extension Statements {
    static let attachmentChunks = Statement<ChunkRow>(
        "attachment_chunks",
        "SELECT number, organization, length(bytes) FROM attachment_chunks WHERE attachment = $1 ORDER BY number"
    ) { (row) throws(RowError) in
        ChunkRow(number: try row.int(), organization: try row.text(), size: try row.int())
    }

    /// Bytes that belong to nothing: neither attached nor on their way.
    static let strayChunks = Statement<String>(
        "stray_chunks",
        """
        SELECT DISTINCT 'pieces of ' || c.attachment || ' belong to nothing'
          FROM attachment_chunks c
         WHERE NOT EXISTS (SELECT FROM attachments a WHERE a.id = c.attachment)
           AND NOT EXISTS (SELECT FROM uploads u WHERE u.id = c.attachment)
        """
    ) { (row) throws(RowError) in try row.text() }
}
