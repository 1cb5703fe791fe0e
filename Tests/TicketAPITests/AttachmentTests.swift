import Digests
import HTTPWire
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// Files over a real socket into a real PostgreSQL and back.
@Suite struct AttachmentTests {
    private static let piece = Attachment.chunkBytes

    /// The same bytes in every run. They repeat with a period that no piece is a multiple of, so that one which is cut or
    /// put together wrong differs.
    static func bytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
        var state = UInt32(seed)
        let period = (0..<4_099).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + period.count)
        while bytes.count < count { bytes += period }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    @Test func `bytes come back as they were sent, wherever they are cut`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket(.awaitingInformation)
            let sizes = [1, Self.piece - 1, Self.piece, Self.piece + 1, 2 * Self.piece, 2 * Self.piece + 777]
            var made: [String] = []
            for (index, size) in sizes.enumerated() {
                let sent = Self.bytes(size, seed: UInt8(index))
                let person: Person = index % 2 == 0 ? .cody : .egor
                let reply = try await world.attach(sent, to: ticket, as: person, isChunked: index % 3 == 1)
                try #require(reply.status == 201, "\(size): \(reply.json)")
                #expect(reply.json.names == ["id", "filename", "media_type", "size", "sha256"])
                #expect(reply["size"].integer == size && reply["sha256"].string == Digest(of: sent).hex)
                let id = try #require(reply["id"].string)
                #expect(reply.fields.first("location") == "/v1/attachments/\(id)")
                made.append(id)
                let got = try await world.get("/v1/attachments/\(id)", as: .carla, fields: [("Accept", "image/*")])
                #expect(got.status == 200 && got.body == sent, "\(size)")
                let head = try await world.call("HEAD", "/v1/attachments/\(id)", as: .carla)
                #expect(head.fields.first("content-length") == "\(size)" && head.body.isEmpty)
            }
            let list = try await world.get("/v1/tickets/\(ticket)/attachments?limit=4", as: .carla)
            let rest = try await world.get(
                "/v1/tickets/\(ticket)/attachments?limit=4&cursor=\(list["next_cursor"].string ?? "")", as: .carla)
            #expect((list["items"].array + rest["items"].array).compactMap { $0["id"].string } == made)
            // Only a comment answers an information request.
            let after = try await world.get("/v1/tickets/\(ticket)", as: .carla)
            #expect(after["state"].string == "awaiting_information" && after["version"].integer == 3 + sizes.count)
            #expect(after["actions"].strings == ["comment", "attach", "withdraw"])
            let events = try await world.get("/v1/tickets/\(ticket)/events", as: .carla)["items"].array
            let told = events.filter { $0["action"].string == "attach" }
            #expect(told.compactMap { $0["changes"]["attachment"]["to"]["id"].string } == made)
            #expect(try await world.staged() == 0)
            #expect(world.transfers.count == 0)
        }
    }

    @Test func `a range is the same as a slice`() async throws {
        try await World.with { world in
            let all = Self.bytes(2 * Self.piece + 1_000)
            let id = try await world.attached(all)
            var cases: [(String, Range<Int>?)] = [
                ("bytes=0-0", 0..<1), ("bytes=-1", all.count - 1..<all.count), ("bytes=-99999999", 0..<all.count),
                ("Bytes=5-", 5..<all.count), ("bytes=0-99999999999999999999", 0..<all.count),
                ("bytes=\(all.count - 1)-", all.count - 1..<all.count), ("bytes=\(all.count)-", nil),
                ("bytes=-0", nil), ("bytes=99999999999999999999-", nil),
                ("bytes=\(Self.piece - 1)-\(Self.piece)", Self.piece - 1..<Self.piece + 1),
            ]
            for _ in 0..<24 {
                let first = Int.random(in: 0..<all.count)
                let last = Int.random(in: first..<all.count)
                cases.append(("bytes=\(first)-\(last)", first..<last + 1))
            }
            for (range, expected) in cases {
                let reply = try await world.get("/v1/attachments/\(id)", as: .carla, fields: [("Range", range)])
                if let expected {
                    #expect(reply.status == 206 && reply.body == Array(all[expected]), "\(range)")
                    #expect(
                        reply.fields.first("content-range")
                            == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/\(all.count)")
                } else {
                    #expect(reply.summary == "416 range-not-satisfiable", "\(range)")
                    #expect(reply.fields.first("content-range") == "bytes */\(all.count)")
                }
            }
        }
    }

    @Test func `conditions and ranges obey RFC 9110`() async throws {
        try await World.with { world in
            let id = try await world.attached(Array("0123456789".utf8))
            let tag = "\"\(Digest(of: "0123456789").hex)\""
            let part = ("Range", "bytes=2-4")
            let cases: [([(String, String)], Int, String)] = [
                ([], 200, "0123456789"), ([part], 206, "234"),
                ([("If-None-Match", tag)], 304, ""), ([("If-None-Match", "W/\(tag)"), part], 304, ""),
                ([("If-None-Match", "\"x\", *")], 200, "0123456789"), ([("If-None-Match", "*")], 304, ""),
                ([("If-Match", "*"), part], 206, "234"), ([("If-Match", "\"x\", \(tag)")], 200, "0123456789"),
                ([("If-Match", "W/\(tag)")], 412, ""), ([("If-Match", "\"x\""), ("If-None-Match", tag)], 412, ""),
                ([("If-Range", tag), part], 206, "234"), ([("If-Range", "\"x\""), part], 200, "0123456789"),
                ([("If-Range", "W/\(tag)"), part], 200, "0123456789"),
                ([("If-Range", "Fri, 20 Nov 2026 09:30:00 GMT"), part], 200, "0123456789"),
                ([("Range", "bytes=0-1,3-4")], 200, "0123456789"), ([("Range", "bytes=4-2")], 200, "0123456789"),
                ([("Range", "bytes=+1-2")], 200, "0123456789"), ([("Range", "lines=0-1")], 200, "0123456789"),
                ([("Range", "bytes=0-1"), part], 200, "0123456789"), ([("Range", "bytes=-")], 200, "0123456789"),
            ]
            for (fields, status, body) in cases {
                let reply = try await world.get("/v1/attachments/\(id)", as: .egor, fields: fields)
                #expect(reply.status == status, "\(fields)")
                if status < 400 {
                    #expect(String(decoding: reply.body, as: UTF8.self) == body, "\(fields)")
                    #expect(reply.fields.first("etag") == tag)
                    #expect(reply.fields.first("cache-control") == "private, no-cache, no-transform")
                }
            }
            let head = try await world.call("HEAD", "/v1/attachments/\(id)", as: .egor, fields: [part])
            #expect(head.status == 200 && head.fields.first("content-length") == "10")
        }
    }

    @Test func `whatever a file is said to be, no browser does more than save it`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let page = Array("<script>alert(1)</script>".utf8)
            let reply = try await world.attach(
                page, to: ticket, as: .carla, filename: "%D0%BE%D1%82%D1%87%D1%91%D1%82%22%5C..%2F.html",
                fields: [("Content-Type", "Text/HTML;Charset=utf-8")])
            #expect(
                reply["filename"].string == #"отчёт"\../.html"#
                    && reply["media_type"].string == "text/html; charset=utf-8")
            let got = try await world.get("/v1/attachments/\(reply["id"].string ?? "")", as: .carla)
            let expected = [
                "content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff",
                "content-security-policy": "sandbox; default-src 'none'",
                "cross-origin-resource-policy": "same-origin", "accept-ranges": "bytes",
                "content-disposition": """
                attachment; filename="_______.._.html"; \
                filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%22_.._.html
                """,
            ]
            for (name, value) in expected { #expect(got.fields.values(name) == [value]) }
            #expect(!got.fields.contains("content-language"))
        }
    }

    @Test func `refusals come in the contract's order, before the body where that can be`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let closed = try await world.ticket(.closed)
            func refused(
                _ ticket: String, as person: Person? = .carla, query: String = "?filename=a",
                length: Int = 20_000_000, _ fields: [(String, String)] = []
            ) async throws -> Reply {
                var head =
                    "POST /v1/tickets/\(ticket)/attachments\(query) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                if let person { head += "Authorization: Bearer \(Person.secrets[person] ?? "")\r\n" }
                for (name, value) in fields { head += "\(name): \(value)\r\n" }
                head += "Expect: 100-continue\r\nContent-Length: \(length)\r\n\r\n"
                // The client waits for 100, which never comes: nothing of the file is sent.
                return try Reply(try await SocketClient.exchange(port: world.port, Array(head.utf8)))
            }
            #expect(try await refused(ticket, as: nil).summary == "401 unauthorized")
            #expect(try await refused(ticket, length: Attachment.bytesMax + 1).summary == "413 content-too-large")
            for type in ["multipart/form-data; boundary=x", "text", "a/b; c", "a/b, c/d"] {
                #expect(try await refused("X-1", [("Content-Type", type)]).summary == "415 unsupported-media-type")
            }
            #expect(try await refused(ticket, [("Content-Encoding", "br")]).summary == "415 unsupported-media-type")
            #expect(try await refused("MAICS-999").summary == "404 not-found")
            #expect(try await refused(ticket, as: .gina).summary == "404 not-found")
            #expect(try await refused(ticket, as: .sven).summary == "403 forbidden")
            #expect(try await refused(ticket, query: "", [("If-Match", "\"9-x\"")]).summary == "412 stale-version")
            #expect(try await refused(closed, query: "").summary == "409 transition-not-allowed")
            #expect(try await refused(ticket, query: "?x=1").faults == ["?filename missing", "?x unknown_parameter"])
            #expect(try await refused(ticket, query: "?filename=a%00").faults == ["?filename nul_character"])
            #expect(try await refused(ticket, query: "?filename=a%0D%0Ab").faults == ["?filename control_character"])
            #expect(try await refused(ticket, query: "?filename=%C2%85").faults.count == 1)
            #expect(try await refused(ticket, query: "?filename=+%E2%80%83").faults == ["?filename blank"])
            #expect(try await refused(ticket, query: "?filename=%FF").faults == ["?filename not_utf8"])
            let long = String(repeating: "%D1%8F", count: 256)
            #expect(try await refused(ticket, query: "?filename=\(long)").faults == ["?filename too_long"])
            #expect(try await refused(ticket, length: 0).faults == [" empty"])
            #expect(try await refused(ticket, query: "?x=1&filename=+", length: 0).faults.count == 3)
            let like = [("Content-Type", "multipart/form-data-x")]
            #expect(try await refused(ticket, query: "", like).faults == ["?filename missing"])
            let gzipped = [("Content-Encoding", "gzip")]
            #expect(try await refused(ticket, length: 0, gzipped).summary == "400 malformed-request")
            #expect(try await world.attach([], to: ticket, as: .carla, isChunked: true).faults == [" empty"])
            #expect(try await world.get("/v1/tickets/\(ticket)/events", as: .carla)["items"].array.count == 1)
            #expect(try await world.staged() == 0)
        }
    }

    @Test func `a body over the limit is refused wherever that turns out, and nothing of it stays`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let large = [UInt8](repeating: 7, count: Attachment.bytesMax + 1)
            let refused = try await world.attach(large, to: ticket, as: .carla, isChunked: true, key: "large")
            #expect(refused.summary == "413 content-too-large")
            #expect(try await world.attach(large.dropLast(), to: ticket, as: .carla).status == 201)
            #expect(try await world.staged() == 0)
            #expect(try await world.get("/v1/tickets/\(ticket)/attachments", as: .carla)["items"].array.count == 1)
        }
    }

    @Test func `another organization's file does not exist`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let id = try #require(try await world.attach([1], to: ticket, as: .carla)["id"].string)
            #expect(try await world.get("/v1/attachments/\(id)", as: .gina).summary == "404 not-found")
            #expect(try await world.get("/v1/tickets/\(ticket)/attachments", as: .gina).summary == "404 not-found")
            #expect(try await world.get("/v1/attachments/a_0", as: .carla).summary == "404 not-found")
            #expect(try await world.get("/v1/attachments/\(id)?x=1", as: .cody).faults == ["?x unknown_parameter"])
            #expect(try await world.get("/v1/attachments/\(id)", as: .cody).body == [1])
        }
    }
}

