import EventLoop
import Glibc
import JSONText

/// What a listener has heard so far, over all its connections.
struct HeardFeed: Sendable {
    /// Of each event its ticket and number there, in the order of the feed: the first has the place 1.
    private(set) var events: [String] = []
    private(set) var faults: [String] = []
    var connections = 0

    /// A line of the stream; those that bring no event say nothing.
    mutating func hear(_ line: String) {
        guard line.hasPrefix("data: ") else { return }
        let event = try? JSONReader.read(Array(line.dropFirst(6).utf8))
        guard let place = event?["feed_seq"]?.integer, let ticket = event?["ticket"]?.text,
            let seq = event?["seq"]?.integer
        else { return faults.append("the feed said \(line.prefix(80))") }
        if place != events.count + 1 {
            faults.append("a listener heard \(place) after \(events.count): \(ticket), event \(seq)")
        }
        events.append("\(ticket)#\(seq)")
    }
}

/// Listens to the event feed, loses its connection now and then, and goes on at another instance with `Last-Event-ID`.
final class FeedListener: Sendable {
    private let heard = Locked(HeardFeed())
    private let isOver = Locked(false)
    private let sockets: [String]
    private let token: String
    private let thread = Locked<Worker?>(nil)

    init(_ sockets: [String], token: String, generator: SeededGenerator) {
        (self.sockets, self.token) = (sockets, token)
        thread.withLock { $0 = Worker { [self] in listen(generator) } }
    }

    var count: Int { heard.withLock { $0.events.count } }
    var events: [String] { heard.withLock { $0.events } }
    var faults: [String] { heard.withLock { $0.faults } }
    var connections: Int { heard.withLock { $0.connections } }

    func close() {
        isOver.withLock { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func listen(_ start: SeededGenerator) {
        var generator = start
        var turn = Int.random(in: 0..<sockets.count, using: &generator)
        while !isOver.withLock({ $0 }) {
            // Whatever ends it, it is the next one's turn.
            try? follow(sockets[turn], until: monotonic() + generator.seconds(0.5...4))
            turn = (turn + 1) % sockets.count
            sleep(seconds: 0.1)
        }
    }

    private func follow(_ socket: String, until end: Double) throws(Failure) {
        let connection = try HTTPConnection(socket, patience: 3)
        let request = """
            GET /v1/events HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer \(token)\r\nAccept: text/event-stream\r\n\
            Last-Event-ID: \(count)\r\n\r\n
            """
        try connection.send(Array(request.utf8))
        guard try connection.head().status == 200 else { throw Failure("no stream") }
        heard.withLock { $0.connections += 1 }
        var rest: [UInt8] = []
        while !isOver.withLock({ $0 }), monotonic() < end, let piece = try connection.chunk() {
            rest += piece
            // Lines that are whole: an event is one that has an identifier, a line before its data.
            while let stop = rest.firstIndex(of: 10) {
                let line = String(decoding: rest[..<stop], as: UTF8.self)
                heard.withLock { $0.hear(line) }
                rest.removeFirst(stop + 1)
            }
        }
    }
}
