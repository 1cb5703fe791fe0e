import Testing

@testable import TicketAPI

@Suite struct TraceContextTests {
    private static let instance = "60efd074-0f5d-47d6-906a-b4a869a23128"
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"

    @Test(arguments: [
        "00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-00", "00-\(trace)-\(parent)-ff",
        "cc-\(trace)-\(parent)-01", "cc-\(trace)-\(parent)-01-what-the-future-holds", "01-\(trace)-\(parent)-01-",
    ])
    func `a trace is gone on with`(field: String) {
        let context = TraceContext([field], instance: Self.instance, span: 0xab)
        #expect(context.traceID == Self.trace && context.parentID == Self.parent)
        let sampled = field.hasSuffix("00") ? "00" : "01"
        #expect(context.response == "00-\(Self.trace)-00000000000000ab-\(sampled)")
    }

    @Test(arguments: [
        [""], ["00"], ["00-\(trace)-\(parent)"], ["00-\(trace)-\(parent)-0"], ["00-\(trace)-\(parent)-01-"],
        ["00-\(trace)-\(parent)-01-more"], ["00-\(trace)-\(parent)-01x"], ["01-\(trace)-\(parent)-01x"],
        ["ff-\(trace)-\(parent)-01"], ["0-\(trace)-\(parent)-001"], ["00-\(trace.uppercased())-\(parent)-01"],
        ["00-\(trace)-\(parent.uppercased())-01"], ["00-\(trace)-\(parent)-0G"], ["0G-\(trace)-\(parent)-01"],
        ["00-00000000000000000000000000000000-\(parent)-01"], ["00-\(trace)-0000000000000000-01"],
        ["00_\(trace)_\(parent)_01"], [" 00-\(trace)-\(parent)-01"], ["00-\(trace)-\(parent)-01 "],
        ["00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01"], ["00-\(trace)-\(parent)-é1"],
    ])
    func `anything else begins a trace, named as the request is`(fields: [String]) {
        let context = TraceContext(fields, instance: Self.instance, span: 1)
        #expect(context.traceID == Self.instance.filter { $0 != "-" } && context.parentID == nil)
        #expect(context.response == "00-\(context.traceID)-0000000000000001-00")
    }

    @Test func `who does not speak of traces is not answered about them`() {
        #expect(TraceContext([], instance: Self.instance, span: 1).response == nil)
    }

    @Test func `no trace is named by zeros alone`() {
        let context = TraceContext([], instance: "00000000-0000-0000-0000-000000000000", span: 1)
        #expect(context.traceID.utf8.count == 32 && context.traceID.contains { $0 != "0" })
    }

    @Test func `no two spans have one name`() {
        var names = SpanNames()
        let some = (0..<10_000).map { _ in names.next() }
        #expect(Set(some).count == some.count && !some.contains(0))
    }
}
