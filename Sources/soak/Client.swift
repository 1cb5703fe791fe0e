import EventLoop
import Glibc

/// What the clients of a round have seen, all together.
struct Counts: Sendable {
    var acknowledged = 0
    var refused = 0
    /// Attempts that no answer settled.
    var unanswered = 0
    /// Writes that were settled by another attempt than the first.
    var retried = 0
    /// Of those, the ones whose effect was there already.
    var replayed = 0
    /// How many answers of each status that should not be there, with the first of each.
    var strange: [String] = []
    /// Left over: must be settled when all is well again.
    var open: [Write] = []
}

/// One customer or engineer at work. For one thread.
final class Client {
    private let name: String
    private let person: Person
    private let colleagues: [Person]
    /// A customer of acme.
    private let reporter: String
    private let pool: Pool
    private let journal: Journal
    private let counts: Locked<Counts>
    private let line: Line
    private let sockets: [String]
    private let isOver: @Sendable () -> Bool
    private var generator: SeededGenerator
    private var number = 0
    private var open: [Write] = []

    /// `name` is the beginning of its keys.
    init(
        _ name: String, _ person: Person, of desk: Desk, pool: Pool, journal: Journal, counts: Locked<Counts>,
        sockets: [String], first: Int, generator: SeededGenerator, isOver: @escaping @Sendable () -> Bool
    ) {
        (self.name, self.person, self.pool, self.journal, self.counts) = (name, person, pool, journal, counts)
        (self.sockets, self.generator, self.isOver) = (sockets, generator, isOver)
        line = Line(sockets, first: first)
        colleagues = desk.engineers
        reporter = desk.customers.first { $0.organization == "acme" }?.id ?? ""
    }

    func work() {
        while !isOver() {
            sleep(seconds: generator.seconds(0...0.04))
            if let write = open.first, generator.isOnce(in: 0.3) {
                _ = attempt(write, isFirst: false)
            } else {
                act()
            }
        }
        counts.withLock { [open] in $0.open += open }
    }

    // MARK: What they do

    private func act() {
        switch person.role {
        case "customer": actAsCustomer()
        case "admin":
            actAsAdmin()
            sleep(seconds: 0.4)
        default: actAsEngineer()
        }
    }

    private func actAsAdmin() {
        switch number % 3 {
        case 0: perform(.run(key: nextKey(), by: person.id))
        case 1: perform(.user(key: nextKey(), by: person.id))
        default:
            let version = "\(Int.random(in: 1...999_999_999, using: &generator)).\(number)"
            perform(.release(version, key: nextKey(), by: person.id))
        }
    }

