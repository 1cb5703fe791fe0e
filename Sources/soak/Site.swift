import EventLoop
import Glibc

/// PostgreSQL, the instances and one database: all that the faults fall upon.
final class Site: Sendable {
    let cluster: Cluster
    let instances: [Instance]
    let folder: String
    private let binary: String
    private let time = Locked(ServiceTime(rounds: 0))
    private let database = Locked("postgres")

    /// `isLarge`: the small file system has no room for what is to come.
    init(_ options: Options, instances count: Int, isLarge: Bool = false) throws(Failure) {
        (folder, binary) = (options.folder, options.binary)
        let cluster = try Cluster(folder: options.folder, disk: isLarge ? nil : options.disk)
        self.cluster = cluster
        var instances: [Instance] = []
        for number in 1...count {
            instances.append(try Instance(number, folder: folder, cluster: cluster, home: options.home))
        }
        self.instances = instances
    }

    var now: ServiceTime { time.withLock { $0 } }
    func set(_ time: ServiceTime) { self.time.withLock { $0 = time } }

    /// For the superuser, past proxies and service.
    var url: String { cluster.url(database.withLock { $0 }) }

    /// A new database with the service's own role, instead of the one before.
    func renewDatabase(_ name: String) throws(Failure) {
        let old = database.withLock { $0 }
        let server = try Database(cluster.url("postgres"))
        if old != "postgres" { try server.rows("DROP DATABASE \(old) WITH (FORCE)") }
        try server.rows("CREATE DATABASE \(name) TEMPLATE template0")
        database.withLock { $0 = name }
        try command(["migrate", "up"], ["REGLAMENT_DATABASE_URL": url])
        try server.rows(
            """
            SET client_min_messages = warning;
            DO $$ BEGIN CREATE ROLE reglament LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;
            GRANT reglament_staff, reglament_customer TO reglament
            """)
    }

    /// `instance`: whose files are read; commands read the first one's.
    private func settings(of instance: Instance? = nil, isDirect: Bool = false) -> [String: String] {
        [
            "REGLAMENT_DATABASE_URL": cluster.url(
                database.withLock { $0 }, through: isDirect ? nil : instance?.proxy.folder, as: "reglament"),
            "REGLAMENT_HOME": (instance ?? instances[0]).home,
            "REGLAMENT_DATA": "\(self.folder)/data", "REGLAMENT_CLOCK": now.rfc3339,
            "REGLAMENT_RATE_LIMIT": "off", "REGLAMENT_ACCESS_LOG": "off", "REGLAMENT_LOOPS": "1",
            "REGLAMENT_WRITERS": "6",
            "REGLAMENT_DRAIN": "1",
        ]
    }

    /// `isDirect`: past its proxy, for who measures.
    func start(_ instance: Instance, isDirect: Bool = false) throws(Failure) {
        try instance.start(binary, settings(of: instance, isDirect: isDirect))
    }

    /// Runs a command of the service past the proxies, and gives what it says; throws unless it ends with 0.
    @discardableResult
    func command(_ words: [String], _ more: [String: String] = [:]) throws(Failure) -> String {
        let output = "\(folder)/command"
        unlink(output)
        let status = try Child.run(
            [binary] + words, environment: settings().merging(more) { $1 }, output: output,
            errors: "\(folder)/commands.log", within: 900)
        let said = text(of: output) ?? ""
        guard status == 0 else { throw Failure("`\(words.joined(separator: " "))` ended with \(status): \(said)") }
        return said
    }

    /// The nightly job as a process that may be killed.
    func job() throws(Failure) -> Child {
        try Child([binary, "auto-close"], environment: settings(), errors: "\(folder)/commands.log")
    }

    /// Everything runs again. Gives what does not.
    func heal(_ serving: [Instance]) throws(Failure) -> [String] {
        cluster.signal(SIGCONT, to: cluster.processes)
        cluster.empty()
        for instance in serving {
            instance.proxy.become(.open)
            instance.signal(SIGCONT)
        }
        try cluster.start()
        var faults: [String] = []
        for (number, instance) in serving.enumerated() {
            let isReady = wait(upTo: 30) {
                switch instance.takeEnd() {
                case .withoutDatabase: try? start(instance)
                case .byItself: faults.append("instance \(number + 1) has ended by itself")
                case nil: break
                }
                return instance.isReady
            }
            if !isReady { faults.append("instance \(number + 1) is not ready after 30 s") }
        }
        return faults
    }
}

extension Site {
    func close() {
        for instance in instances {
            instance.kill()
            instance.proxy.close()
        }
        cluster.stop()
    }
}
