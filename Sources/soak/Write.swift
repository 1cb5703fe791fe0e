import Digests

/// One thing that a client wants done, and done once.
struct Write: Sendable, Equatable {
    enum Kind: String, Sendable {
        case create, step, comment, attach, edit, batch, run
        /// Of what is no ticket: a user, a release.
        case make
    }

    /// The `Idempotency-Key` of all but an edit, and the text by which its effect is known in the history.
    let key: String
    /// Who asks, by the user's id.
    let actor: String
    let kind: Kind
    /// The event's action.
    let action: String
    /// The tickets that it is about; behind the first of a step the parts that go with it. None for `create`, `run` and `make`.
    let tickets: [String]
    let path: String
    /// JSON in one line; empty for an attachment.
    let json: String
    /// Bytes of an attachment.
    var size = 0
    /// Of an edit: the ticket as it was seen.
    var ifMatch = ""

    /// The same each time it is sent: made of the key.
    var attachment: [UInt8] {
        var generator = SeededGenerator(seed: Digest(of: key).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 8)
        while bytes.count < size { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes[..<size])
    }

    var body: [UInt8] { kind == .attach ? attachment : Array(json.utf8) }

    /// What its event says.
    var text: String {
        switch kind {
        case .attach: "\(key) \(size) \(Digest(of: attachment).hex)"
        case .create, .comment, .edit, .make: key
        case .step, .batch, .run: action == "assign" ? "" : key
        }
    }
}

/// What became of a write.
struct Settlement: Sendable, Equatable {
    /// A ticket that was changed, and its version since; nil where the answer does not say.
    struct Change: Sendable, Equatable {
        let ticket: String
        let version: Int?
    }

    let status: Int
    let isReplay: Bool
    let changes: [Change]
    /// Of the answer's body.
    let digest: String

    var isDone: Bool { (200...299).contains(status) }

    init(status: Int, isReplay: Bool, changes: [Change], digest: String) {
        (self.status, self.isReplay, self.changes, self.digest) = (status, isReplay, changes, digest)
    }

    /// Nil: the answer settles nothing, and the write must be sent again.
    init?(_ answer: HTTPAnswer, to write: Write) {
        let body = answer.json
        guard answer.status < 500, answer.status != 408, answer.status != 429,
            body?["type"]?.text != "/problems/idempotency-key-in-progress"
        else { return nil }
        var changes: [Change] = []
        if (200...299).contains(answer.status) {
            let version = body?["version"]?.integer
            switch write.kind {
            case .make: changes = [Change(ticket: "\(write.action)s", version: nil)]
            case .edit: changes = write.tickets.map { Change(ticket: $0, version: version) }
            case .create: changes = [Change(ticket: body?["id"]?.text ?? "?", version: version)]
            case .step:
                changes = write.tickets.enumerated().map { Change(ticket: $1, version: $0 == 0 ? version : nil) }
            case .comment, .attach: changes = write.tickets.map { Change(ticket: $0, version: nil) }
            case .batch:
                let results = body?["results"]?.elements ?? []
                changes = results.filter { $0["status"]?.integer == 200 }.map {
                    Change(ticket: $0["ticket"]?.text ?? "?", version: nil)
                }
            case .run: break
            }
        }
        self.init(
            status: answer.status, isReplay: answer.fields["idempotency-replayed"] == "true", changes: changes,
            digest: Digest(of: answer.body).hex)
    }
}

extension Settlement {
    /// Of an edit that was refused: it may have been done by an earlier attempt without an answer, and then the history has it. Since
    /// the ticket has moved on, no attempt that is still on its way can do anything.
    static func inHistory(_ edit: Write, token: String, on line: Line) throws(Failure) -> Settlement? {
        guard let ticket = edit.tickets.first else { return nil }
        let answer = try line.ask("GET", "/v1/tickets/\(ticket)/events?limit=200", token: token)
        guard answer.status == 200, let events = answer.json?["items"]?.elements else {
            throw Failure("the history was answered \(answer.status)")
        }
        let isThere = events.contains { $0["changes"]?["tags"]?["to"]?.elements.first?.text == edit.key }
        guard isThere else { return nil }
        let change = Change(ticket: ticket, version: nil)
        return Settlement(status: 200, isReplay: true, changes: [change], digest: Digest(of: answer.body).hex)
    }
}
