import JSONText
import Tickets

/// The wire form of a stream of events (WHATWG HTML, 9.2.5): `id` is where to go on from, `data` one line of JSON.
enum ServerSentEvent {
    static let mediaType = "text/event-stream"
    /// Sent first, so that the client knows at once that it is connected, and when to come back: milliseconds.
    static let preamble = Array("retry: 2000\n\n".utf8)
    /// A comment: keeps whatever lies between awake, and finds out when nobody is there any more.
    static let heartbeat = Array(":\n\n".utf8)

    /// An item of the feed; the id is its place there.
    static func frame(_ item: FeedRecord) -> [UInt8] { frame(id: item.feedSeq, EventBody(item)) }

    /// A step of one ticket; the id is its number there.
    static func frame(_ record: EventRecord) -> [UInt8] { frame(id: record.event.seq, EventBody(record)) }

    private static func frame(id: Int, _ body: some Body) -> [UInt8] {
        var json = JSONWriter(capacity: 1024)
        body.write(to: &json)
        return Array("id: \(id)\ndata: ".utf8) + json.bytes + [0x0a, 0x0a]
    }
}
