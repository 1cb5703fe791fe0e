import HTTPWire
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// The installation's history by pages.
@Suite struct FeedTests {
    @Test func `pages follow one another without gap, and say when there is nothing more`() async throws {
        try await World.with(sequences: true) { world in
            let first = try await world.ticket(.solved)
            let second = try await world.ticket()
            try await world.numbered(4)
            var items: [JSON] = []
            var after = 0
            while true {
                let page = try await world.get("/v1/events?after=\(after)&limit=3", as: .sven)
                try #require(page.status == 200)
                #expect(page.json.names == ["items", "last_seq", "end_of_stream"])
                items += page["items"].array
                after = try #require(page["last_seq"].integer)
                if page["end_of_stream"].bool == true { break }
                #expect(page["items"].array.count == 3)
            }
            #expect(items.map { $0["feed_seq"].integer } == [1, 2, 3, 4])
            #expect(items.map { $0["ticket"].string } == [first, first, first, second])
            #expect(items.map { $0["seq"].integer } == [1, 2, 3, 1])
            let history = try await world.get("/v1/tickets/\(first)/events", as: .egor)["items"]
            for (item, event) in zip(items, history.array) {
                #expect(item.names == ["feed_seq", "ticket"] + event.names)
                #expect(
                    item["hash"].string == event["hash"].string
                        && item["changes"].description == event["changes"].description)
            }
            let empty = try await world.get("/v1/events?after=900", as: .egor)
            #expect(empty.json.description == #"{"items":[],"last_seq":900,"end_of_stream":true}"#)
            #expect(try await world.get("/v1/events?after=1&limit=3", as: .egor)["end_of_stream"].bool == true)
            #expect(try await world.get("/v1/events?limit=3", as: .egor)["end_of_stream"].bool == false)
        }
    }

    @Test func `a place that is none is refused`() async throws {
        try await World.with { world in
            for (query, fault) in [
                ("after=-1", "?after out_of_range"), ("after=x", "?after not_an_integer"),
                ("after=99999999999999999999", "?after out_of_range"), ("limit=0", "?limit out_of_range"),
                ("limit=201", "?limit out_of_range"), ("cursor=x", "?cursor unknown_parameter"),
            ] {
                let reply = try await world.get("/v1/events?\(query)", as: .egor)
                #expect(reply.summary == "422 invalid-input" && reply.faults == [fault], "\(query)")
            }
            let stream = [("Accept", "text/event-stream")]
            for (path, field, fault) in [
                ("/v1/events?after=-1", "", "?after out_of_range"),
                ("/v1/events?limit=5", "", "?limit not_allowed_here"),
                ("/v1/events", "abc", "?Last-Event-ID not_an_integer"),
                ("/v1/events", "-1", "?Last-Event-ID not_an_integer"),
            ] {
                let reply = try await world.get(path, as: .egor, fields: stream + [("Last-Event-ID", field)])
                #expect(reply.summary == "422 invalid-input" && reply.faults == [fault], "\(path) \(field)")
            }
        }
    }

    /// What is accepted, whether that is a stream; nil: neither.
    @Test(
        arguments: [
            (nil, false), ("*/*", false), ("application/json", false), ("text/event-stream", true), ("text/*", true),
            ("text/event-stream, application/json", false), ("application/json;q=0.5, text/event-stream", true),
            ("text/event-stream;q=0.4, application/json;q=0.5", false), ("text/event-stream, */*;q=0.1", true),
            ("text/event-stream;q=0, */*", false), ("text/event-stream;q=0", nil), ("text/html", nil),
            ("application/problem+json, text/event-stream", true),
        ] as [(String?, Bool?)])
    func `a stream is what is wanted more than JSON`(accept: String?, isStream: Bool?) async throws {
        let fields = accept.map { [$0] } ?? []
        let prefers = Negotiation.prefersEventStream(fields)
        #expect((prefers || Negotiation.acceptsJSON(fields) ? prefers : nil) == isStream)
    }

    @Test func `HEAD says what GET would, and opens nothing`() async throws {
        let limits = StreamLimits()
        try await World.with(streams: limits) { world in
            let head = try await world.call(
                "HEAD", "/v1/events", as: .egor, fields: [("Accept", "text/event-stream")])
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.fields.first("content-type") == "text/event-stream")
            #expect(limits.count == 0)
            let other = try await world.get("/v1/tickets", as: .egor, fields: [("Accept", "text/event-stream")])
            #expect(other.status == 406)
        }
    }
}

extension World {
    /// Waits until the sequencer has given so many events their places.
    func numbered(_ count: Int) async throws {
        while try await get("/v1/events?after=\(count - 1)", as: .egor)["items"].array.isEmpty {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func comment(_ id: String, _ text: String = "B", isInternal: Bool = false, as person: Person = .egor) async throws {
        let more = isInternal ? #","internal":true"# : ""
        let reply = try await post("/v1/tickets/\(id)/comments", #"{"body":"\#(text)"\#(more)}"#, as: person)
        try #require(reply.status == 201, "\(reply.json)")
    }
}
