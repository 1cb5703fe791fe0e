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

    mutating func id<Subject>() throws(RowError) -> ID<Subject> {
        guard let id: ID<Subject> = try optionalID() else { throw RowError(column: 0, reason: "is NULL") }
        return id
    }

    mutating func optionalID<Subject>() throws(RowError) -> ID<Subject>? {
        guard let bytes = try optionalRawBytes() else { return nil }
        guard let id = ID<Subject>(stored: bytes) else { throw RowError(column: 0, reason: "is no identifier") }
        return id
    }

    /// Of an array; one that is not well-formed is a fault.
    mutating func ids<Subject>() throws(RowError) -> [ID<Subject>] {
        var ids: [ID<Subject>] = []
        var count = 0
        try forEachText { text in
            count += 1
            if let id = ID<Subject>(stored: text) { ids.append(id) }
        }
        guard ids.count == count else { throw RowError(column: 0, reason: "holds what is no identifier") }
        return ids
    }

    /// The columns of `TicketColumn.all` but the last.
    mutating func ticket() throws(RowError) -> Ticket {
        let ticket = try parsed { TicketID($0) }
        let product = try text()
        _ = try int()
        return Ticket(
            id: ticket, product: product, policyVersion: try int(), organization: try text(),
            contract: try id(), plan: try optionalText(), kind: try text(), subject: try text(),
            description: try text(), descriptionSalt: try optionalText(),
            details: try parsed { Details.decode($0) }, blocking: try bool(),
            priority: try parsed { Priority(rawValue: $0) }, state: try parsed { State(rawValue: $0) },
            closeReason: try optionalParsed { CloseReason(rawValue: $0) }, channel: try text(),
            reporter: try id(), registeredBy: try id(),
            assignees: try ids(), solution: try solution(), tags: try texts(),
            registeredAt: try instant(), assignedAt: try optionalInstant(), firstResponseAt: try optionalInstant(),
            solvedAt: try optionalInstant(), closedAt: try optionalInstant(),
            firstResponseDueAt: try optionalInstant(), solutionDueAt: try optionalInstant(),
            autoClose: try autoClose(), pauses: Pause.list(try timestamps()), disputeCount: try int(),
            version: try int(), updatedAt: try instant(), eventSeq: try int(), eventHash: try digest())
    }

    mutating func digest() throws(RowError) -> Digest {
        guard let digest = try optionalDigest() else { throw RowError(column: 0, reason: "is NULL") }
        return digest
    }

    mutating func optionalDigest() throws(RowError) -> Digest? {
        guard let bytes = try optionalRawBytes() else { return nil }
        guard let digest = Digest(bytes: bytes) else { throw RowError(column: 0, reason: "is no SHA-256") }
        return digest
    }

    private mutating func solution() throws(RowError) -> Solution? {
        let comment = try optionalText()
        let type = try optionalParsed { SolutionType(rawValue: $0) }
        let release = try optionalText()
        let by: UserID? = try optionalID()
        let at = try optionalInstant()
        guard let comment, let type, let by, let at else { return nil }
        return Solution(comment: comment, type: type, release: release, by: by, at: at)
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
            if let (id, name) = Self.person(entry) { people[id] = name }
        }
        let links = try texts().compactMap(Self.link)
        return TicketRecord(ticket: ticket, people: people, links: links, mayConfirm: try bool())
    }

    /// An identifier, a space and a name; nil for anything else.
    private static func person(_ entry: UnsafeRawBufferPointer) -> (UserID, String)? {
        guard entry.count > UserID.size,
            let id = UserID(stored: UnsafeRawBufferPointer(rebasing: entry[..<UserID.size]))
        else { return nil }
        return (id, String(decoding: entry[(UserID.size + 1)...], as: UTF8.self))
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
            id: try id(), email: try text(), name: try text(),
            role: try parsed { Role(rawValue: $0) }, organization: try optionalText(), active: try bool())
    }
}

extension Instant {
    /// Whether PostgreSQL can read it as a text: there is no year 0.
    var isWritable: Bool { seconds >= -62_135_596_800 }
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
