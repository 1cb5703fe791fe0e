import Foundation
import TestKit
import Testing
import Tickets

/// What even a superuser cannot rewrite: anchors that lie elsewhere.
@Suite(.serialized) struct AnchorTests {
    /// Rewrites the history of a ticket from an event on, with every hash as the recipe wants it.
    private static func rewrite(_ ticket: String, from seq: Int) -> String {
        """
        SET session_replication_role = replica;
        UPDATE events SET actor = 'u_grace00000000000000000' WHERE ticket = '\(ticket)' AND seq = \(seq);
        DO $$
        DECLARE
            e events;
            previous text := '\(ticket)';
        BEGIN
            FOR e IN SELECT * FROM events WHERE ticket = '\(ticket)' ORDER BY seq LOOP
                e.hash := sha256(convert_to(concat_ws(E'\\n', 'reglament-event-v1', previous, e.seq::text,
                    to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), coalesce(e.actor, '-'), e.action,
                    coalesce(e.clause, '-'), coalesce(e.from_state, '-'), coalesce(e.to_state, '-'),
                    (SELECT string_agg(d.digest, E'\\n' ORDER BY d.digest COLLATE "C")
                       FROM (SELECT change_digest(c.line, substr(e.salts, 16 * c.place::integer - 15, 16)) AS digest
                               FROM string_to_table(e.changes, E'\\n') WITH ORDINALITY AS c (line, place)
                              UNION ALL
                             SELECT CASE WHEN e.comment_id IS NULL THEN 'description ' ELSE 'comment ' END || encode(e.text_digest, 'hex')
                              WHERE e.text_digest IS NOT NULL) d)), 'UTF8'));
                UPDATE events SET hash = e.hash WHERE ticket = e.ticket AND seq = e.seq;
                previous := encode(e.hash, 'hex');
            END LOOP;
            UPDATE tickets SET event_hash = decode(previous, 'hex') WHERE id = '\(ticket)';
        END
        $$;
        """
    }

    /// Removes a ticket with everything that is kept of it, and closes the gap in the feed.
    private static func remove(_ ticket: String) -> String {
        """
        SET session_replication_role = replica;
        DELETE FROM events WHERE ticket = '\(ticket)';
        DELETE FROM comments WHERE ticket = '\(ticket)';
        DELETE FROM feed WHERE ticket = '\(ticket)';
        DELETE FROM tickets WHERE id = '\(ticket)';
        CREATE TEMP TABLE closed AS SELECT row_number() OVER (ORDER BY feed_seq) AS feed_seq, ticket, seq FROM feed;
        DELETE FROM feed;
        INSERT INTO feed SELECT * FROM closed;
        SELECT recount_tickets();
        """
    }

    private struct Place: Sendable {
        let world: World
        let binary: Runner
        let folder: PrivateFolder
        var file: String { "\(folder.path)/anchors.jsonl" }

        func anchor() async throws -> BuiltProgram.Result { try await binary.run("anchor", "--file", file) }
        func verify() async throws -> BuiltProgram.Result { try await binary.run("verify", "--anchor", file) }

        /// Somebody else's way to the same.
        func verifyChains() async throws -> BuiltProgram.Result {
            let script = Repository.root.appending(path: "Scripts/verify-chains").path
            return try await BuiltProgram.run(
                [script, "--anchor", file, world.database.ownerURL], [:], executable: "/usr/bin/python3")
        }
    }

    /// Two tickets, anchored; then one of them has gone on and a third has come, anchored again.
    private static func with(_ body: @escaping @Sendable (Place) async throws -> Void) async throws {
        try await World.with { world in
            let folder = try PrivateFolder()
            defer { folder.remove() }
            let settings = ["REGLAMENT_DATABASE_URL": world.database.ownerURL, "REGLAMENT_DATA": folder.path]
            let place = Place(world: world, binary: Runner(settings: settings), folder: folder)
            // The program compares the policies by their checksums.
            try await world.asSuperuser("UPDATE policy_versions SET sha256 = encode(sha256(document), 'hex')")
            let ticket = try await world.solved("smartivr")
            _ = try await world.register("omnivox")
            #expect(try await place.anchor().status == 0)
            try await world.take(.comment("Again."), on: ticket.id, by: .carol)
            _ = try await world.register("maics")
            let printed = try await place.anchor()
            #expect(printed.status == 0, "\(printed.errors)")
            // Beginning anew leads to the same root.
            let anew = try await place.binary.run("anchor")
            func root(_ line: String) -> String { line.components(separatedBy: "\"root\"").last ?? "" }
            #expect(root(anew.output) == root(printed.output) && anew.output.contains("\"to\":6,"))
            try await body(place)
        }
    }

