import CLinux
import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Regulations
import TicketAPI
import TicketStore
import Tickets

/// The store of whatever the service does beside requests. It begins to connect at once, while files are read.
struct ControlStore: Sendable {
    let store: PostgresStore
    /// Where the regulations are published, once they are known.
    let known = Locked(Rulebook.empty)

    init(on loop: EventLoop, _ options: ConnectionOptions, _ clock: ServiceClock) {
        let known = known
        store = PostgresStore(
            loop: loop, connections: options.background, rulebook: { known.withLock { $0 } }, now: clock.now)
        store.open()
    }
}

/// One running server: its loops, each with a store and an API of its own, and what it does beside requests.
struct Service: Sendable {
    let settings: Settings
    let installation: Installation
    let texts: Texts
    let clock: ServiceClock
    let options: ConnectionOptions
    let isDemonstration: Bool
    /// Nil when no address is over TLS.
    let certificate: Certificate?
    let manager: ServiceManager
    /// From the service manager, to be served on instead of the addresses of the settings.
    let given: GivenSockets?

    /// Returns after SIGTERM or SIGINT, or when another process has taken over, and everything that ran is answered. When it
    /// throws, the control store is still open.
    func run(on control: EventLoop, _ controlStore: ControlStore) async throws -> Ending.Outcome {
        let store = controlStore.store
        let events = try ServiceEvents(on: control)
        defer { events.cancel() }
        let log = try Log(settings.log, access: settings.observation.accessLog, now: clock.now)
        defer { log.flush() }
        let regulations = LiveRulebook(
            installation, loop: control, store: store, published: controlStore.known, say: log.say)
        do {
            try await regulations.start()
            regulations.sayDifferences()
            let session = Session(
                loop: control, store: store, installation: installation, regulations: regulations, clock: clock)
            let demonstration = Demonstration(session: session, dataFolder: settings.data)
            if isDemonstration {
                // The schedule does it for everybody else, and a write that comes before it does it by itself.
                try await store.keepIdempotencyDays()
                if try await demonstration.fillIfEmpty() { log.say("filled the empty database") }
            }
            let metrics = Metrics()
            let lanes = try await makeLoops(regulations, log, metrics)
            var configuration = serverConfiguration()
            let openFiles = OpenFiles.raiseLimit()
            if openFiles < configuration.connectionsMax + Self.otherOpenFiles {
                log.say(
                    """
                    the system allows \(openFiles) open files (ulimit -n), too few for the \
                    \(configuration.connectionsMax) connections of REGLAMENT_MAX_CONNECTIONS
                    """)
            }
            let front = try await Front.open(settings, given, unlessStopped: events)
            configuration.addresses = front.plan.servers
            let server = makeServer(lanes, configuration)
            let failures = JobFailures()
            metrics.begin(metricsParts(lanes, server, session, failures, log))
            do { try server.start() } catch { throw Failure.failed("\(error)") }
            let urls = zip(front.plan.addresses, server.boundPorts).map { $0.url($1) }
            for url in urls { log.say("listening on \(url)") }
            try await front.takeOver(on: control, server, events, manager, log)
            manager.tell("MAINPID=\(getpid())", "READY=1", "STATUS=Listening on \(urls.joined(separator: ", "))")
            if isDemonstration, let url = urls.first(where: { $0.hasPrefix("http") }) {
                Terminal.print(Demonstration.firstCommands(try await demonstration.cast(), url: url, now: clock.now()))
            }
            let watchdog = Watchdog.limit(Settings.processEnvironment(), isSuccessor: front.predecessor != nil).map {
                Watchdog(limit: $0, control: control, loops: lanes.map(\.loop), manager, say: log.say)
            }
            watchdog?.start()
            let givingBack = control.after(Self.startIsOver) { clinux_give_back_file_pages() }
            defer { givingBack.cancel() }
            let outcome = await serve(events, server, front, lanes, session, failures, log)
            watchdog?.stop()
            return outcome
        } catch {
            await regulations.stop()
            throw error
        }
    }

