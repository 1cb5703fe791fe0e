import Glibc

/// What is done to the service under load. Each heals itself, but for a PostgreSQL that gave up.
enum Fault: String, CaseIterable, Sendable {
    case killService = "kill-service"
    case killBackend = "kill-backend"
    case killPostmaster = "kill-postmaster"
    /// All its processes at one moment.
    case killPostgres = "kill-postgres"
    case killBoth = "kill-both"
    case killJob = "kill-job"
    case pauseService = "pause-service"
    /// For longer than others wait before they take its work for abandoned.
    case freezeService = "freeze-service"
    case pauseBackend = "pause-backend"
    case pausePostgres = "pause-postgres"
    case cut
    case stall
    case mute
    case fillDisk = "fill-disk"
    /// SIGTERM, and up again: nothing that was begun may be cut short.
    case restart

    /// Blocks until it is over; gives what should not have been.
    func strike(_ site: Site, _ serving: [Instance], _ jobs: Jobs, _ generator: inout SeededGenerator) throws(Failure)
        -> [String]
    {
        // One of several as a rule, and all of them now and then.
        let one = serving.randomElement(using: &generator).map { [$0] } ?? []
        let hit = generator.isOnce(in: 0.25) ? serving : one
        let cluster = site.cluster
        let pause = generator.seconds(0.1...1.5)
        switch self {
        case .killService:
            for instance in hit { instance.kill() }
            sleep(seconds: pause / 2)
            for instance in hit { try site.start(instance) }
        case .killBackend:
            for _ in 0..<3 {
                if let id = cluster.backends.randomElement(using: &generator) { cluster.signal(SIGKILL, to: [id]) }
                sleep(seconds: pause)
            }
        case .killPostmaster:
            cluster.signal(SIGKILL, to: Array(cluster.processes.prefix(1)))
            sleep(seconds: pause)
            try cluster.start()
        case .killPostgres:
            cluster.killAll()
            sleep(seconds: pause)
            try cluster.start()
        case .killBoth:
            let isDatabaseFirst = generator.isOnce(in: 0.5)
            if isDatabaseFirst { cluster.killAll() }
            for instance in serving { instance.kill() }
            if !isDatabaseFirst { cluster.killAll() }
            try cluster.start()
            for instance in serving { try site.start(instance) }
        case .killJob:
            for _ in 0..<5 {
                jobs.kill()
                sleep(seconds: pause / 4)
            }
        case .pauseService:
            for instance in hit { instance.signal(SIGSTOP) }
            sleep(seconds: 2 * pause)
            for instance in hit { instance.signal(SIGCONT) }
        case .freezeService:
            for instance in one { instance.signal(SIGSTOP) }
            sleep(seconds: 12 + 2 * pause)
            for instance in one { instance.signal(SIGCONT) }
        case .pauseBackend:
            let some = cluster.backends.shuffled(using: &generator).prefix(5)
            cluster.signal(SIGSTOP, to: Array(some))
            sleep(seconds: 2 * pause)
            cluster.signal(SIGCONT, to: Array(some))
        case .pausePostgres:
            let processes = cluster.processes
            cluster.signal(SIGSTOP, to: processes)
            sleep(seconds: 2 * pause)
            cluster.signal(SIGCONT, to: processes)
        case .cut: try through(hit, .cut, pause)
        case .stall: try through(hit, .stalled, 2 * pause)
        case .mute:
            for _ in 0..<3 {
                try through(hit, .mute, pause / 5)
                sleep(seconds: 0.3)
            }
        case .fillDisk:
            guard cluster.mayFill else { return [] }
            let size = cluster.fill()
            sleep(seconds: 1 + pause)
            cluster.empty()
            if size == 0 { return ["the disk was full before it was filled"] }
            // It may have given up, which is its right.
            try cluster.start()
        case .restart:
            var faults: [String] = []
            for instance in hit {
                if !instance.stop() { faults.append("an instance did not end well after SIGTERM") }
                try site.start(instance)
            }
            return faults
        }
        return []
    }

    private func through(_ instances: [Instance], _ mode: Proxy.Mode, _ seconds: Double) throws(Failure) {
        for instance in instances { instance.proxy.become(mode) }
        sleep(seconds: seconds)
        for instance in instances { instance.proxy.become(.open) }
    }
}
