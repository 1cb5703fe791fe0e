import EventLoop
import Postgres
import Regulations
import Tickets

/// Reads single tickets. Those that readers with the same rights want within one turn of the loop are read by one
/// statement: of eight, each takes PostgreSQL a third of the time. Statements for several customers share transactions.
///
/// A statement is sent after the requests that it serves have come: whoever reads after a write sees what was written.
///
/// Unchecked: every variable belongs to the loop's thread.
final class TicketReads: @unchecked Sendable {
    private struct Wanted {
        let id: TicketID
        let now: Instant
        let finish: (Result<TicketRecord?, StoreError>) -> Void
    }

    /// What is wanted by the same rights.
    private final class Line {
        let access: Access
        var wanted: [Wanted] = []
        var inFlight = 0
        var isScheduled = false
        var isSending = false
        var patience: LoopTimer?

        init(_ access: Access) { self.access = access }
    }

    /// By whose rights PostgreSQL reads for a customer, and of whom it says whether it may confirm.
    private struct Customer: Hashable {
        let organization: String
        let user: UserID?
    }

    /// A statement for more would hold up those behind it and gain little.
    private static let batchMax = 24
    /// While so many statements of a line are on their way, what else it wants is gathered: one that PostgreSQL works
    /// on, one for when it has ended that, and one whose answers are being written. By turns, with 64 clients: 42,600
    /// tickets a second, two statements of up to 32 each 40,900, four of 20 as many as three, for more of our own time.
    private static let flightsMax = 3
    /// So few are read while whoever sleeps is woken; of more the processor does better to let PostgreSQL have it.
    private static let dueSoonMax = 8
    /// After this time what was gathered is sent nevertheless: how long it may wait for PostgreSQL is the lane's to say.
    private static let gatheringMax = Duration.milliseconds(50)

    private let connections: Connections
    private let loop: EventLoop
    /// Employees are alike: they see everything, and confirm nothing.
    private let staff = Line(.staff)
    private var customers: [Customer: Line] = [:]
    /// What customers want, of whom each is shown something else: by turns with one transaction each, five rounds of a second,
    /// 64 who asked for tickets got 26,600 a second instead of 19,700, and eight as many as before.
    private let customersReads: SharedTransactions

    init(_ connections: Connections, loop: EventLoop) {
        self.connections = connections
        self.loop = loop
        customersReads = SharedTransactions(connections.customer.reads, loop: loop, together: 16, flights: 4)
    }

    func ticket(_ id: TicketID, at now: Instant, _ access: Access) async throws(StoreError) -> TicketRecord? {
        let since = EventLoop.clock()
        let outcome = await withUnsafeContinuation { continuation in
            ticket(id, at: now, access) { continuation.resume(returning: $0) }
        }
        RequestTime.current?.database &+= EventLoop.clock() &- since
        return try outcome.get()
    }

    /// `finish` is called later, on the loop.
    @inline(never)
    func ticket(
        _ id: TicketID, at now: Instant, _ access: Access, finish: @escaping (Result<TicketRecord?, StoreError>) -> Void
    ) {
        let line = line(of: access)
        line.wanted.append(Wanted(id: id, now: now, finish: finish))
        schedule(line)
    }

    private func line(of access: Access) -> Line {
        guard case .customer(let organization) = access.scope else { return staff }
        let customer = Customer(organization: organization, user: access.user)
        if let line = customers[customer] { return line }
        // Lines are cheap to make anew: none is kept for customers who want nothing.
        if customers.count >= 64 { customers = customers.filter { !$0.value.wanted.isEmpty || $0.value.inFlight > 0 } }
        let line = Line(access)
        customers[customer] = line
        return line
    }

    private func schedule(_ line: Line) {
        if line.inFlight < Self.flightsMax {
            guard !line.isScheduled else { return }
            line.isScheduled = true
            loop.later {
                line.isScheduled = false
                self.send(line, flightsMax: Self.flightsMax)
            }
        } else if line.patience == nil {
            line.patience = loop.after(Self.gatheringMax) {
                line.patience = nil
                self.send(line, flightsMax: .max)
            }
        }
    }

    private func send(_ line: Line, flightsMax: Int) {
        // What is refused at once ends in the middle of this.
        guard !line.isSending else { return }
        line.isSending = true
        defer { line.isSending = false }
        while !line.wanted.isEmpty, line.inFlight < flightsMax {
            let batch = Array(line.wanted.prefix(Self.batchMax))
            line.wanted.removeFirst(batch.count)
            send(batch, of: line)
        }
    }

    private func send(_ batch: [Wanted], of line: Line) {
        let isOne = batch.count == 1
        let isStaff = line.access.scope == .staff
        let isDueSoon = batch.count <= Self.dueSoonMax
        line.inFlight += 1
        if isDueSoon { loop.answersDue += 1 }
        var pipeline = Pipeline()
        if !isStaff { pipeline.append(Context.read, PostgresStore.whom(line.access)) }
        let records = pipeline.append(
            isOne ? Statements.ticket : Statements.tickets,
            PostgresStore.viewer(line.access, batch[batch.count - 1].now) + [
                isOne ? .text(batch[0].id.description) : .texts(batch.map(\.id.description))
            ])
        run(pipeline, isStaff: isStaff) { failure in
            line.inFlight -= 1
            if isDueSoon { self.loop.answersDue -= 1 }
            // One that cannot be read takes nobody else's with it.
            if case .decoding? = failure, !isOne { return batch.forEach { self.send([$0], of: line) } }
            // Before those who wait go on: PostgreSQL works on while their answers are written.
            self.send(line, flightsMax: Self.flightsMax)
            for wanted in batch {
                wanted.finish(
                    failure.map { .failure(StoreError($0)) }
                        ?? .success(records.rows.first { $0.ticket.id == wanted.id }))
            }
        }
    }

    /// Customers of several organizations cannot be read for by one statement, but by one transaction.
    private func run(_ pipeline: Pipeline, isStaff: Bool, finish: @escaping (PostgresError?) -> Void) {
        guard !isStaff else { return connections.staff.reads.run(pipeline, finish: finish) }
        customersReads.run(pipeline) { outcome in
            switch outcome {
            case .success(true): finish(nil)
            case .success(false): self.connections.customer.reads.run(pipeline, finish: finish)
            case .failure(let error): finish(error)
            }
        }
    }
}