    private func serve(
        _ events: ServiceEvents, _ server: HTTPServer, _ front: Front, _ lanes: [ServingLoop], _ session: Session,
        _ failures: JobFailures, _ log: Log
    ) async -> Ending.Outcome {
        let schedule = Schedule(
            store: session.store, api: makeAPI(session.store, session.regulations, log),
            regulations: session.regulations, clock: clock, autoCloseAt: settings.autoCloseAt, log: log,
            failures: failures)
        let working = Task(executorPreference: session.loop) { await schedule.run(on: session.loop) }
        let sequencing = Task(executorPreference: session.loop) {
            await session.store.runSequencer { log.say("the event feed: \($0)") }
        }
        let keeping = Task(executorPreference: session.loop) {
            guard settings.databaseURL == nil else { return }
            await PrivateCluster.keep(dataDirectory: settings.data, on: session.loop, say: log.say)
        }
        let isSignalled = await waitForEnd(events, reloads(session, log), log)
        keeping.cancel()
        await keeping.value
        let ending = Ending(
            control: session.loop, events: events.stream, signalsToHurry: isSignalled ? 1 : 2,
            limit: settings.restart.drain + Self.finishing + Self.closing)
        let limit = ContinuousClock.now + settings.restart.drain + Self.finishing
        working.cancel()
        let outcome = await ending.run(cutOff: server.abort) { isHurried in
            await server.stopListening()
            // Only now, so that a successor that finds nobody here can bind the addresses.
            front.close()
            await server.drain(idle: settings.restart.drain, limit: settings.restart.drain + Self.finishing)
            sequencing.cancel()
            // Nobody waits any more: the process's end closes the rest.
            if isHurried() { return }
            let waiting = WorkerPool(name: "join", threadsMax: 1)
            for lane in lanes {
                await Task(executorPreference: lane.loop) { await lane.store.close() }.value
                lane.loop.stop()
                try? await waiting.run { lane.loop.join() }
            }
            await session.regulations.stop()
            // A batch of the nightly job that runs is part of what is finished.
            await session.store.close(grace: max(Self.closing, limit - ContinuousClock.now))
            await working.value
        }
        switch outcome {
        case .finished: break
        case .hurried: log.say("stopped at once")
        case .abandoned: log.say("stopped; what cannot be cut off is not waited for")
        }
        return outcome
    }

    /// Reloads as often as it is asked to, until the service is to end; whether a signal said so.
    private func waitForEnd(_ events: ServiceEvents, _ reloads: [Reload], _ log: Log) async -> Bool {
        for await event in events.stream {
            switch event {
            case .reload:
                manager.tell("RELOADING=1", "MONOTONIC_USEC=\(EventLoop.clock() / 1000)")
                var isAll = true
                for reload in reloads { isAll = await reload.run(log) && isAll }
                log.say(isAll ? "reloaded" : "not everything was reloaded")
                manager.tell("READY=1")
            case .stop:
                log.say("stopping")
                manager.tell("STOPPING=1", "STATUS=Finishing what runs")
                return true
            case .takenOver(let process):
                log.say("process \(process) has taken over; stopping")
                return false
            }
        }
        return true
    }

    /// After so long the code of a start is needed no more: 22 MiB resident become 9.
    private static let startIsOver = Duration.milliseconds(500)

    /// How long requests that run may take after the idle connections are let go.
    private static let finishing = Duration.seconds(30)

    /// How long PostgreSQL may take after that to answer what it was asked.
    private static let closing = Duration.seconds(5)

    /// What SIGHUP does, in this order.
    private func reloads(_ session: Session, _ log: Log) -> [Reload] {
        var reloads = [Reload(old: "the access log that it has") { try await log.reopen(on: session.loop) }]
        if let certificate {
            reloads.append(Reload(old: "the certificate that it has") { log.say(try certificate.reload()) })
        }
        reloads.append(
            Reload(old: "the policies and calendars that there were") { try await session.regulations.reload(settings) }
        )
        return reloads
    }

    /// What is open beside clients' connections: PostgreSQL's, loops, logs, and room to spare.
    private static let otherOpenFiles = 512

    private func serverConfiguration() -> ServerConfiguration {
        var configuration = ServerConfiguration(addresses: settings.listen.map(\.server))
        settings.limits.apply(to: &configuration)
        settings.proxies.apply(to: &configuration)
        configuration.tls = certificate?.context
        configuration.strictTransportSecurity = settings.tls.strictTransportSecurity
        configuration.unixSocketMode = settings.restart.socketMode
        configuration.gzipLevel = Int32(settings.compression.level)
        return configuration
    }

