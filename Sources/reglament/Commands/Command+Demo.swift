import TicketStore
import Tickets

enum DemoCommand: Command {
    static let words = ["demo"]
    static let summary = "fills an empty database with an invented installation and prints everybody's token"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        try arguments.finish()
        let cast = try Session.with(settings) { session in
            let demonstration = Demonstration(session: session, dataFolder: settings.data)
            if try await !demonstration.fillIfEmpty() {
                guard try await session.store.user(email: Demonstration.engineer.email) != nil else {
                    throw Failure.failed("There are tickets here already: the demonstration needs an empty database.")
                }
            }
            return try await demonstration.cast()
        }
        for one in cast {
            Terminal.print(
                "\(one.user.role.rawValue)\t\(one.user.organization ?? "-")\t\(one.user.email)\t\(one.token)")
        }
        return 0
    }
}
