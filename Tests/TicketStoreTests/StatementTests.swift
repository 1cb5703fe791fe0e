import Postgres
import TestKit
import Testing

@testable import TicketStore

@Suite struct StatementTests {
    @Test(arguments: [
        (Roles.staff, Statements.all), (Roles.staff, PersonExport.sections), (Roles.owner, Statements.ofOwner),
    ])
    func `PostgreSQL understands every statement, for the roles that use it`(
        role: String, statements: [(name: String, sql: String)]
    ) async throws {
        try await TestDatabase.with(.migrated) { database in
            try await onLoop { loop in
                let lane = Lane(
                    loop: loop, connectionString: database.ownerURL,
                    options: .single("prepare", role: role))
                try await lane.withConnection { connection in
                    for (name, sql) in statements where !["install_policy"].contains(name) {
                        do { try await connection.script("PREPARE \"\(name)\" AS \(sql)", name: name) } catch {
                            Issue.record("\(name): \(error)")
                        }
                    }
                }
                await lane.close()
            }
        }
    }

    @Test func `statements have names of their own`() {
        let names = (Statements.all + Statements.ofOwner).map(\.name)
        #expect(Set(names).count == names.count)
    }
}
