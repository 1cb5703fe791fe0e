import EventLoop
import TicketStore

enum PersonExportCommand: Command {
    static let words = ["person", "export"]
    static let synopsis = "EMAIL|ID"
    static let summary = "prints all that is kept of a person as one JSON document"

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        guard let person = try arguments.word() else {
            throw Failure.usage("`person export` needs an address or an identifier.")
        }
        try arguments.finish()
        let database = try Database(settings)
        defer { database.close() }
        try database.prepare(Installation(settings))
        let url = database.url
        try withLoop { loop in
            try await PersonExport(url: url, loop: loop).write(person) { Terminal.print($0) }
        }
        return 0
    }
}
