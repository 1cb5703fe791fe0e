import TicketAPI
import TicketStore
import Tickets

enum RoutesCommand: Command {
    static let words = ["routes"]
    static let summary = "prints the calls of the API with the roles that may make them"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        try arguments.finish()
        for route in Route.all {
            let roles = route.roles.map { $0.map(\.rawValue).joined(separator: ",") } ?? "no token"
            Terminal.print("\(route.method)\t\(route.path)\t\(roles)")
        }
        return 0
    }
}

enum StatementsCommand: Command {
    static let words = ["statements"]
    static let synopsis = "[NAME]"
    static let summary = "prints the SQL that the service sends, for whoever grants, tunes or audits"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let wanted = try arguments.word()
        try arguments.finish()
        let found = PostgresStore.statements.filter { wanted == nil || $0.name == wanted }
        guard !found.isEmpty else { throw Failure.usage("There is no statement `\(wanted ?? "")`.") }
        Terminal.print(found.map { "-- \($0.name)\n\($0.sql);" }.joined(separator: "\n\n"))
        return 0
    }
}