    private func actAsCustomer() {
        let organization = person.organization ?? ""
        guard !generator.isOnce(in: 0.25), let ticket = pool.pick(of: organization, &generator) else {
            let write = Write.registration("incident", key: nextKey(), by: person.id)
            if let change = perform(write)?.changes.first {
                pool.add(Pool.Ticket(id: change.ticket, organization: organization, state: "registered"))
            }
            return
        }
        switch (ticket.state, Int.random(in: 0..<20, using: &generator)) {
        case ("solved_awaiting_confirmation", 0..<5): step("confirm", ticket) { #"{"comment":"\#($0)"}"# }
        case ("solved_awaiting_confirmation", 5..<10): step("dispute", ticket) { #"{"reason":"\#($0)"}"# }
        case (_, 10): step("withdraw", ticket) { #"{"comment":"\#($0)"}"# }
        case (_, 11..<14): attach(ticket)
        default: comment(ticket, isInternal: false)
        }
    }

    private func actAsEngineer() {
        let chance = Int.random(in: 0..<40, using: &generator)
        if chance == 0 { return solveFamily() }
        if chance < 4 { return batch() }
        guard let ticket = pool.pick(of: nil, &generator) else { return }
        switch (ticket.state, chance) {
        case ("registered", 4..<25): assign(ticket)
        case ("assigned", 4..<18): step("solve", ticket) { #"{"comment":"\#($0)"}"# }
        case ("assigned", 18..<25): step("request-information", ticket) { #"{"comment":"\#($0)"}"# }
        case ("awaiting_information", 4..<14): step("solve", ticket) { #"{"comment":"\#($0)"}"# }
        case (_, 25..<28): attach(ticket)
        case (_, 28..<31): assign(ticket)
        case (_, 31..<34): edit(ticket)
        default: comment(ticket, isInternal: generator.isOnce(in: 0.3))
        }
    }

    private func step(_ call: String, _ ticket: Pool.Ticket, _ json: (String) -> String) {
        let key = nextKey()
        perform(.step(call, ticket.id, key: key, by: person.id, json: json(key)))
    }

    private func assign(_ ticket: Pool.Ticket) {
        let assignee = colleagues.randomElement(using: &generator)?.id ?? person.id
        step("assign", ticket) { _ in #"{"assignees":["\#(assignee)"]}"# }
    }

    private func comment(_ ticket: Pool.Ticket, isInternal: Bool) {
        perform(.comment(ticket.id, isInternal: isInternal, key: nextKey(), by: person.id))
    }

    /// Of what was seen a moment before; without an answer to that nothing is asked.
    private func edit(_ ticket: Pool.Ticket) {
        let path = "/v1/tickets/\(ticket.id)"
        guard let seen = try? line.ask("GET", path, token: person.token), let tag = seen.fields["etag"] else { return }
        perform(.edit(ticket.id, ifMatch: tag, key: nextKey(), by: person.id))
    }

    private func attach(_ ticket: Pool.Ticket) {
        // Pieces are cut at 256 KiB: now and then there are several.
        let size = generator.isOnce(in: 0.1) ? Int.random(in: 262_144...700_000, using: &generator) : 1000
        perform(
            .attachment(
                ticket.id, size: size + Int.random(in: 0..<9000, using: &generator), key: nextKey(), by: person.id))
    }

    private func batch() {
        let tickets = pool.some(of: nil, upTo: Int.random(in: 3...15, using: &generator), &generator).map(\.id)
        guard !tickets.isEmpty else { return }
        let action = ["assign", "solve", "request_information"].randomElement(using: &generator) ?? "assign"
        let key = nextKey()
        let body = action == "assign" ? #""assignees":["\#(person.id)"]"# : #""comment":"\#(key)""#
        guard let settlement = perform(.batch(action, tickets, key: key, by: person.id, body: body)) else { return }
        let states = [
            "assign": "assigned", "solve": "solved_awaiting_confirmation",
            "request_information": "awaiting_information",
        ]
        for change in settlement.changes { pool.note(change.ticket, state: states[action] ?? "") }
    }

    /// A whole and its parts, solved with one call. Nobody else ever knows them, so that what happens to the parts is certain;
    /// in the end the nightly job closes them.
    private func solveFamily() {
        let customer = #""organization":"acme","reporter":"\#(reporter)""#
        func register(_ kind: String, _ rest: String) -> String? {
            let write = Write.registration(kind, key: nextKey(), by: person.id, rest: customer + rest)
            return perform(write, insists: true)?.changes.first?.ticket
        }
        guard let whole = register("problem", "") else { return }
        var parts: [String] = []
        for _ in 0..<3 {
            guard let part = register("incident", #","part_of":"\#(whole)""#) else { return }
            parts.append(part)
        }
        let assignment = Write.step(
            "assign", whole, key: nextKey(), by: person.id, json: #"{"assignees":["\#(person.id)"]}"#)
        guard perform(assignment, insists: true)?.isDone == true else { return }
        let key = nextKey()
        perform(
            .step("solve", whole, parts: parts, key: key, by: person.id, json: #"{"comment":"\#(key)"}"#), insists: true
        )
    }

    // MARK: How they ask

    private func nextKey() -> String {
        number += 1
        return "\(name)-\(number)"
    }

    /// Nil: it is open, and will be tried again later. `insists`: it is tried until it is settled or the round is over.
    @discardableResult
    private func perform(_ write: Write, insists: Bool = false) -> Settlement? {
        journal.want(write)
        open.append(write)
        var settlement = attempt(write, isFirst: true)
        while settlement == nil, insists, !isOver() {
            sleep(seconds: 0.1)
            settlement = attempt(write, isFirst: false)
        }
        return settlement
    }

    private func attempt(_ write: Write, isFirst: Bool) -> Settlement? {
        let slowly = write.kind == .attach && generator.isOnce(in: 0.3) ? generator.seconds(0.01...0.4) : 0
        // Somebody's finger slips, or a proxy tries again: the same request at the same time, perhaps at another instance.
        let twin = generator.isOnce(in: 0.04) ? Self.twin(of: write, person.token, sockets, generator.next()) : nil
        defer { twin?.join() }
        let attempt = Attempt(write, token: person.token, on: line, slowly: slowly, journal, counts, isFirst: isFirst)
        guard let settlement = attempt.settlement else {
            sleep(seconds: 0.05)
            return nil
        }
        open.removeAll { $0.key == write.key }
        if let state = attempt.state, let ticket = write.tickets.first { pool.note(ticket, state: state) }
        return settlement
    }
}

extension Client {
    /// Nobody waits for what it is answered: the journal knows one write.
    private static func twin(of write: Write, _ token: String, _ sockets: [String], _ place: UInt64) -> Worker {
        Worker { _ = try? Line(sockets, first: Int(place % 16)).send(write, token: token) }
    }
}

/// A write that is sent once, with all that is to be noted about it.
struct Attempt {
    let settlement: Settlement?
    /// Of the ticket, as the answer tells it.
    let state: String?

    init(
        _ write: Write, token: String, on line: Line, slowly: Double = 0, _ journal: Journal, _ counts: Locked<Counts>,
        isFirst: Bool
    ) {
        var reason = ""
        var found: Settlement?
        var told: String?
        do throws(Failure) {
            let answer = try line.send(write, token: token, slowly: slowly)
            found = Settlement(answer, to: write)
            if write.kind == .edit, let refusal = found, !refusal.isDone {
                found = nil
                found = try Settlement.inHistory(write, token: token, on: line) ?? refusal
            }
            told = answer.json?["state"]?.text
            if found == nil { reason = "status \(answer.status)" }
            let isStale = write.kind == .edit && answer.status == 412
            if !isStale, ![200, 201, 408, 409, 503].contains(answer.status) {
                let body = String(decoding: answer.body.prefix(500), as: UTF8.self)
                counts.withLock {
                    $0.strange.append("\(write.key): \(write.path) was answered \(answer.status): \(body)")
                }
            }
        } catch { reason = error.description }
        (settlement, state) = (found, told)
        guard let found else {
            journal.open(write, reason)
            counts.withLock { $0.unanswered += 1 }
            return
        }
        journal.done(write, found)
        counts.withLock {
            if found.isDone { $0.acknowledged += 1 } else { $0.refused += 1 }
            if !isFirst { $0.retried += 1 }
            if found.isReplay { $0.replayed += 1 }
        }
    }
}

extension Attempt {
    /// Sends what is open until it is settled: no key may be in progress for ever. Gives what was not settled.
    static func settle(
        on line: Line, _ journal: Journal, _ counts: Locked<Counts>, token: (_ actor: String) -> String
    ) -> [String] {
        var open = counts.withLock { $0.open }
        // A list that a killed process left is taken up within a minute.
        let end = monotonic() + 120
        while !open.isEmpty, monotonic() < end {
            open = open.filter { write in
                let attempt = Attempt(write, token: token(write.actor), on: line, journal, counts, isFirst: false)
                return attempt.settlement == nil
            }
            if !open.isEmpty { sleep(seconds: 0.3) }
        }
        return open.map { "\($0.key): \($0.path) was not settled in two minutes" }
    }
}
