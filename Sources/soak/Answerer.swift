import EventLoop

/// A ticket that awaits its confirmation, and its place in the order in which the job takes them.
struct Awaiting: Sendable {
    let id: String
    let place: Int
}

/// A customer who confirms, disputes and comments while the job is at work. For one thread.
final class Answerer {
    private let name: String
    private let person: Person
    private let journal: Journal
    private let counts: Locked<Counts>
    private let line: Line
    /// How many tickets the job has closed.
    private let front: Locked<Int>
    private let isOver: @Sendable () -> Bool
    private var tickets: [Awaiting]
    private var generator: SeededGenerator
    private var number = 0
    private var open: [Write] = []

    /// `name` is the beginning of its keys; `tickets` are its organization's, by their places.
    init(
        _ name: String, _ person: Person, tickets: [Awaiting], journal: Journal, counts: Locked<Counts>, socket: String,
        front: Locked<Int>, generator: SeededGenerator, isOver: @escaping @Sendable () -> Bool
    ) {
        (self.name, self.person, self.tickets, self.journal) = (name, person, tickets, journal)
        (self.counts, self.front, self.generator, self.isOver) = (counts, front, generator, isOver)
        line = Line([socket])
    }

    func work() {
        while !isOver() {
            sleep(seconds: generator.seconds(0...0.1))
            if let write = open.first, generator.isOnce(in: 0.3) { attempt(write, isFirst: false) } else { answer() }
        }
        counts.withLock { [open] in $0.open += open }
    }

    private func answer() {
        guard let place = pick() else { return }
        let ticket = tickets[place].id
        let (action, call, member) =
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4: ("confirm", "confirm", "comment")
            case 4..<7: ("dispute", "dispute", "reason")
            default: ("comment", "comments", "body")
            }
        // One answer is enough, most of the time.
        if action != "comment", !generator.isOnce(in: 0.1) { tickets.remove(at: place) }
        number += 1
        let key = "\(name)-\(number)"
        let write = Write(
            key: key, actor: person.id, kind: action == "comment" ? .comment : .step, action: action,
            tickets: [ticket], path: "/v1/tickets/\(ticket)/\(call)", json: #"{"\#(member)":"\#(key)"}"#)
        journal.want(write)
        open.append(write)
        attempt(write, isFirst: true)
    }

    /// Half of the time one of those that the job is about to take.
    private func pick() -> Int? {
        guard !tickets.isEmpty else { return nil }
        guard generator.isOnce(in: 0.5) else { return Int.random(in: tickets.indices, using: &generator) }
        let front = front.withLock { $0 }
        let next = tickets.firstIndex { $0.place >= front } ?? 0
        return Int.random(in: next..<min(next + 20, tickets.count), using: &generator)
    }

    private func attempt(_ write: Write, isFirst: Bool) {
        if Attempt(write, token: person.token, on: line, journal, counts, isFirst: isFirst).settlement == nil {
            sleep(seconds: 0.05)
        } else {
            open.removeAll { $0.key == write.key }
        }
    }
}
