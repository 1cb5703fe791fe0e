import EventLoop
import Testing

@testable import reglament

@Suite(.serialized) struct EndingTests {
    /// How an end goes, whose work goes on until it is cut off, or for ever.
    private func outcome(
        _ signals: Int, toHurry: Int = 1, limit: Duration = .seconds(600), endsWhenCut: Bool
    ) async throws -> Ending.Outcome {
        let control = try EventLoop(name: "control")
        try control.start()
        defer { control.stop() }
        let (events, event) = AsyncStream<ServiceEvents.Event>.makeStream()
        for _ in 0..<signals { event.yield(.stop) }
        let (cut, cutting) = AsyncStream<Void>.makeStream()
        let ending = Ending(
            control: control, events: events, signalsToHurry: toHurry, limit: limit,
            patience: endsWhenCut ? .seconds(600) : .milliseconds(10))
        return await ending.run(cutOff: { if endsWhenCut { cutting.finish() } }) { _ in for await _ in cut {} }
    }

    @Test func `what can be cut off is, and what cannot is left`() async throws {
        #expect(try await outcome(1, endsWhenCut: true) == .hurried)
        #expect(try await outcome(1, endsWhenCut: false) == .abandoned)
        #expect(try await outcome(2, toHurry: 2, endsWhenCut: true) == .hurried)
        #expect(try await outcome(0, limit: .milliseconds(10), endsWhenCut: true) == .finished)
        #expect(try await outcome(1, toHurry: 2, limit: .milliseconds(10), endsWhenCut: false) == .abandoned)
    }
}
