import EventLoop

/// The end of a service: what runs is finished, unless somebody is in a hurry or it takes too long. A loop that does not
/// turn, because something on it computes for minutes, keeps nobody waiting.
struct Ending: Sendable {
    enum Outcome: Sendable {
        case finished
        /// Another signal came, and what ran was cut off.
        case hurried
        /// There is more that runs, and it could not even be cut off.
        case abandoned
    }

    /// Where the end is seen to; nothing here needs any other loop to turn.
    let control: EventLoop
    let events: AsyncStream<ServiceEvents.Event>
    /// So many more signals mean that somebody is in a hurry.
    let signalsToHurry: Int
    /// How long everything may take.
    let limit: Duration
    /// What loops that turn need at most to end what is cut off.
    var patience = Duration.seconds(1)

    /// `work` finishes what runs, on the control loop; once somebody is in a hurry, it leaves what is not begun. `cutOff`
    /// makes it end soon, from any thread. What is abandoned goes on until the process ends.
    func run(
        cutOff: @escaping @Sendable () -> Void, _ work: @escaping @Sendable (_ isHurried: () -> Bool) async -> Void
    ) async -> Outcome {
        let isHurried = Locked(false)
        let (outcomes, outcome) = AsyncStream<Outcome>.makeStream()
        Task(executorPreference: control) {
            await work { isHurried.withLock { $0 } }
            outcome.yield(isHurried.withLock { $0 } ? .hurried : .finished)
        }
        let hurrying = Task(executorPreference: control) {
            var signals = 0
            for await event in events where event == .stop {
                signals += 1
                guard signals == signalsToHurry else { continue }
                isHurried.withLock { $0 = true }
                cutOff()
                try await control.sleep(patience)
                outcome.yield(.abandoned)
            }
        }
        let limiting = Task(executorPreference: control) {
            try await control.sleep(limit)
            cutOff()
            try await control.sleep(patience)
            outcome.yield(.abandoned)
        }
        defer { for task in [hurrying, limiting] { task.cancel() } }
        // Nobody cancels the end; who did would not want to wait either.
        return await outcomes.first { _ in true } ?? .abandoned
    }
}
