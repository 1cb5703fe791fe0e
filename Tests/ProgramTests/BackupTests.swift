import Foundation
import TestKit
import Testing

/// The page on backups, command by command, on PostgreSQL servers of its own.
@Suite(.serialized) struct BackupTests {
    /// A folder with everything that the page names below /var, and the user that PostgreSQL runs as.
    private struct Machine: Sendable {
        let folder: PrivateFolder
        let sockets: String
        private let page: String

        init() async throws {
            _ = try TestDatabase.serverURL()
            folder = try PrivateFolder()
            sockets = "\(folder.path)/sockets"
            page = try Repository.text("docs/how-to/backup.md")
            if geteuid() == 0 {
                let owned = try await BuiltProgram.run(["\(Self.owner):", folder.path], [:], executable: "/bin/chown")
                #expect(owned.status == 0)
            }
            try await run("mkdir --parents sockets other /var/backups/reglament/wal /var/lib/postgresql/15")
        }

        private static let owner = geteuid() == 0 ? (getpwnam("postgres") == nil ? "nobody" : "postgres") : NSUserName()

        /// The blocks of one kind below a heading.
        func blocks(_ heading: String, _ kind: String = "sh") throws -> [String] {
            let start = try #require(page.firstRange(of: "\n## \(heading)\n"))
            let rest = page[start.upperBound...]
            let section = rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)]
            let pattern = try Regex<(Substring, Substring)>("(?s)```\(kind)\n(.*?)```")
            return section.matches(of: pattern).map { String($0.output.1) }
        }

        /// Runs a script as PostgreSQL's user, in this folder, which stands for /var; throws when it fails.
        @discardableResult
        func run(_ script: String, sockets: String? = nil) async throws -> String {
            let here = script.replacing("/var/", with: "\(folder.path)/var/")
            // Whoever waits for this script waits for everybody who has inherited its descriptors: not the server.
            let prelude = """
                PATH=$(ls --directory /usr/lib/postgresql/*/bin | sort --version-sort | tail --lines=1):$PATH
                pg_ctl() { ( for fd in /proc/self/fd/*; do
                    fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
                done; exec pg_ctl "$@" </dev/null >/dev/null 2>&1 ) }
                cd '\(folder.path)'

                """
            let user = ["--reuid=\(Self.owner)", "--regid=\(Self.group)", "--clear-groups", "--"]
            let words = (geteuid() == 0 ? user : ["--"]) + ["/bin/bash", "-euo", "pipefail", "-c", prelude + here]
            let result = try await BuiltProgram.run(
                words,
                ["PGHOST": sockets ?? self.sockets, "PGUSER": "postgres", "PGPORT": "5432", "LC_ALL": "C.UTF-8"],
                executable: "/usr/bin/setpriv")
            struct Failed: Error { let script, said: String }
            guard result.status == 0 else {
                let logs = (try? folder.text("log")) ?? ""
                throw Failed(script: here, said: result.output + result.errors + logs.suffix(2000))
            }
            return result.output
        }

        private static let group = owner == "nobody" ? "nogroup" : owner

        func make(_ data: String, sockets: String, settings: String = "") async throws {
            try await run(
                """
                initdb --pgdata=\(data) --username=postgres --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 >/dev/null
                cat >>\(data)/postgresql.conf <<'CONF'
                listen_addresses = ''
                unix_socket_directories = '\(sockets)'
                \(settings)
                CONF
                pg_ctl start --pgdata=\(data) --wait --log=log
                """)
        }

        /// The program on the database behind a folder of sockets.
        func binary(_ sockets: String? = nil) -> Runner {
            Runner(settings: [
                "REGLAMENT_DATABASE_URL": "host=\(sockets ?? self.sockets) user=postgres dbname=reglament",
                "REGLAMENT_DATA": "\(NSTemporaryDirectory())rgl-data-\(getpid())",
            ])
        }

        /// A line for each table: its name, how many rows, and a fingerprint of all of them.
        func content(sockets: String? = nil) async throws -> [Substring] {
            let text = try await run(
                #"""
                psql --dbname=reglament --tuples-only --no-align --set=ON_ERROR_STOP=1 <<'SQL'
                SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(r::text, E''\n'' ORDER BY r::text), '''')) FROM %I r', relname, relname)
                  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname \gexec
                SQL
                """#, sockets: sockets)
            return text.split(separator: "\n")
        }

        func stop() async {
            _ = try? await run(
                """
                for data in /var/lib/postgresql/15/* other/data; do
                    if [ -f $data/postmaster.pid ]; then pg_ctl stop --pgdata=$data --mode=immediate || true; fi
                done
                """)
            folder.remove()
        }
    }

    private static func with(_ settings: String, _ body: (Machine) async throws -> Void) async throws {
        let machine = try await Machine()
        do {
            try await machine.make("/var/lib/postgresql/15/main", sockets: machine.sockets, settings: settings)
            try await machine.run("createdb --template=template0 reglament")
            let binary = machine.binary()
            #expect(try await binary.run("migrate", "up").status == 0)
            let demonstration = try await binary.run("demo")
            try #require(demonstration.status == 0, "\(demonstration.errors)")
            try await body(machine)
            await machine.stop()
        } catch {
            await machine.stop()
            throw error
        }
    }

    /// What the page says last, on whatever was restored.
    private func verify(_ machine: Machine, sockets: String? = nil) async throws {
        let blocks = try machine.blocks("Verify what was restored")
        try #require(blocks.count == 1)
        let script = blocks[0].replacing("reglament ", with: "\(BuiltProgram.path) ")
        let result = try await BuiltProgram.run(
            ["-euo", "pipefail", "-c", script], machine.binary(sockets).settings, executable: "/bin/bash")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(result.output.contains(" tickets, ") && result.output.contains(", 0 breaks"), "\(result.output)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a dump gives back what was dumped`() async throws {
        try await Self.with("fsync = off") { machine in
            let blocks = try machine.blocks("A dump")
            try #require(blocks.count == 2)
            let original = try await machine.content()
            #expect(original.contains { $0.hasPrefix("events|") } && original.count > 30)
            try await machine.run(blocks[0])
            // What comes after the dump is not in it.
            let sample = "Config/samples/incident_event_log.csv.gz"
            let words = ["import", "servicenow-log", sample, "--product", "omnivox"]
            #expect(try await BuiltProgram.run(words, machine.binary().settings).status == 0)

            let other = "\(machine.folder.path)/other"
            try await machine.make("other/data", sockets: other)
            try await machine.run(blocks[1], sockets: other)
            #expect(try await machine.content(sockets: other) == original)
            try await verify(machine, sockets: other)
            // It works on: nobody's rights were lost, and no number is given twice.
            let login = Runner(settings: [
                "REGLAMENT_DATABASE_URL": "host=\(other) user=reglament dbname=reglament",
                "REGLAMENT_DATA": "\(machine.folder.path)/data",
            ])
            try await machine.run(
                "psql --dbname=postgres --command='CREATE ROLE reglament LOGIN NOINHERIT' --command='GRANT reglament_staff, reglament_customer TO reglament'",
                sockets: other)
            #expect(try await BuiltProgram.run(words, login.settings).status == 0)
            #expect(try await login.run("verify").status == 0)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `base backup and archive give back the moment before somebody removed tickets`() async throws {
        let heading = "Any moment: base backup and archived WAL"
        let settings = try Repository.text("docs/how-to/backup.md").firstMatch(of: /(?s)```conf\n(.*?)```/)?.output.1
        try await Self.with(String(try #require(settings))) { machine in
            let blocks = try machine.blocks(heading)
            try #require(blocks.count == 3)
            try await machine.run(blocks[0])
            // Neither of these is in the base backup: the first is to come back, the second is not.
            let words = [
                "import", "servicenow-log", "Config/samples/incident_event_log.csv.gz", "--product", "omnivox",
            ]
            #expect(try await BuiltProgram.run(words, machine.binary().settings).status == 0)
            let original = try await machine.content()
            let moment = try await machine.run(
                "psql --dbname=postgres --tuples-only --no-align --command='SELECT clock_timestamp()'; sleep 0.1")
            try await machine.run("psql --dbname=reglament --command='TRUNCATE tickets CASCADE'")
            #expect(try await machine.content() != original)

            let stated = "2026-11-21 09:59:00+00"
            #expect(blocks[2].contains(stated))
            try await machine.run(blocks[1])
            try await machine.run(
                blocks[2].replacing(stated, with: moment.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(try await machine.content() == original)
            try await verify(machine)
            let restored = try await machine.binary().run("verify").output
            #expect(restored.hasPrefix("920 tickets, 6701 events, "), "\(restored)")
        }
    }
}