    private struct ServingLoop: Sendable {
        let loop: EventLoop
        let store: PostgresStore
        let api: API
        let lag: LagMeter
    }

    private func makeLoops(_ regulations: LiveRulebook, _ log: Log, _ metrics: Metrics) async throws -> [ServingLoop] {
        var lanes: [ServingLoop] = []
        let reference = Reference(texts)
        let limits = settings.rateLimits.make()
        let hasMetrics = settings.observation.metrics
        let transfers = Transfers(max: settings.attachments.transfers)
        for number in 0..<settings.loops {
            let loop = try EventLoop(name: "serve \(number)")
            try loop.start()
            // A store is made on the thread that it is used on.
            let store = await Task(executorPreference: loop) {
                let store = PostgresStore(
                    loop: loop, connections: options, rulebook: { regulations.rulebook }, now: clock.now)
                store.open()
                return store
            }.value
            let api = makeAPI(
                store, regulations, log, reference: reference, transfers: transfers, limits: limits,
                metrics: { hasMetrics ? await metrics.page() : nil })
            let lag = LagMeter(loop)
            loop.execute { lag.start() }
            lanes.append(ServingLoop(loop: loop, store: store, api: api, lag: lag))
        }
        return lanes
    }

    private func makeAPI(
        _ store: PostgresStore, _ regulations: LiveRulebook, _ log: Log, reference: Reference? = nil,
        transfers: Transfers = Transfers(), limits: RateLimits? = nil,
        metrics: @escaping @Sendable () async -> [UInt8]? = { nil }
    ) -> API {
        API(
            store: store, rulebook: { regulations.rulebook }, texts: texts, reference: reference,
            zones: installation.zones, attachments: settings.attachments.quota, transfers: transfers,
            streams: settings.streams.limits, now: clock.now, limits: limits, metrics: metrics, observe: log.observe)
    }

    private func makeServer(_ lanes: [ServingLoop], _ configuration: ServerConfiguration) -> HTTPServer {
        @Sendable func lane(of loop: EventLoop) -> ServingLoop {
            guard let lane = lanes.first(where: { $0.loop === loop }) else {
                preconditionFailure("the server names no other loops than those that it was given")
            }
            return lane
        }
        return HTTPServer(
            configuration, loops: lanes.map(\.loop),
            handler: { loop in
                let api = lane(of: loop).api
                return { await api.respond($0) }
            },
            promptly: { loop in
                let api = lane(of: loop).api
                return { api.respondPromptly($0) }
            },
            refusal: { lanes[0].api.refusal($0, $1, bodyBytesMax: configuration.bodyBytesMax) },
            refused: { loop, refusal, response, remoteAddress in
                lane(of: loop).api.noteRefusal(refusal, response, remoteAddress: remoteAddress)
            },
            onStop: { lane(of: $0).api.stopStreams() })
    }

    private func metricsParts(
        _ lanes: [ServingLoop], _ server: HTTPServer, _ session: Session, _ failures: JobFailures, _ log: Log
    ) -> Metrics.Parts {
        let (regulations, clock, minutes) = (session.regulations, clock, settings.autoCloseAt)
        let lag = LagMeter(session.loop)
        session.loop.execute { lag.start() }
        return Metrics.Parts(
            lanes: lanes.map { ($0.loop, $0.api, $0.store, $0.lag) }, server: server, control: session.loop,
            store: session.store, controlLag: lag,
            database: DatabaseFigures(loop: session.loop, store: session.store) {
                minutes.map { regulations.rulebook.nights(at: clock.now(), minutes: $0) } ?? [:]
            },
            failures: failures, calendarDays: { regulations.rulebook.calendarDaysLeft(at: clock.now()) }, log: log)
    }
}

extension Settings.ListenAddress {
    /// Where it can be reached; `port` is the one that was bound, which the system may have chosen.
    func url(_ port: UInt16) -> String {
        switch self {
        case .tcp(let host, _): "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .tls(let host, _): "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    var server: ServerAddress {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .tls(let host, let port): .tls(.tcp(host: host, port: port))
        case .unix(let path): .unix(path: path)
        }
    }
}
