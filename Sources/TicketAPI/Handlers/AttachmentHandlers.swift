import Digests
import HTTPWire
import JSONText
import Regulations
import Tickets

/// Files on tickets: attaching them, listing them, getting their bytes.
extension API {
    /// The checks of an attachment before its body: what will be attached if the bytes come, without their size and
    /// digest.
    func admitAttachment(_ exchange: Exchange, _ mediaType: String) async throws -> Attachment {
        let ground = try await admit(exchange, .attach)
        let ticket = ground.record.ticket
        var input = exchange.input()
        let filename = input.query.filename()
        let length = exchange.request.body.declaredLength
        if length == 0 { input.fault(.empty, at: "") }
        try input.finish()
        try await checkQuota(length ?? 1, on: ticket, exchange)
        return Attachment(
            id: .make(), ticket: ticket.id, organization: ticket.organization, filename: filename ?? "",
            mediaType: mediaType, size: 0, sha256: Digest(of: ""))
    }

    private func checkQuota(_ size: Int, on ticket: Ticket, _ exchange: Exchange) async throws {
        guard attachmentQuota != AttachmentQuota() else { return }
        let usage = try await store.attachmentUsage(ticket.id, organization: ticket.organization, exchange.access)
        guard attachmentQuota.admits(size, beside: usage) else { throw Problem(.quotaExceeded) }
    }

    /// Makes a file that lies staged the ticket's own.
    func addAttachment(_ exchange: Exchange) async throws -> Answer {
        guard let upload = exchange.upload else { preconditionFailure("the body was received before") }
        do {
            return try await change(exchange, .attach) { ground, _ in
                switch upload.outcome {
                case .refused(let error): throw error
                // What was kept under the key a moment ago is too old by now.
                case .known: throw Problem(.overloaded)
                case .staged(let attachment):
                    try await self.checkQuota(attachment.size, on: ground.record.ticket, exchange)
                    var plan = Plan(.attach(attachment, self.attachmentQuota))
                    plan.answer = .attachment
                    return plan
                }
            }
        } catch {
            if case .staged(let attachment) = upload.outcome { await store.discard(attachment.id, exchange.access) }
            throw error
        }
    }

    func listAttachments(_ exchange: Exchange) async throws -> Answer {
        try await listOfTicket(exchange, store.attachments) { AttachmentBody($0) }
    }

    /// The bytes, or a part of them. The conditions come in the order of RFC 9110, 13.2.2.
    func readAttachment(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        guard let id = AttachmentID(exchange.arguments[0]),
            let attachment = try await store.attachment(id, exchange.access)
        else { throw Problem(.notFound) }
        var input = exchange.input()
        try input.finish()
        let fields = exchange.request.fields
        let etag = "\"\(attachment.sha256.hex)\""
        let ifMatch = fields.values("if-match")
        if !ifMatch.isEmpty && !EntityTag.matches(ifMatch, etag) { throw Problem(.staleVersion) }
        var answer = Answer(status: 200, contentType: attachment.mediaType, language: nil, body: [])
        answer.etag = etag
        answer.freshness = .file
        if EntityTag.names(fields.values("if-none-match"), etag) {
            answer.status = 304
            answer.contentType = nil
            return answer
        }
        let range = try API.range(exchange.request, attachment, etag)
        answer.fields = API.inert + [("Content-Disposition", ContentDisposition.attachment(attachment.filename))]
        var bytes = 0..<attachment.size
        if case .part(let part) = range {
            answer.status = 206
            answer.fields.append(
                ("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(attachment.size)"))
            bytes = part
        }
        answer.stream = try stream(bytes, of: attachment, exchange)
        return answer
    }

    /// Whatever the bytes are and whatever they are said to be, no browser does anything with them but save them.
    private static let inert: [(name: String, value: String)] = [
        ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "sandbox; default-src 'none'"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    /// A range is for GET alone (RFC 9110, 14.2), and under `If-Range` for the very bytes that it names (13.1.5).
    private static func range(
        _ request: Request, _ attachment: Attachment, _ etag: String
    ) throws(Problem) -> ByteRange {
        let condition = request.fields.values("if-range")
        let isOfThese = condition.isEmpty || condition.count == 1 && condition[0].hasSameBytes(as: etag)
        guard request.method == "GET", isOfThese else { return .whole }
        let range = ByteRange(request.fields.values("range"), size: attachment.size)
        if range == .unsatisfiable {
            var problem = Problem(.rangeNotSatisfiable, ["size": "\(attachment.size)"])
            problem.fields = [("Content-Range", "bytes */\(attachment.size)"), ("Accept-Ranges", "bytes")]
            throw problem
        }
        return range
    }

    private func stream(
        _ bytes: Range<Int>, of attachment: Attachment, _ exchange: Exchange
    ) throws(Problem) -> ResponseBody {
        // HEAD pulls nothing.
        if exchange.request.method == "HEAD" { return .stream(length: bytes.count) { nil } }
        let download = Download(
            id: attachment.id, bytes: bytes, store: store, access: exchange.access,
            transfer: try transfers.begin(exchange.caller.id))
        return .stream(length: bytes.count) { try await download.next() }
    }
}

/// The bytes of an attachment on their way to a client, a piece at a time.
///
/// Unchecked: one connection pulls it, one piece after the other, on its loop.
private final class Download: @unchecked Sendable {
    private let id: AttachmentID
    private var rest: Range<Int>
    private let store: any Store
    private let access: Access
    private let transfer: Transfers.Transfer

    init(id: AttachmentID, bytes: Range<Int>, store: any Store, access: Access, transfer: Transfers.Transfer) {
        self.id = id
        rest = bytes
        self.store = store
        self.access = access
        self.transfer = transfer
    }

    func next() async throws(StoreError) -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        let (number, offset) = rest.lowerBound.quotientAndRemainder(dividingBy: Attachment.chunkBytes)
        let count = min(rest.count, Attachment.chunkBytes - offset)
        let bytes = try await store.attachmentBytes(id, number: number, offset: offset, count: count, access)
        guard bytes.count == count else { throw .unexpected("piece \(number) of \(id) is too short") }
        rest = rest.dropFirst(count)
        return bytes
    }
}

extension QueryReader {
    /// A file's name: data, whatever it looks like. Nil: a fault.
    fileprivate mutating func filename() -> String? {
        guard let name = string("filename", required: true) else { return nil }
        if name.isBlank {
            fault(.blank, at: "filename")
        } else if name.isLonger(than: Limit.filename) {
            fault(.tooLong, at: "filename", ["max": "\(Limit.filename)"])
        } else if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            fault(.controlCharacter, at: "filename")
        } else {
            return name
        }
        return nil
    }
}
