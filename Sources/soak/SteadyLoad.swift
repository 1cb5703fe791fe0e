import EventLoop
import Glibc

/// When each call is due, at an even rate, however long those before it take. Whoever is free takes the next.
final class Pace: Sendable {
    private let begin = monotonic()
    private let rate: Int
    private let taken = Locked(0)
    private let isStopped = Locked(false)

    init(rate: Int) { self.rate = rate }

    /// No call is due any more.
    func stop() { isStopped.withLock { $0 = true } }

    /// By `monotonic()`; nil: that was all.
    func next() -> Double? {
        if isStopped.withLock({ $0 }) { return nil }
        let number = taken.withLock { taken in
            taken += 1
            return taken - 1
        }
        // Counted from the beginning each time, so that no error adds up.
        return begin + Double(number) / Double(rate)
    }
}

/// The open tickets in turn, as many all the time: whoever works at one has it for himself, and where one is closed another
/// is registered.
final class Backlog: Sendable {
    /// Of open tickets: some minutes of work, and more than a page of a list.
    private static let size = 300
    /// Of tickets to read, closed ones among them.
    private static let recentMax = 2000

    private struct State {
        var waiting: [Pool.Ticket] = []
        /// With those that somebody works at, and those to be.
        var open = 0
        var recent: [Pool.Ticket] = []
        var turn = 0
    }

    private let state = Locked(State())

