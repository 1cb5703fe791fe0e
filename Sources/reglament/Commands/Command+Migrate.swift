import EventLoop
import TicketStore

enum MigrateCommand: Command {
    static let words = ["migrate"]
    static let synopsis = "[status|up]"
    static let summary = "shows or applies the migrations of the database"
    static let options = [
        ("status", "what is applied and what is pending (the default); 1 when the database is not current"),
        ("up", "applies what is pending, as REGLAMENT_MIGRATE_URL or else REGLAMENT_DATABASE_URL"),
    ]

    static func run(_ arguments: inout Arguments, _ settings: Settings) throws -> Int32 {
        let verb = try arguments.word() ?? "status"
        try arguments.finish()
        guard ["status", "up"].contains(verb) else { throw Failure.usage("`migrate` knows `status` and `up`.") }
        let migrations = try Installation(settings).migrations()
        let database = try Database(settings)
        defer { database.close() }
        let url = database.migrateURL
        return try withLoop { loop in
            let migrator = Migrator(url: url, migrations: migrations, loop: loop)
            if verb == "up" {
                let count = try await migrator.up { Terminal.print("applied \($0)") }
                Terminal.say(count == 0 ? "The database is current." : "\(count) migrations applied.")
                return 0
            }
            let status = try await migrator.status()
            for name in status.applied { Terminal.print("applied \(name)") }
            for migration in status.pending { Terminal.print("pending \(migration.name)") }
            for fault in status.faults { Terminal.say(fault) }
            return status.isCurrent ? 0 : 1
        }
    }
}
