import EventLoop
import Regulations
import TicketStore
import Tickets

/// What only PostgreSQL knows: how many tickets there are in each state, and what became of the job. Asked for when
/// somebody wants to see it, by one at a time, and not again for ten seconds, or for fifty times as long as it took: of
/// a connection's time it never has more than a fiftieth.
///
/// Unchecked: used on its loop only.
final class DatabaseFigures: @unchecked Sendable {
    struct Figures: Sendable {
        var tickets: [State: Int] = [:]
        /// Nil: the job has never run.
        var lastRun: JobRun?
        var overdueNights = 0
    }

    private let loop: EventLoop
    private let store: PostgresStore
    private let nights: @Sendable () -> [String: Instant]
    private var known: (figures: Figures, at: UInt64)?
    private var askAgainAt: UInt64 = 0
    private var isAsking = false
    private var patient: [UnsafeContinuation<Void, Never>] = []

    private static let keptNanosecondsMin: UInt64 = 10_000_000_000
    private static let costFactor: UInt64 = 50
    /// A page that has waited so long shows what is known; PostgreSQL may be away.
    private static let patience = Duration.seconds(1)

    /// `nights`: when each product's latest night began; empty when the job is left to others.
    init(loop: EventLoop, store: PostgresStore, nights: @escaping @Sendable () -> [String: Instant]) {
        self.loop = loop
        self.store = store
        self.nights = nights
    }

    /// What is known, and how many seconds ago it was; nil: nothing yet. On the loop.
    func current() async -> (figures: Figures, ageSeconds: Double)? {
        if !isAsking, EventLoop.clock() >= askAgainAt {
            isAsking = true
            // Detached: what it takes is not the time of whoever happens to be the first to ask.
            Task.detached(executorPreference: loop) { await self.ask() }
        }
        if isAsking {
            await withUnsafeContinuation { continuation in
                patient.append(continuation)
                if patient.count == 1 { loop.after(Self.patience) { [self] in endPatience() } }
            }
        }
        return known.map { ($0.figures, Double(EventLoop.clock() &- $0.at) / 1_000_000_000) }
    }

    private func ask() async {
        let since = EventLoop.clock()
        do {
            var figures = Figures()
            figures.tickets = try await store.ticketCounts()
            figures.lastRun = try await store.lastRun()
            figures.overdueNights = try await store.undoneNights(nights())
            known = (figures, EventLoop.clock())
        } catch {
            // What was known grows old, and the page says how old: its age is what an operator is to be told of.
        }
        let now = EventLoop.clock()
        askAgainAt = now &+ max(Self.keptNanosecondsMin, (now &- since) &* Self.costFactor)
        isAsking = false
        endPatience()
    }

    private func endPatience() {
        let waiting = patient
        patient = []
        for continuation in waiting { continuation.resume() }
    }
}
