import EventLoop
import Glibc
import Regulations
import TicketAPI
import TicketStore

enum ServeCommand: Command {
    static let words = ["serve"]
    static let synopsis = "[--demo]"
    static let summary = "the server; without REGLAMENT_DATABASE_URL on a private PostgreSQL of its own"
    static let options = [
        ("--demo", "fills an empty database with an invented installation and prints commands to try")
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let isDemonstration = arguments.flag("--demo")
        try arguments.finish()
        let environment = Settings.processEnvironment()
        let given = try GivenSockets(environment)
        let manager = ServiceManager(environment, say: Terminal.say)
        let certificate = try settings.tls.files.map(Certificate.init)
        if let warning = certificate?.warning { Terminal.say("warning: \(warning)") }
        let clock = ServiceClock(startingAt: settings.clock)
        if let start = settings.clock {
            Terminal.say("warning: REGLAMENT_CLOCK is set: the service's clock starts at \(start.rfc3339)")
        }
        let read: @Sendable () throws -> Files = {
            let installation = try Installation(settings)
            return (installation, try installation.texts())
        }
        // No cluster is made, and none migrated, where a file is wrong.
        let filesBefore = settings.databaseURL == nil ? try read() : nil
        let database = try Database(settings)
        defer { database.close() }
        if let filesBefore { try database.prepare(filesBefore.installation) }
        let options = database.connections(settings)
        let outcome = try withLoop(name: "schedule") { loop in
            let control = ControlStore(on: loop, options, clock)
            do {
                let files =
                    if let filesBefore { filesBefore } else {
                        try await Database.check(settings, on: loop, while: read)
                    }
                let service = Service(
                    settings: settings, installation: files.installation, texts: files.texts, clock: clock,
                    options: options, isDemonstration: isDemonstration, certificate: certificate, manager: manager,
                    given: given)
                return try await service.run(on: loop, control)
            } catch {
                await control.store.close()
                throw error
            }
        }
        if outcome == .abandoned {
            // Whatever still runs needs what exit(3) takes down.
            database.close()
            _exit(0)
        }
        return 0
    }

    private typealias Files = (installation: Installation, texts: Texts)
}