extension World {
    /// Sends bytes as an attachment on a connection of its own.
    func attach(
        _ bytes: [UInt8], to ticket: String, as person: Person, filename: String = "screen.png",
        isChunked: Bool = false, key: String? = nil, fields: [(String, String)] = []
    ) async throws -> Reply {
        var request = attachmentHead(ticket, as: person, filename: filename, key: key, fields: fields)
        if isChunked {
            request += Array("Transfer-Encoding: chunked\r\n\r\n".utf8)
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = rest.prefix(rest.count > 100_000 ? 70_001 : 501)
                request += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10]
                rest = rest.dropFirst(part.count)
            }
            request += Array("0\r\n\r\n".utf8)
        } else {
            request += Array("Content-Length: \(bytes.count)\r\n\r\n".utf8) + bytes
        }
        return try Reply(try await SocketClient.exchange(port: port, request))
    }

    /// Up to where it is told how long the body is.
    func attachmentHead(
        _ ticket: String, as person: Person, filename: String = "screen.png", key: String? = nil,
        fields: [(String, String)] = []
    ) -> [UInt8] {
        var head = "POST /v1/tickets/\(ticket)/attachments?filename=\(filename) HTTP/1.1\r\nHost: test\r\n"
        head += "Connection: close\r\nAuthorization: Bearer \(Person.secrets[person] ?? "")\r\n"
        if let key { head += "Idempotency-Key: \(key)\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        return Array(head.utf8)
    }

    /// The id of a file on a ticket of its own.
    func attached(_ bytes: [UInt8]) async throws -> String {
        try #require(try await attach(bytes, to: try await ticket(), as: .carla)["id"].string)
    }

    /// How many rows belong to files that are on their way, or to nothing.
    func staged() async throws -> Int {
        try await database.count(
            """
            SELECT (SELECT count(*) FROM uploads) + count(*) FROM attachment_chunks c
             WHERE NOT EXISTS (SELECT FROM attachments a WHERE a.id = c.attachment)
            """)
    }
}
