import Digests
import HTTPWire
import Regulations
import Tickets

/// A request's body that went piece by piece into the store instead of into memory.
struct Upload: Sendable {
    enum Outcome: Sendable {
        /// It lies staged, complete.
        case staged(Attachment)
        /// Refused before its body was looked at, which then was read for its digest alone.
        case refused(any Error)
        /// Its key was used before, so that nothing of it is wanted but its digest.
        case known
    }

    let outcome: Outcome
    /// Held until the request is answered.
    let transfer: Transfers.Transfer
}

/// What a body turned out to be.
private struct ReadBody {
    let size: Int
    let sha256: Digest
}

extension API {
    /// Takes an attachment's body in, and gives the exchange what became of it, with its key.
    ///
    /// Without an idempotency key every refusal that can be known comes before the first byte, so that a client that
    /// waits for 100 never sends the file. With one the body must be read to its end whatever it is answered: only its
    /// digest tells a retry from another request.
    func receive(_ exchange: Exchange) async throws {
        let request = exchange.request
        if let length = request.body.declaredLength, length > Attachment.bytesMax { throw API.tooLargeAttachment }
        guard let mediaType = MediaType.of(request.fields) else {
            var problem = Problem(.unsupportedMediaType)
            if !ContentType.isPlain(request.fields) { problem.fields = [("Accept-Encoding", "gzip")] }
            throw problem
        }
        guard let name = try API.keyName(request) else {
            let draft = try await admitAttachment(exchange, mediaType)
            let transfer = try transfers.begin(exchange.caller.id)
            let (_, outcome) = try await stage(draft, request.body, exchange.access)
            exchange.upload = Upload(outcome: outcome, transfer: transfer)
            return
        }
        let transfer = try transfers.begin(exchange.caller.id, key: name)
        let (body, outcome) = try await receive(underKey: name, mediaType, exchange)
        var hasher = API.requestHasher(request)
        hasher.update(body.sha256.bytes)
        let key = IdempotencyKey(caller: exchange.caller.id, key: name, request: hasher.finish())
        exchange.access = Access(exchange.caller, key: key)
        exchange.upload = Upload(outcome: outcome, transfer: transfer)
    }

    private func receive(
        underKey name: String, _ mediaType: String, _ exchange: Exchange
    ) async throws -> (ReadBody, Upload.Outcome) {
        let body = exchange.request.body
        if try await isUsed(name, exchange) { return (try await read(body) { _, _ in }, .known) }
        let draft: Attachment
        do { draft = try await admitAttachment(exchange, mediaType) } catch {
            // What is not kept under the key needs no digest.
            guard Problem(error).type.isKept else { throw error }
            return (try await read(body) { _, _ in }, .refused(error))
        }
        return try await stage(draft, body, exchange.access)
    }

    static var tooLargeAttachment: Problem { Problem(.contentTooLarge, ["max": "25 MiB"]) }

    /// Whether anything is kept under the key. What is asked for here is no request, so it is no retry of any.
    private func isUsed(_ name: String, _ exchange: Exchange) async throws -> Bool {
        let nothing = IdempotencyKey(caller: exchange.caller.id, key: name, request: Digest(of: ""))
        do { try await store.lookUp(Access(exchange.caller, key: nothing)) } catch .keyReused { return true }
        return false
    }

    /// Writes the body down while it comes. What was staged of a body that breaks off is discarded at once.
    private func stage(
        _ draft: Attachment, _ body: RequestBody, _ access: Access
    ) async throws -> (ReadBody, Upload.Outcome) {
        do {
            let body = try await read(body) { [store] bytes, number in
                try await store.stage(bytes, number: number, of: draft.id, organization: draft.organization, access)
            }
            var attachment = draft
            attachment.size = body.size
            attachment.sha256 = body.sha256
            return (body, body.size > 0 ? .staged(attachment) : .refused(API.emptyAttachment))
        } catch {
            await store.discard(draft.id, access)
            throw error
        }
    }

    static var emptyAttachment: Problem { .invalid(.empty, at: "") }

    /// Reads a body to its end and hashes it; `keep` gets it cut into pieces. Nothing more is read from the client
    /// while a piece is being kept.
    private func read(
        _ body: RequestBody, _ keep: (_ bytes: [UInt8], _ number: Int) async throws -> Void
    ) async throws -> ReadBody {
        var hasher = SHA256()
        var size = 0
        var number = 0
        var piece: [UInt8] = []
        while let bytes = try await next(body) {
            size += bytes.count
            guard size <= Attachment.bytesMax else { throw API.tooLargeAttachment }
            hasher.update(bytes)
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = rest.prefix(Attachment.chunkBytes - piece.count)
                piece += part
                rest = rest.dropFirst(part.count)
                guard piece.count == Attachment.chunkBytes else { continue }
                try await keep(piece, number)
                piece.removeAll(keepingCapacity: true)
                number += 1
            }
        }
        if !piece.isEmpty { try await keep(piece, number) }
        return ReadBody(size: size, sha256: hasher.finish())
    }

    private func next(_ body: RequestBody) async throws(Problem) -> [UInt8]? {
        do { return try await body.next() } catch {
            switch error {
            case .tooLarge: throw API.tooLargeAttachment
            case .timedOut: throw Problem(.requestTimeout)
            case .broken: throw Problem(.malformedRequest)
            }
        }
    }
}
