import HTTPWire
import JSONText
import Regulations
import Tickets

/// The history of everything, by pages or live.
extension API {
    func readFeed(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        if exchange.prefersEventStream {
            return try stream(.feed, from: try place(&input, exchange, without: ["limit"]), exchange)
        }
        let after = input.query.integer("after", in: 0...Int.max) ?? 0
        let limit = input.query.integer("limit", in: 1...PageRequest.limitMax) ?? 50
        try input.finish()
        let rows = try await store.feed(after: after, limit: limit + 1)
        let items = Array(rows.prefix(limit))
        let body = FeedBody(
            items: items, lastSeq: items.last?.feedSeq ?? after, isEnd: rows.count == items.count)
        return .json(200, body, in: exchange.language)
    }

    /// A ticket's history as it goes on; the caller has been seen to see the ticket.
    func streamEvents(of id: TicketID, _ exchange: Exchange) throws -> Answer {
        var input = exchange.input()
        return try stream(.ticket(id), from: try place(&input, exchange, without: ["limit", "cursor"]), exchange)
    }

    /// Ends the open streams of this loop, and answers 503 to who would open another one; on the loop. Clients come
    /// back elsewhere, or later, and miss nothing.
    public func stopStreams() { hub.stop() }

    /// Where the client wants to go on: what it was given last wins over the address, which it was given once.
    private func place(
        _ input: inout Input, _ exchange: Exchange, without refused: [String]
    ) throws(Problem) -> Int {
        let after = input.query.integer("after", in: 0...Int.max) ?? 0
        for name in refused where input.query.string(name) != nil { input.query.fault(.notAllowedHere, at: name) }
        var lastID: Int?
        if let text = exchange.request.fields.first("last-event-id"), !text.isEmpty {
            lastID = text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
            if lastID == nil { input.query.fault(.notAnInteger, at: "Last-Event-ID") }
        }
        try input.finish()
        return lastID ?? after
    }

    private func stream(_ source: EventStream.Source, from place: Int, _ exchange: Exchange) throws -> Answer {
        var answer = Answer(status: 200, contentType: ServerSentEvent.mediaType, language: exchange.language, body: [])
        answer.fields = [("X-Accel-Buffering", "no")]
        answer.stream = .stream(length: nil) { nil }
        answer.closes = true
        if exchange.request.method == "HEAD" { return answer }
        guard !hub.isStopped else { throw Problem(.unavailable) }
        guard let token = API.token(exchange.request.fields) else { throw Problem(.unauthorized) }
        try hub.limits.take(exchange.caller.token)
        let stream = EventStream(source, after: place, caller: exchange.caller, token: token, hub: hub)
        answer.stream = .stream(length: nil) { await stream.next() }
        return answer
    }
}

extension Exchange {
    var prefersEventStream: Bool { Negotiation.prefersEventStream(request.fields.values("accept")) }
}

extension Call {
    /// Whether it can be answered by a stream of events.
    var hasEventStream: Bool { self == .readFeed || self == .listEvents }
}

struct FeedBody: Body {
    let items: [FeedRecord]
    let lastSeq: Int
    /// There was nothing more at that moment.
    let isEnd: Bool

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("items")
            json.array { json in for item in items { EventBody(item).write(to: &json) } }
            json.member("last_seq", lastSeq)
            json.member("end_of_stream", isEnd)
        }
    }
}
