/// One event that the history must have, because somebody was told so.
struct ExpectedEvent: Sendable, Equatable {
    let key: String
    let ticket: String
    /// Nil: the answer did not say.
    let version: Int?
    let action: String
    let actor: String
    let text: String

    static func all(_ entries: [JournalEntry]) -> [ExpectedEvent] {
        entries.flatMap { entry -> [ExpectedEvent] in
            guard let settlement = entry.settlement, settlement.isDone else { return [] }
            let write = entry.write
            let text = write.text
            return settlement.changes.map {
                ExpectedEvent(
                    key: write.key, ticket: $0.ticket, version: $0.version, action: write.action, actor: write.actor,
                    text: text)
            }
        }
    }
}

/// One event of the history, as the database has it.
struct FoundEvent: Sendable, Equatable {
    let ticket: String
    let seq: Int
    /// Nil: it is internal.
    let version: Int?
    let action: String
    /// Empty: the nightly job.
    let actor: String
    let text: String
    /// Milliseconds since 1970; of the ticket's closing date too, nil where it has none.
    let at: Int
    let closesAt: Int?
}

/// Journal against history: each acknowledged write is there once, as it was sent, and nothing else is.
enum Ledger {
    static func faults(expected: [ExpectedEvent], found: [FoundEvent]) -> [String] {
        var faults: [String] = []
        var isClaimed = [Bool](repeating: false, count: found.count)
        var byVersion: [String: Int] = [:]
        var bySaying: [String: [Int]] = [:]
        for (index, event) in found.enumerated() {
            if let version = event.version { byVersion["\(event.ticket)@\(version)"] = index }
            bySaying["\(event.ticket) \(event.action) \(event.actor) \(event.text)", default: []].append(index)
        }
        // Those whose place is known first: they leave the others what is theirs.
        for event in expected {
            guard let version = event.version else { continue }
            let name = "\(event.key): \(event.action) of \(event.ticket), version \(version)"
            guard let index = byVersion["\(event.ticket)@\(version)"] else {
                faults.append("\(name), was acknowledged and is not there")
                continue
            }
            let one = found[index]
            if isClaimed[index] { faults.append("\(name), was acknowledged to two") }
            isClaimed[index] = true
            if one.action != event.action || one.actor != event.actor || one.text != event.text {
                faults.append("\(name), is not what was sent: \(one.action) by \(one.actor): \(one.text.prefix(80))")
            }
        }
        for event in expected where event.version == nil {
            let places = bySaying["\(event.ticket) \(event.action) \(event.actor) \(event.text)"] ?? []
            guard let index = places.first(where: { !isClaimed[$0] }) else {
                faults.append("\(event.key): \(event.action) of \(event.ticket) was acknowledged and is not there")
                continue
            }
            isClaimed[index] = true
        }
        for (index, event) in found.enumerated() where !isClaimed[index] {
            let name = "\(event.ticket): event \(event.seq), \(event.action)"
            if event.action != "auto_close" || !event.actor.isEmpty {
                faults.append("\(name), was asked for by nobody, or done twice: \(event.text.prefix(80))")
            } else if event.closesAt.map({ $0 > event.at }) ?? true {
                faults.append("\(name), came before it was due")
            }
        }
        return faults
    }
}
