import EventLoop
import Glibc

/// One `reglament serve`, behind a proxy of its own, on a Unix socket.
final class Instance: Sendable {
    let socket: String
    let proxy: Proxy
    /// Its own copy of what the service comes with.
    let home: String
    private let errors: String
    private let child = Locked<Child?>(nil)

    /// `home`: what is copied.
    init(_ number: Int, folder: String, cluster: Cluster, home source: String) throws(Failure) {
        home = "\(folder)/home-\(number)"
        mkdir(home, 0o755)
        let copy = ["cp", "--recursive", "\(source)/Config", "\(source)/Migrations", home]
        guard try Child.run(copy, errors: "/dev/null") == 0 else {
            throw Failure("Config and Migrations cannot be copied from \(source) to \(home)")
        }
        socket = "\(folder)/serve-\(number).sock"
        errors = "\(folder)/serve-\(number).log"
        proxy = try Proxy(folder: "\(folder)/proxy-\(number)", target: cluster.sockets)
    }

    /// Returns before it is ready.
    func start(_ binary: String, _ settings: [String: String]) throws(Failure) {
        let own = settings.merging(["REGLAMENT_LISTEN": "unix:\(socket)"]) { $1 }
        let started = try Child([binary, "serve"], environment: own, errors: errors)
        child.withLock { $0 = started }
    }

    /// Whether it ended when it was told to, with the status 0 of an orderly end.
    func stop() -> Bool {
        guard let child = child.withLock({ $0.take() }) else { return true }
        child.signal(SIGTERM)
        // By the signal itself: it had not come so far as to hear it.
        if let status = child.ended(within: 45) { return status == 0 || status == 128 + SIGTERM }
        child.signal(SIGKILL)
        _ = child.ended(within: 10)
        return false
    }

    func kill() {
        guard let child = child.withLock({ $0.take() }) else { return }
        child.signal(SIGKILL)
        _ = child.ended(within: 10)
    }

    /// Nil: it does not run.
    var process: pid_t? { child.withLock { $0?.id } }

    func signal(_ number: Int32) { child.withLock { $0 }?.signal(number) }

    enum End: Sendable {
        /// It found no database when it started, said so and left it to a service manager to try again.
        case withoutDatabase
        /// What it never should.
        case byItself
    }

    /// Nil: it runs. Told once.
    func takeEnd() -> End? {
        let status = child.withLock { child in
            let status = child?.ended()
            if status != nil { child = nil }
            return status
        }
        guard let status else { return nil }
        let last = text(of: errors)?.split(separator: "\n").last ?? ""
        return status == 1 && last.hasPrefix("the database cannot be reached") ? .withoutDatabase : .byItself
    }

    var isReady: Bool {
        guard let connection = try? HTTPConnection(socket, patience: 2) else { return false }
        guard (try? connection.send(Array("GET /readyz HTTP/1.1\r\nHost: soak\r\n\r\n".utf8))) != nil else {
            return false
        }
        return (try? connection.answer())?.status == 200
    }
}