    @Test func `chains that have grown since are what they were`() async throws {
        try await Self.with { place in
            #expect(try await place.verify().output == "3 tickets, 6 events, 0 attachments, 2 anchors, 0 breaks\n")
            _ = try await place.world.register("omnivox")
            #expect(try await place.verify().output == "4 tickets, 7 events, 0 attachments, 2 anchors, 0 breaks\n")
            #expect(try await place.verifyChains().output == "4 tickets, 7 events, 0 breaks\n")
            #expect(try await place.anchor().status == 0)
            #expect(try await place.anchor().status == 0)
            #expect(try await place.verify().output == "4 tickets, 7 events, 0 attachments, 4 anchors, 0 breaks\n")
        }
    }

    @Test func `a history rewritten with all its hashes is found by the anchor alone`() async throws {
        try await Self.with { place in
            try await place.world.asSuperuser(Self.rewrite("SMARTIVR-1", from: 2))
            let alone = try await place.binary.run("verify")
            #expect(alone.output == "3 tickets, 6 events, 0 attachments, 0 breaks\n")
            let anchored = try await place.verify()
            #expect(anchored.status == 1)
            #expect(anchored.output.contains("SMARTIVR-1: event 3, which the anchor of 2"), "\(anchored.output)")
            #expect(anchored.output.contains("is another one"))
            #expect(anchored.output.contains("feed: up to place 4 it is not what the anchor of"))
            #expect(!anchored.output.contains("OMNIVOX") && !anchored.output.contains("MAICS"))
            let other = try await place.verifyChains()
            #expect(other.status == 1)
            #expect(other.output.contains("the feed up to place 4 is another one"), "\(other.output)")
        }
    }

    @Test func `a ticket that was removed without a trace is named`() async throws {
        try await Self.with { place in
            try await place.world.asSuperuser(Self.remove("OMNIVOX-1"))
            let alone = try await place.binary.run("verify")
            #expect(alone.output == "2 tickets, 5 events, 0 attachments, 0 breaks\n")
            let anchored = try await place.verify()
            #expect(anchored.status == 1)
            #expect(anchored.output.contains("OMNIVOX-1: event 1, which the anchor of 2"), "\(anchored.output)")
            #expect(anchored.output.contains("is gone"))
            #expect(anchored.output.contains("feed: it ends at place 5"))
            #expect(!anchored.output.contains("SMARTIVR"))
            #expect(try await place.verifyChains().status == 1)
            let refused = try await place.anchor()
            #expect(refused.status == 1)
            #expect(refused.errors.contains("its last anchor knows 6 events, and the feed has 5"))
        }
    }

    @Test func `roots that were only printed say that something was rewritten`() async throws {
        try await Self.with { place in
            let root = try await place.binary.run("anchor").output
            let file = try place.folder.write(root, to: "roots.jsonl")
            #expect(try await place.binary.run("verify", "--anchor", file).status == 0)
            try await place.world.asSuperuser(Self.rewrite("MAICS-1", from: 1))
            let result = try await place.binary.run("verify", "--anchor", file)
            #expect(result.status == 1)
            #expect(result.output.contains("feed: up to place 6 it is not what"))
        }
    }

    @Test(arguments: [
        ("{}\n", "line 1 is no anchor"), ("", "0 anchors"), ("{\"at\":\"x\"", "its last line is not finished"),
        ("{\"ab\":\"x\"", "line 1 is no anchor"), ("{\"at\":\"x\"\n", "line 1 is no anchor"),
        (
            """
            {"at":"1","to":1,"root":"\(String(repeating: "0", count: 64))"}
            {"at":"2","to":0,"root":"\(String(repeating: "0", count: 64))"}

            """, "line 2 is older than the one before"
        ),
    ])
    func `a file that holds no anchors is refused`(text: String, words: String) async throws {
        try await Self.with { place in
            let file = try place.folder.write(text, to: "other.jsonl")
            let result = try await place.binary.run("verify", "--anchor", file)
            #expect((result.output + result.errors).contains(words), "\(result)")
        }
    }