    /// The one that has waited longest; nil: register one, and `add` it.
    func take() -> Pool.Ticket? {
        state.withLock { state in
            guard state.open >= Self.size, !state.waiting.isEmpty else {
                state.open += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    /// More of one state, for a batch.
    func take(_ count: Int, in name: String) -> [Pool.Ticket] {
        state.withLock { state in
            let some = Array(state.waiting.filter { $0.state == name }.prefix(count))
            state.waiting.removeAll { ticket in some.contains { $0.id == ticket.id } }
            return some
        }
    }

    /// Nil: it was not registered after all.
    func add(_ ticket: Pool.Ticket?) {
        state.withLock { state in
            guard let ticket else { return state.open -= 1 }
            state.waiting.append(ticket)
            if state.recent.count < Self.recentMax {
                state.recent.append(ticket)
            } else {
                state.recent[state.turn % Self.recentMax] = ticket
                state.turn += 1
            }
        }
    }

    func giveBack(_ ticket: Pool.Ticket, state name: String) {
        state.withLock { state in
            if name == "closed" {
                state.open -= 1
            } else {
                state.waiting.append(Pool.Ticket(id: ticket.id, organization: ticket.organization, state: name))
            }
        }
    }

    /// Open or not; its state is that of its registration.
    func any(_ generator: inout SeededGenerator) -> Pool.Ticket? {
        state.withLock { $0.recent.randomElement(using: &generator) }
    }
}

/// One connection, over which everybody asks whose turn it is. For one thread.
final class SteadyClient {
    /// Of reads: an hour of faults need not be kept.
    private static let strangeMax = 1000

    private let name: String
    private let desk: Desk
    private let backlog: Backlog
    private let pace: Pace
    private let journal: Journal
    private let counts: Locked<Counts>
    private let latencies: Locked<Latencies>
    private let heard: @Sendable () -> Int
    private let line: Line
    private var generator: SeededGenerator
    private var number = 0

    /// `name` is the beginning of its keys; `heard` tells how long the feed is.
    init(
        _ name: String, of desk: Desk, socket: String, backlog: Backlog, pace: Pace, journal: Journal,
        counts: Locked<Counts>, latencies: Locked<Latencies>, heard: @escaping @Sendable () -> Int,
        generator: SeededGenerator
    ) {
        (self.name, self.desk, self.backlog, self.pace, self.journal) = (name, desk, backlog, pace, journal)
        (self.counts, self.latencies, self.heard, self.generator) = (counts, latencies, heard, generator)
        line = Line([socket], patience: 15)
    }

    func work() {
        while let due = pace.next() {
            sleep(seconds: due - monotonic())
            let kind: CallClass =
                switch Int.random(in: 0..<12, using: &generator) {
                case ..<6: .read
                case 6, 7: .list
                default: .write
                }
            switch kind {
            case .read: read()
            case .list: list()
            case .write: write()
            }
            let milliseconds = (monotonic() - due) * 1000
            latencies.withLock { $0[kind].add(milliseconds: milliseconds) }
        }
    }

    // MARK: Reads

    private func read() {
        guard let ticket = backlog.any(&generator) else { return get("/v1/me", desk.lead) }
        let path = "/v1/tickets/\(ticket.id)"
        let reader = generator.isOnce(in: 0.5) ? engineer() : customer(of: ticket)
        switch Int.random(in: 0..<10, using: &generator) {
        case ..<5: get(path, reader)
        case 5: get("\(path)/comments", reader)
        case 6, 7: get("\(path)/events", reader)
        case 8: get("\(path)/explain", reader)
        default: get("/v1/me", reader)
        }
    }

    private func list() {
        let customer = desk.customers.randomElement(using: &generator) ?? desk.lead
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: get("/v1/tickets?sort=triage", engineer())
        case 1: get("/v1/tickets?assignee=me&state=open", engineer())
        case 2: get("/v1/tickets", engineer())
        case 3: get("/v1/tickets?state=open&sort=-updated_at", customer)
        case 4, 5:
            // A key is the subject of what was registered with it, and what a comment says.
            let sought = Int.random(in: 0...number, using: &generator)
            get("/v1/tickets?q=\(name)-\(sought)", engineer())
        case 6: get("/v1/queue/summary", desk.lead)
        default: get("/v1/events?after=\(Int.random(in: 0...heard(), using: &generator))", desk.integration)
        }
    }

    private func get(_ path: String, _ person: Person) {
        do throws(Failure) {
            let status = try line.ask("GET", path, token: person.token).status
            if status == 503 {
                counts.withLock { $0.unanswered += 1 }
            } else if status != 200 {
                counts.withLock { counts in
                    if counts.strange.count < Self.strangeMax {
                        counts.strange.append("\(path) was answered \(status)")
                    }
                }
            }
        } catch { counts.withLock { $0.unanswered += 1 } }
    }

    // MARK: Writes

    private func write() {
        switch Int.random(in: 0..<1000, using: &generator) {
        case 0: perform(.run(key: nextKey(), by: desk.admin.id))
        case 1..<20: batch()
        default: goOn()
        }
    }

    /// The next step in the life of the next ticket.
    private func goOn() {
        guard let ticket = backlog.take() else { return register() }
        let (engineer, customer) = (engineer(), customer(of: ticket))
        let key = nextKey()
        func step(_ call: String, _ person: Person, _ json: String) -> Write {
            .step(call, ticket.id, key: key, by: person.id, json: json)
        }
        func comment(_ person: Person, isInternal: Bool = false) -> Write {
            .comment(ticket.id, isInternal: isInternal, key: key, by: person.id)
        }
        let said = #"{"comment":"\#(key)"}"#
        var then = ticket.state
        let write: Write
        switch (ticket.state, Int.random(in: 0..<20, using: &generator)) {
        case ("registered", 0): write = step("withdraw", customer, said)
        case ("registered", _): write = step("assign", engineer, #"{"assignees":["\#(engineer.id)"]}"#)
        case ("assigned", ..<4): write = comment(engineer)
        case ("assigned", 4...5): write = comment(engineer, isInternal: true)
        case ("assigned", 6): write = .attachment(ticket.id, size: size(), key: key, by: customer.id)
        case ("assigned", 7..<10): write = step("request-information", engineer, said)
        case ("assigned", _): write = step("solve", engineer, said)
        case ("awaiting_information", _): (write, then) = (comment(customer), "assigned")
        case (_, ..<3): write = step("dispute", customer, #"{"reason":"\#(key)"}"#)
        default: write = step("confirm", customer, said)
        }
        let attempt = perform(write)
        backlog.giveBack(ticket, state: attempt.state ?? then)
    }

    private func register() {
        let customer = desk.customers.randomElement(using: &generator) ?? desk.lead
        let change = perform(.registration("incident", key: nextKey(), by: customer.id)).settlement?.changes.first
        backlog.add(
            change.map { Pool.Ticket(id: $0.ticket, organization: customer.organization ?? "", state: "registered") })
    }

    private func batch() {
        let tickets = backlog.take(Int.random(in: 3...15, using: &generator), in: "registered")
        guard !tickets.isEmpty else { return goOn() }
        let engineer = engineer()
        let settlement = perform(
            .batch(
                "assign", tickets.map(\.id), key: nextKey(), by: engineer.id, body: #""assignees":["\#(engineer.id)"]"#)
        ).settlement
        let done = Set(settlement?.changes.map(\.ticket) ?? [])
        for ticket in tickets { backlog.giveBack(ticket, state: done.contains(ticket.id) ? "assigned" : ticket.state) }
    }

    /// What nothing settles is sent again in the end.
    @discardableResult
    private func perform(_ write: Write) -> Attempt {
        journal.want(write)
        let token = desk.person(write.actor)?.token ?? ""
        let attempt = Attempt(write, token: token, on: line, journal, counts, isFirst: true)
        if attempt.settlement == nil { counts.withLock { $0.open.append(write) } }
        return attempt
    }

    // MARK: Who and what

    private func engineer() -> Person { desk.engineers.randomElement(using: &generator) ?? desk.lead }

    private func customer(of ticket: Pool.Ticket) -> Person {
        desk.customers.filter { $0.organization == ticket.organization }.randomElement(using: &generator) ?? desk.lead
    }

    /// Pieces are cut at 256 KiB: now and then there are several.
    private func size() -> Int {
        Int.random(in: generator.isOnce(in: 0.02) ? 262_144...700_000 : 1000...10_000, using: &generator)
    }

    private func nextKey() -> String {
        number += 1
        return "\(name)-\(number)"
    }
}
