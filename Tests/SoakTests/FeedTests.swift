import Testing

@testable import soak

@Suite struct FeedTests {
    private func heard(_ places: [Int]) -> HeardFeed {
        var feed = HeardFeed()
        for place in places {
            feed.hear("id: \(place)")
            feed.hear(#"data: {"feed_seq":\#(place),"ticket":"T-1","seq":\#(place)}"#)
            feed.hear("")
        }
        feed.hear(":")
        return feed
    }

    @Test func `a gap, a double and a step back are faults`() {
        #expect(heard([1, 2, 3]).faults == [] && heard([1, 2]).events == ["T-1#1", "T-1#2"])
        for places in [[2], [1, 3], [1, 1], [1, 2, 1]] { #expect(heard(places).faults.count == 1, "\(places)") }
    }

    @Test func `what is no event is a fault`() {
        var feed = HeardFeed()
        feed.hear("data: {}")
        #expect(feed.faults.count == 1)
    }
}
