import EventLoop
import Glibc
import HTTPServer

/// Where clients reach the service: its listening sockets, and the control socket on which the next process asks for them.
///
/// Unchecked: `handOver` is set and used on the control loop; all else is constant.
final class Front: @unchecked Sendable {
    let plan: ListeningPlan
    let predecessor: Predecessor?
    private let areGiven: Bool
    private let path: String?
    /// Listens at `path`.
    private let control: Int32?
    private var handOver: HandOverServer?

    /// Call it when all else is ready: from here on a predecessor waits for us, but it goes on serving until `takeOver`.
    static func open(_ settings: Settings, _ given: GivenSockets?, unlessStopped events: ServiceEvents) async throws
        -> Front
    {
        // Whoever was told to stop while it was starting displaces nobody.
        guard !events.hasStop else { throw Failure.stopped("stopped before it served") }
        let path = settings.restart.handOver
        // It may have to wait, which nothing on a loop does.
        let pool = WorkerPool(name: "hand-over", threadsMax: 1)
        return try await pool.run {
            let predecessor = try path.flatMap { try Predecessor.ask($0) }
            do { return try Front(settings, given, predecessor) } catch let error as ListenError {
                throw Failure.failed("\(error)")
            }
        }
    }

    private init(_ settings: Settings, _ given: GivenSockets?, _ predecessor: Predecessor?) throws {
        self.predecessor = predecessor
        path = settings.restart.handOver
        areGiven = given != nil || predecessor?.areGiven == true
        let inherited = predecessor?.sockets ?? []
        if let given {
            plan = try ListeningPlan(given: given.descriptors, withTLS: settings.tls.files != nil)
            for descriptor in inherited { Glibc.close(descriptor) }
        } else if predecessor?.areGiven == true {
            plan = try ListeningPlan(given: inherited, withTLS: settings.tls.files != nil)
        } else {
            plan = try ListeningPlan(settings.listen, inherited: inherited)
            for descriptor in plan.unused { Glibc.close(descriptor) }
        }
        control = try predecessor?.control ?? path.map { try HandOver.open($0) }
    }

    /// Lets the predecessor stop, now that `server` has started, and waits for a successor. Control loop only.
    func takeOver(
        on loop: EventLoop, _ server: HTTPServer, _ events: ServiceEvents, _ manager: ServiceManager, _ log: Log
    ) async throws {
        if let predecessor {
            let isUnderstood = try await WorkerPool(name: "hand-over", threadsMax: 1).run { predecessor.confirm() }
            log.say(isUnderstood ? "took over from the running server" : "the server that ran before has gone")
        }
        guard let control, let path else { return }
        handOver = try HandOverServer(
            loop: loop, control: control, path: path, sockets: { server.listeningDescriptors }, areGiven: areGiven,
            say: log.say,
            taken: { process in
                // Only the main process may say who is the next one.
                manager.tell("MAINPID=\(process)")
                events.add(.takenOver(by: process))
            })
    }

    /// Nobody can take over any more. Control loop only.
    func close() { handOver?.close() }
}
