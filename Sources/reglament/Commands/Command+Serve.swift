import EventLoop
import Regulations

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
        let installation = try Installation(settings)
        let texts = try installation.texts()
        let certificate = try settings.tls.files.map(Certificate.init)
        if let warning = certificate?.warning { Terminal.say("warning: \(warning)") }
        let clock = ServiceClock(startingAt: settings.clock)
        if let start = settings.clock {
            Terminal.say("warning: REGLAMENT_CLOCK is set: the service's clock starts at \(start.rfc3339)")
        }
        let database = try Database(settings)
        defer { database.close() }
        try database.prepare(installation)
        let service = Service(
            settings: settings, installation: installation, texts: texts, clock: clock,
            options: database.connections(settings), isDemonstration: isDemonstration, certificate: certificate,
            manager: manager, given: given)
        try withLoop(name: "schedule") { loop in try await service.run(on: loop) }
        return 0
    }
}