    @Test func `a last line without its end is passed over, and cut off by the next anchor`() async throws {
        try await Self.with { place in
            let whole = try place.folder.text("anchors.jsonl")
            for torn in ["{", "{\"at\":\"2026-11-20T09:30:00.000Z\",\"to\":9,\"root\":\"12"] {
                _ = try place.folder.write(whole + torn, to: "anchors.jsonl")
                let verified = try await place.verify()
                #expect(verified.output == "3 tickets, 6 events, 0 attachments, 2 anchors, 0 breaks\n")
                #expect(verified.status == 0 && verified.errors.contains("its last line is not finished"))
                let other = try await place.verifyChains()
                #expect(other.status == 0 && other.errors.contains("its last line is not finished"), "\(other)")
                #expect(try place.folder.text("anchors.jsonl") == whole + torn)
                let anchored = try await place.anchor()
                #expect(anchored.status == 0 && anchored.errors.contains("has been cut off: \(torn.utf8.count) bytes"))
                let after = try place.folder.text("anchors.jsonl")
                #expect(after.hasPrefix(whole) && after.hasSuffix("\n") && !after.contains(torn + "{"))
                let again = try await place.verify()
                #expect(again.output.hasSuffix("3 anchors, 0 breaks\n") && again.errors.isEmpty)
            }
        }
    }

    @Test func `a last line that lacks its line feed alone counts`() async throws {
        try await Self.with { place in
            let whole = try place.folder.text("anchors.jsonl")
            _ = try place.folder.write(String(whole.dropLast()), to: "anchors.jsonl")
            let verified = try await place.verify()
            #expect(verified.output.hasSuffix("2 anchors, 0 breaks\n") && verified.errors.isEmpty)
            #expect(try await place.anchor().errors.isEmpty)
            #expect(try place.folder.text("anchors.jsonl").hasPrefix(whole))
            #expect(try await place.verify().output.hasSuffix("3 anchors, 0 breaks\n"))
        }
    }

    @Test func `a line that finds no room leaves the file as it was`() async throws {
        try await Self.with { place in
            let whole = try place.folder.text("anchors.jsonl")
            // A limit of the file's size is the full disk of one process.
            let script = """
                trap '' XFSZ
                exec prlimit --fsize=\(whole.utf8.count + 20) -- \(BuiltProgram.path) anchor --file \(place.file)
                """
            let refused = try await BuiltProgram.run(
                ["-c", script], place.binary.settings, executable: "/bin/bash")
            #expect(refused.status == 1 && refused.errors.contains("anchors.jsonl: "), "\(refused)")
            #expect(try place.folder.text("anchors.jsonl") == whole)
        }
    }

    @Test func `a file of something else is not cut`() async throws {
        try await Self.with { place in
            let file = try place.folder.write("{\"a\": 1}", to: "anchors.jsonl")
            let refused = try await place.anchor()
            #expect(refused.status == 1 && refused.errors.contains("line 1 is no anchor"))
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "{\"a\": 1}")
        }
    }

    /// The page's own commands, in their order, with a server that takes the root.
    @Test func `the page on anchors does what it says`() async throws {
        try await Self.with { place in
            let page = try Repository.text("docs/how-to/anchor-the-history.md")
            let blocks = page.matches(of: /(?s)```sh\n(.*?)```/).map { String($0.output.1) }
            try #require(blocks.count == 3)
            let receiver = Process()
            let out = try place.folder.file("received")
            receiver.executableURL = URL(filePath: "/usr/bin/python3")
            receiver.arguments = [
                "-c",
                """
                import http.server, os
                class Receiver(http.server.BaseHTTPRequestHandler):
                    def do_POST(self):
                        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
                        print(self.headers['Content-Type'], self.path, body, end='', flush=True)
                        self.send_response(201)
                        self.end_headers()
                server = http.server.HTTPServer(('127.0.0.1', 0), Receiver)
                open('\(place.folder.path)/port', 'w').write(str(server.server_port))
                server.serve_forever()
                """,
            ]
            receiver.standardOutput = out
            receiver.standardError = FileHandle.nullDevice
            try receiver.run()
            defer { receiver.terminate() }
            while (try? place.folder.text("port"))?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(20)) }
            let port = try place.folder.text("port")
            let script = blocks.joined().replacing("https://witness.example.com", with: "http://127.0.0.1:\(port)")
                .replacing("/var/lib/reglament", with: place.folder.path)
                .replacing("reglament ", with: "\(BuiltProgram.path) ")
            let result = try await BuiltProgram.run(
                ["-euo", "pipefail", "-c", script], place.binary.settings, executable: "/bin/bash")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("3 anchors, 0 breaks"), "\(result.output)")
            let received = try place.folder.text("received")
            #expect(received.hasPrefix("application/json /anchors {\"at\":\"2"), "\(received)")
            #expect(received.contains("\"to\":6,\"root\":\""))
        }
    }
}
