import EventLoop
import Regulations
import Tickets

/// Reads lists of tickets. Those who ask for the same with the same rights while it is being read wait, and the next reading is
/// for all of them: a queue that everybody looks at costs PostgreSQL no more than one that somebody looks at.
///
/// A reading begins after the requests that it serves have come: whoever lists after a write sees what was written.
///
/// Unchecked: every variable belongs to the loop's thread.
final class ListReads: @unchecked Sendable {
    typealias Found = Result<Page<TicketRecord>, StoreError>

    /// What a list depends on, but for the moment.
    private struct Subject: Hashable {
        let query: TicketQuery
        /// The query's texts byte for byte, since Swift takes texts for equal that only look the same.
        private let texts: [UInt8]
        /// Nil for employees, who are alike: they see everything, and confirm nothing.
        let organization: String?
        /// Of a customer PostgreSQL says what it may confirm.
        let user: UserID?

        init(_ query: TicketQuery, _ access: Access) {
            var query = query
            query.now = Instant(milliseconds: 0)
            self.query = query
            let texts =
                [query.kind, query.product, query.organization, query.tag, query.text] + (query.page.after ?? [])
            // No UTF-8 has 0xff.
            self.texts = texts.reduce(into: []) { $0 += Array(($1 ?? "").utf8) + [0xff] }
            if case .customer(let organization) = access.scope {
                (self.organization, user) = (organization, access.user)
            } else {
                (organization, user) = (nil, nil)
            }
        }
    }

    private typealias Waiting = UnsafeContinuation<Turn, Never>

    /// What one who has waited is told.
    private enum Turn {
        /// Read it, for these as well.
        case read(others: [Waiting])
        case found(Found)
    }

    /// Everybody who asks for one list.
    private final class Line {
        var inFlight = 0
        var waiting: [Waiting] = []
        var patience: LoopTimer?
    }

    /// A second at the same time would be for half as many, and was a sixth slower with eight who ask.
    private static let flightsMax = 1
    /// As many answers are written in a row: more would hold up everybody else.
    private static let othersMax = 16
    /// What all of them take to write is some ten milliseconds. Whoever comes then would wait for the processor, not for PostgreSQL,
    /// whose lane would not know.
    private static let waitingMax = 256
    /// After this time one who waits reads for himself: how long he may wait for PostgreSQL is the lane's to say.
    private static let patienceMax = Duration.milliseconds(50)

    private let loop: EventLoop
    private var lines: [Subject: Line] = [:]

    init(loop: EventLoop) { self.loop = loop }

    /// `read` reads it from PostgreSQL; it is called now, or when one of those before has ended, or not at all.
    func page(
        _ query: TicketQuery, _ access: Access, read: () async throws(StoreError) -> Page<TicketRecord>
    ) async throws(StoreError) -> Page<TicketRecord> {
        let subject = Subject(query, access)
        let line = lines[subject] ?? Line()
        lines[subject] = line
        var others: [Waiting] = []
        if line.inFlight < Self.flightsMax {
            line.inFlight += 1
        } else {
            guard line.waiting.count < Self.waitingMax else { throw .overloaded }
            switch await turn(in: line) {
            case .found(let found): return try found.get()
            case .read(let more): others = more
            }
        }
        let found: Found
        do { found = .success(try await read()) } catch { found = .failure(error) }
        line.inFlight -= 1
        // Before those who wait go on: PostgreSQL works on while their answers are written.
        begin(line, flightsMax: Self.flightsMax)
        for other in others { other.resume(returning: .found(found)) }
        if line.inFlight == 0 { lines[subject] = nil }
        return try found.get()
    }

    private func turn(in line: Line) async -> Turn {
        let since = EventLoop.clock()
        let turn = await withUnsafeContinuation { waiting in
            line.waiting.append(waiting)
            if line.patience == nil {
                line.patience = loop.after(Self.patienceMax) {
                    line.patience = nil
                    self.begin(line, flightsMax: .max)
                }
            }
        }
        RequestTime.current?.database &+= EventLoop.clock() &- since
        return turn
    }

    /// Lets the first of those who wait read for those behind.
    private func begin(_ line: Line, flightsMax: Int) {
        while line.inFlight < flightsMax, let first = line.waiting.first {
            let others = Array(line.waiting.dropFirst().prefix(Self.othersMax))
            line.waiting.removeFirst(1 + others.count)
            line.inFlight += 1
            first.resume(returning: .read(others: others))
        }
        if line.waiting.isEmpty {
            line.patience?.cancel()
            line.patience = nil
        }
    }
}
