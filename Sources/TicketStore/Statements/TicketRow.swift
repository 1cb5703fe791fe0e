import Digests
import Postgres
import Regulations
import Tickets

extension ResultRow {
    mutating func instant() throws(RowError) -> Instant { Instant(microseconds: try timestamp()) }
    mutating func optionalInstant() throws(RowError) -> Instant? {
        try optionalTimestamp().map { Instant(microseconds: $0) }
    }

    /// A value that the database's own constraints keep well-formed.
    mutating func parsed<Value>(_ parse: (String) -> Value?) throws(RowError) -> Value {
        let text = try text()
        guard let value = parse(text) else { throw RowError(column: 0, reason: "holds an unknown value") }
        return value
    }

    mutating func optionalParsed<Value>(_ parse: (String) -> Value?) throws(RowError) -> Value? {
        guard let text = try optionalText() else { return nil }
        guard let value = parse(text) else { throw RowError(column: 0, reason: "holds an unknown value") }
        return value
    }

    /// The columns of `TicketColumn.all` but the last.
    mutating func ticket() throws(RowError) -> Ticket {
        let id = try parsed { TicketID($0) }
        let product = try text()
        _ = try int()
        return Ticket(
            id: id, product: product, policyVersion: try int(), organization: try text(),
            contract: ContractID(stored: try text()), plan: try optionalText(), kind: try text(), subject: try text(),
            description: try text(), descriptionSalt: try optionalText(),
            details: try parsed { Details.decode($0) }, blocking: try bool(),
            priority: try parsed { Priority(rawValue: $0) }, state: try parsed { State(rawValue: $0) },
            closeReason: try optionalParsed { CloseReason(rawValue: $0) }, channel: try text(),
            reporter: UserID(stored: try text()), registeredBy: UserID(stored: try text()),
            assignees: try userIDs(), solution: try solution(), tags: try texts(),
            registeredAt: try instant(), assignedAt: try optionalInstant(), firstResponseAt: try optionalInstant(),
            solvedAt: try optionalInstant(), closedAt: try optionalInstant(),
            firstResponseDueAt: try optionalInstant(), solutionDueAt: try optionalInstant(),
            autoClose: try autoClose(), pauses: Pause.list(try timestamps()), disputeCount: try int(),
            version: try int(), updatedAt: try instant(), eventSeq: try int(), eventHash: try digest())
    }

    mutating func digest() throws(RowError) -> Digest {
        guard let digest = Digest(bytes: try bytes()) else { throw RowError(column: 0, reason: "is no SHA-256") }
        return digest
    }

    mutating func optionalDigest() throws(RowError) -> Digest? {
        guard let bytes = try optionalBytes() else { return nil }
        guard let digest = Digest(bytes: bytes) else { throw RowError(column: 0, reason: "is no SHA-256") }
        return digest
    }

    private mutating func userIDs() throws(RowError) -> [UserID] {
        var ids: [UserID] = []
        try forEachText { ids.append(UserID(stored: String(decoding: $0, as: UTF8.self))) }
        return ids
    }

    private mutating func solution() throws(RowError) -> Solution? {
        let comment = try optionalText()
        let type = try optionalParsed { SolutionType(rawValue: $0) }
        let release = try optionalText()
        let by = try optionalText()
        let at = try optionalInstant()
        guard let comment, let type, let by, let at else { return nil }
        return Solution(comment: comment, type: type, release: release, by: UserID(stored: by), at: at)
    }

    private mutating func autoClose() throws(RowError) -> AutoClose? {
        let workingDays = try optionalInt()
        let at = try optionalInstant()
        let calendar = try optionalText()
        let version = try optionalText()
        let days = try optionalDayNumbers() ?? []
        guard let workingDays, let calendar, let version else { return nil }
        return AutoClose(
            workingDays: workingDays, at: at, calendar: calendar, calendarVersion: version,
            days: days.map { CalendarDate(daysSince1970: $0) })
    }

    /// A ticket, the names of its people, its links, and whether the reader may confirm.
    mutating func ticketRecord() throws(RowError) -> TicketRecord {
        let ticket = try ticket()
        var people: Names = [:]
        try forEachText { entry in
            let (id, name) = Self.person(entry)
            people[id] = name
        }
        let links = try texts().compactMap(Self.link)
        return TicketRecord(ticket: ticket, people: people, links: links, mayConfirm: try bool())
    }

    /// An identifier, which has no space, a space and a name.
    private static func person(_ entry: UnsafeRawBufferPointer) -> (UserID, String) {
        let space = entry.firstIndex(of: UInt8(ascii: " ")) ?? entry.endIndex
        return (
            UserID(stored: String(decoding: entry[..<space], as: UTF8.self)),
            String(decoding: entry[min(space + 1, entry.endIndex)...], as: UTF8.self)
        )
    }

    /// `follows OMNIVOX-7`, or `~follows OMNIVOX-7` seen from the other end.
    private static func link(_ entry: String) -> Link? {
        let isInverse = entry.hasPrefix("~")
        let parts = entry.drop { $0 == "~" }.split(separator: " ")
        guard parts.count == 2, let type = LinkType(rawValue: String(parts[0])), let other = TicketID(String(parts[1]))
        else { return nil }
        return Link(type: type, ticket: other, isInverse: isInverse)
    }

    mutating func user() throws(RowError) -> User {
        User(
            id: UserID(stored: try text()), email: try text(), name: try text(),
            role: try parsed { Role(rawValue: $0) }, organization: try optionalText(), active: try bool())
    }
}

extension ValueDigest {
    /// `name hexadecimal-digest`; nil for anything else.
    ///
    /// By its bytes, since a page of the feed has a thousand of them: splitting a String took a third of its time.
    init?(stored text: UnsafeRawBufferPointer) {
        guard let space = text.firstIndex(of: UInt8(ascii: " ")), space > 0 else { return nil }
        let name = UnsafeRawBufferPointer(rebasing: text[..<space])
        let digits = UnsafeRawBufferPointer(rebasing: text[(space + 1)...])
        guard let digest = Digest(hexadecimal: digits) else { return nil }
        self.init(name: String(decoding: name, as: UTF8.self), digest: digest)
    }
}
