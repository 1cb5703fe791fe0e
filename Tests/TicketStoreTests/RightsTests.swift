import Postgres
import TestKit
import Testing

@testable import TicketStore

/// What PostgreSQL's own catalogue says that the service's roles may do.
@Suite struct RightsTests {
    /// The first column of what a query gives the superuser.
    static func column(_ sql: String, _ database: TestDatabase) async throws -> [String] {
        try await onLoop { loop in
            let lane = Lane(
                loop: loop, connectionString: database.ownerURL,
                options: .single("catalogue"))
            let statement = Statement<String>("catalogue", sql) { (row) throws(RowError) in try row.text() }
            let result: Result<[String], any Error>
            do { result = .success(try await lane.run(statement)) } catch { result = .failure(error) }
            await lane.close()
            return try result.get()
        }
    }

    /// Role, right and object of every grant to the service's roles or to everybody, on what is not PostgreSQL's own.
    private static let grants = """
        WITH objects AS (
            SELECT 'table ' || c.relname AS object, c.relacl AS acl, c.relkind::text AS kind, c.relowner AS owner FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND NOT c.relispartition
            UNION ALL
            SELECT 'partition of ' || p.relname, c.relacl, 'r', c.relowner FROM pg_class c
              JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
             WHERE c.relispartition AND c.relkind = 'r'
            UNION ALL
            SELECT 'sequence ' || relname, relacl, 's', relowner FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
            UNION ALL
            SELECT 'function ' || p.proname, coalesce(p.proacl, acldefault('f', p.proowner)), 'f', p.proowner FROM pg_proc p
             WHERE p.pronamespace = 'public'::regnamespace
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            UNION ALL
            SELECT 'column ' || c.relname || '.' || a.attname, a.attacl, 'a', c.relowner
              FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE c.relnamespace = 'public'::regnamespace AND a.attacl IS NOT NULL
            UNION ALL
            SELECT 'schema public', nspacl, 'n', nspowner FROM pg_namespace WHERE nspname = 'public'
        )
        """

    @Test func `each role may do what its page says, and nothing more`() async throws {
        try await TestDatabase.with(.populated) { database in
            let rows = try await Self.column(
                """
                \(Self.grants),
                named AS (
                    SELECT coalesce(g.rolname, 'everybody') AS grantee, a.privilege_type AS privilege, a.is_grantable, object
                      FROM objects, aclexplode(acl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
                     WHERE a.grantee <> owner
                ),
                -- Columns of one table under one right are one line.
                lines AS (
                    SELECT grantee, privilege, is_grantable,
                           CASE WHEN object LIKE 'column %' THEN split_part(substr(object, 8), '.', 1) ELSE object END AS object,
                           string_agg(CASE WHEN object LIKE 'column %' THEN split_part(object, '.', 2) END, ', ' ORDER BY object) AS columns
                      FROM named
                     WHERE grantee IN ('reglament_staff', 'reglament_customer', 'everybody')
                     GROUP BY 1, 2, 3, 4
                )
                SELECT DISTINCT grantee || ': ' || string_agg(privilege || CASE WHEN is_grantable THEN ' (and grant it)' ELSE '' END, ', ' ORDER BY privilege)
                       || ' on ' || CASE WHEN columns IS NULL THEN object ELSE object || ' (' || columns || ')' END
                  FROM lines GROUP BY grantee, object, columns ORDER BY 1
                """, database)
            let page = try Repository.text("docs/reference/database-roles.md")
            let block = try #require(
                page.split(separator: "```text\n", maxSplits: 1).last?.split(separator: "\n```").first)
            let said = block.split(separator: "\n").map(String.init)
            #expect(rows == said, "The catalogue says:\n\(rows.joined(separator: "\n"))")
        }
    }

    @Test func `the service's roles own nothing, are no login and stand above nothing`() async throws {
        try await TestDatabase.with(.populated) { database in
            let strange = try await Self.column(
                """
                SELECT 'owns ' || relname FROM pg_class WHERE relowner IN ('reglament_staff'::regrole, 'reglament_customer'::regrole)
                UNION ALL
                SELECT 'owns ' || proname FROM pg_proc WHERE proowner IN ('reglament_staff'::regrole, 'reglament_customer'::regrole)
                UNION ALL
                SELECT 'may more: ' || rolname FROM pg_roles
                 WHERE rolname LIKE 'reglament\\_%'
                   AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolcanlogin)
                UNION ALL
                SELECT 'is member: ' || m.member::regrole FROM pg_auth_members m
                 WHERE m.member IN ('reglament_staff'::regrole, 'reglament_customer'::regrole)
                UNION ALL
                SELECT 'may create in ' || nspname FROM pg_namespace, unnest(ARRAY['reglament_staff', 'reglament_customer']) role
                 WHERE has_schema_privilege(role, oid, 'CREATE')
                UNION ALL
                SELECT 'has no owner of ours: ' || relname FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
                   AND relowner <> 'reglament_owner'::regrole
                """, database)
            #expect(strange == [])
        }
    }

    @Test
    func `what a customer's role may read or write is under row-level security, and the owner's functions are safe`()
        async throws
    {
        try await TestDatabase.with(.populated) { database in
            let open = try await Self.column(
                """
                SELECT DISTINCT c.relname::text FROM pg_class c
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relrowsecurity
                   AND (has_any_column_privilege('reglament_customer', c.oid, 'SELECT, INSERT, UPDATE')
                        OR has_table_privilege('reglament_customer', c.oid, 'DELETE, TRUNCATE'))
                 ORDER BY 1
                """, database)
            // Which regulations there are, and which migrations ran, is no secret; people is a view with its own condition.
            #expect(open == ["migrations", "people", "policy_versions", "products"])
            let unsafe = try await Self.column(
                """
                SELECT proname::text FROM pg_proc
                 WHERE pronamespace = 'public'::regnamespace AND prosecdef
                   AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)
                """, database)
            #expect(unsafe == [])
        }
    }
}
