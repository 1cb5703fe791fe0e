public import TicketStore

extension Repository {
    public static func migrations() throws -> [Migration] {
        try files(in: "Migrations").compactMap { name in
            Migration(fileName: name, bytes: try bytes("Migrations/\(name)"))
        }
    }
}

extension TestTemplate {
    /// A database with every migration and nothing else.
    public static let migrated = TestTemplate("migrated") { url in
        try await onLoop { loop in
            _ = try await Migrator(url: url, migrations: try Repository.migrations(), loop: loop).up { _ in }
        }
    }
}
