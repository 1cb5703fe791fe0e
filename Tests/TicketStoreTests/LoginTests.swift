import EventLoop
import Postgres
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct LoginTests {
    @Test func `a login that can only become the two roles is enough to serve`() async throws {
        try await TestDatabase.with(.populated) { database in
            let login = "login_\(database.name)"
            try await database.run(
                """
                CREATE ROLE \(login) LOGIN NOINHERIT;
                GRANT reglament_staff, reglament_customer TO \(login)
                """)
            let url = database.url(user: login)
            try await onLoop { loop in
                let status = try await Migrator(url: url, migrations: try Repository.migrations(), loop: loop).status()
                #expect(status.isCurrent)
                let store = PostgresStore(
                    loop: loop, connections: ConnectionOptions(url: url), rulebook: { Samples.rulebook },
                    now: { Samples.noon })
                let customer = try await store.user(User.carol.id, World.access(.carol))
                let readiness: Void? = try? await store.checkReadiness()
                await store.close()
                #expect(customer == User.carol && readiness != nil)
            }
            try await database.run("DROP OWNED BY \(login); DROP ROLE \(login)")
        }
    }
}
