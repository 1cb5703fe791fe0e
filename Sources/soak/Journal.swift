import Glibc

/// What the clients asked and what they were told, one line each, in a file before anybody goes on. The checks read the file.
///
///     want  KEY  ACTOR  KIND  ACTION  TICKET,…  SIZE  IF-MATCH  PATH  JSON
///     open  KEY  why no answer settled it
///     done  KEY  STATUS  first|again  TICKET@VERSION,…  DIGEST
final class Journal: Sendable {
    let path: String
    private let descriptor: Int32

    /// Goes on with the file where there is one.
    init(_ path: String) throws(Failure) {
        self.path = path
        // Lines of several threads do not mix: each is one call.
        descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be written: \(systemError())") }
    }

    deinit { close(descriptor) }

    func want(_ write: Write) {
        add([
            "want", write.key, write.actor, write.kind.rawValue, write.action, write.tickets.joined(separator: ","),
            "\(write.size)", write.ifMatch, write.path, write.json,
        ])
    }

    func open(_ write: Write, _ reason: String) { add(["open", write.key, reason]) }

    func done(_ write: Write, _ settlement: Settlement) {
        let changes = settlement.changes.map { "\($0.ticket)@\($0.version.map(String.init) ?? "")" }
        add([
            "done", write.key, "\(settlement.status)", settlement.isReplay ? "again" : "first",
            changes.joined(separator: ","), settlement.digest,
        ])
    }

    private func add(_ fields: [String]) {
        let clean = fields.map { $0.replacing("\t", with: " ").replacing("\n", with: " ") }
        let line = Array((clean.joined(separator: "\t") + "\n").utf8)
        let count = Glibc.write(descriptor, line, line.count)
        precondition(count == line.count, "without its journal the driver proves nothing: \(systemError())")
    }
}

/// A journal as it was read.
struct JournalEntry: Sendable {
    let write: Write
    /// Nil: nothing settled it.
    var settlement: Settlement?

    /// In the order of the wishes.
    static func read(_ path: String) throws(Failure) -> [JournalEntry] {
        guard let content = text(of: path) else { throw Failure("\(path) cannot be read: \(systemError())") }
        return try read(lines: content.split(separator: "\n"))
    }

    static func read(lines: [Substring]) throws(Failure) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var places: [Substring: Int] = [:]
        for line in lines {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            switch fields.first {
            case "want" where fields.count == 10:
                guard let kind = Write.Kind(rawValue: String(fields[3])) else { throw Failure("What is \(line)?") }
                places[fields[1]] = entries.count
                let write = Write(
                    key: String(fields[1]), actor: String(fields[2]), kind: kind, action: String(fields[4]),
                    tickets: fields[5].split(separator: ",").map(String.init), path: String(fields[8]),
                    json: String(fields[9]), size: Int(fields[6]) ?? 0, ifMatch: String(fields[7]))
                entries.append(JournalEntry(write: write))
            case "open" where fields.count == 3: break
            case "done" where fields.count == 6:
                guard let place = places[fields[1]], let status = Int(fields[2]) else {
                    throw Failure("What is \(line)?")
                }
                let changes = fields[4].split(separator: ",").map { change in
                    let parts = change.split(separator: "@")
                    return Settlement.Change(
                        ticket: String(parts[0]), version: parts.count > 1 ? Int(parts[1]) : nil)
                }
                entries[place].settlement = Settlement(
                    status: status, isReplay: fields[3] == "again", changes: changes, digest: String(fields[5]))
            default: throw Failure("What is \(line)?")
            }
        }
        return entries
    }
}
