import Digests
import HTTPWire
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// What can go wrong while a file is on its way, and what a retry is answered.
@Suite struct UploadTests {
    private static let large = AttachmentTests.bytes(600_000)

    @Test func `a retry is read, recognised and answered as before, whatever has become of the ticket`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let first = try await world.attach(Self.large, to: ticket, as: .carla, key: "k")
            #expect(first.status == 201 && !first.fields.contains("idempotency-replayed"))
            #expect(try await world.post("/v1/tickets/\(ticket)/withdraw", as: .carla).status == 200)
            for isChunked in [false, true] {
                let again = try await world.attach(Self.large, to: ticket, as: .carla, isChunked: isChunked, key: "k")
                #expect(again.status == 201 && again.body == first.body)
                #expect(again.fields.first("idempotency-replayed") == "true")
                #expect(again.fields.first("location") == first.fields.first("location"))
            }
            let other = try await world.attach(Self.large.dropLast(), to: ticket, as: .carla, key: "k")
            #expect(other.summary == "422 idempotency-key-reused")
            let name = try await world.attach(Self.large, to: ticket, as: .carla, filename: "other", key: "k")
            #expect(name.summary == "422 idempotency-key-reused")
            // Somebody else's key is another one.
            #expect(
                try await world.attach([1], to: ticket, as: .cody, key: "k").summary == "409 transition-not-allowed")
            #expect(try await world.get("/v1/tickets/\(ticket)/attachments", as: .carla)["items"].array.count == 1)
            #expect(try await world.staged() == 0)
            #expect(try await world.database.count("SELECT count(*) FROM attachment_chunks") == 3)
        }
    }

    @Test func `a refusal is kept under its key, and bound to the bytes`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let refused = try await world.attach(Self.large, to: ticket, as: .carla, filename: "a%0A", key: "k")
            #expect(refused.faults == ["?filename control_character"])
            let again = try await world.attach(Self.large, to: ticket, as: .carla, filename: "a%0A", key: "k")
            #expect(again.body == refused.body && again.fields.first("idempotency-replayed") == "true")
            let other = try await world.attach([1], to: ticket, as: .carla, filename: "a%0A", key: "k")
            #expect(other.summary == "422 idempotency-key-reused")
            #expect(try await world.staged() == 0)
        }
    }

    @Test func `a second upload under a key that is still running is told so, before it is read`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let head = world.attachmentHead(ticket, as: .carla, key: "k")
            let port = world.port
            let first = try await SocketClient.onThread { try Socket(port: port) }
            first.send(head + Array("Content-Length: 600000\r\n\r\n".utf8) + Self.large.prefix(300_000))
            try await world.eventually { world.transfers.count == 1 }
            let second = head + Array("Expect: 100-continue\r\nContent-Length: 600000\r\n\r\n".utf8)
            let told = try Reply(try await SocketClient.exchange(port: port, second))
            #expect(told.summary == "409 idempotency-key-in-progress")
            let comment = "/v1/tickets/\(ticket)/comments"
            let other = try await world.post(comment, #"{"body":"Meanwhile"}"#, as: .carla, key: "k")
            #expect(other.summary == "409 idempotency-key-in-progress")
            #expect(try await world.attach([1], to: ticket, as: .carla, key: "other").status == 201)
            let answer = try await SocketClient.onThread {
                first.send(Array(Self.large.dropFirst(300_000)))
                return first.receive()
            }
            #expect(try Reply(answer)["sha256"].string == Digest(of: Self.large).hex)
            #expect(try await world.attach(Self.large, to: ticket, as: .carla, key: "k").status == 201)
            #expect(try await world.get("/v1/tickets/\(ticket)/attachments", as: .carla)["items"].array.count == 2)
        }
    }

    /// How a body breaks off after 300,000 bytes of it.
    @Test(arguments: [
        "Content-Length: 600000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n493e0\r\n",
        "Idempotency-Key: k\r\nContent-Length: 600000\r\n\r\n",
    ])
    func `an upload that breaks off leaves nothing`(framing: String) async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let head = world.attachmentHead(ticket, as: .carla) + Array(framing.utf8)
            let port = world.port
            // Half closed, so that the client hears what it is told.
            let answer = try await SocketClient.onThread {
                let socket = try Socket(port: port)
                socket.send(head + Self.large.prefix(300_000))
                socket.endSending()
                return socket.receive()
            }
            let told = answer.isEmpty ? nil : try Reply(answer).summary
            #expect(told == nil || told == "400 malformed-request")
            // And gone without a word.
            try await SocketClient.onThread { try Socket(port: port).send(head + Self.large.prefix(300_000)) }
            try await world.eventually { world.transfers.count == 0 }
            try await world.eventually { try await world.staged() == 0 }
            #expect(try await world.get("/v1/tickets/\(ticket)", as: .carla)["version"].integer == 1)
            // The one that went without a word may be noticed only now: until then its key is in use.
            let fields = framing.hasPrefix("I") ? [("Idempotency-Key", "k")] : []
            var again = try await world.attach(Self.large, to: ticket, as: .carla, fields: fields)
            while again.status == 409 {
                try await Task.sleep(for: .milliseconds(10))
                again = try await world.attach(Self.large, to: ticket, as: .carla, fields: fields)
            }
            #expect(again.status == 201)
        }
    }

    @Test func `however many race for the last room, a quota holds`() async throws {
        let quotas: [(AttachmentQuota, fits: Int)] = [
            (AttachmentQuota(perTicket: 3), 3), (AttachmentQuota(perTicketBytes: 2_500), 2),
            (AttachmentQuota(perOrganizationBytes: 4_000), 4),
        ]
        for (quota, fits) in quotas {
            try await World.with(attachments: quota) { world in
                let one = try await world.ticket()
                let tickets = quota.perOrganizationBytes == nil ? [one] : [one, try await world.ticket()]
                let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                    for number in 0..<10 {
                        group.addTask {
                            try await world.attach(
                                AttachmentTests.bytes(1_000), to: tickets[number % tickets.count], as: .carla)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(replies.count { $0.status == 201 } == fits, "\(quota)")
                #expect(replies.count { $0.summary == "422 quota-exceeded" } == 10 - fits, "\(quota)")
                #expect(try await world.database.count("SELECT count(*) FROM attachments") == fits)
                #expect(try await world.staged() == 0)
                if quota.perTicketBytes != nil {
                    // What does not fit by its own word is refused before it is sent.
                    let head = world.attachmentHead(one, as: .carla)
                    let early = head + Array("Expect: 100-continue\r\nContent-Length: 501\r\n\r\n".utf8)
                    let reply = try Reply(try await SocketClient.exchange(port: world.port, early))
                    #expect(reply.summary == "422 quota-exceeded")
                }
            }
        }
    }

    @Test func `too many files on their way at once are refused, and one caller cannot have them all`() async throws {
        try await World.with(transfers: Transfers(max: 8)) { world in
            let ticket = try await world.ticket()
            let port = world.port
            var slow: [Socket] = []
            for person in [Person.carla, .carla, .cody, .cody, .egor, .egor, .lena, .lena] {
                let head = world.attachmentHead(ticket, as: person) + Array("Content-Length: 9\r\n\r\n1".utf8)
                slow.append(
                    try await SocketClient.onThread {
                        let socket = try Socket(port: port)
                        socket.send(head)
                        return socket
                    })
                let expected = slow.count
                try await world.eventually { world.transfers.count == expected }
                if slow.count == 2 {
                    #expect(try await world.attach([1], to: ticket, as: .carla).summary == "503 overloaded")
                    #expect(try await world.attach([1], to: ticket, as: .cody).status == 201)
                }
            }
            let refused = try await world.attach([1], to: ticket, as: .adam)
            #expect(refused.summary == "503 overloaded" && refused.fields.first("retry-after") == "1")
            slow.removeAll()
            try await world.eventually { world.transfers.count == 0 }
            #expect(try await world.attach([1], to: ticket, as: .adam).status == 201)
        }
    }

    @Test func `clients that take nothing hold no connection to the database`() async throws {
        try await World.with { world in
            let sent = AttachmentTests.bytes(3 * Attachment.chunkBytes, seed: 9)
            var all: [UInt8] = []
            for _ in 0..<8 { all += sent }
            let whole = all
            let id = try await world.attached(whole)
            let port = world.port
            let get = Array(
                """
                GET /v1/attachments/\(id) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
                Authorization: Bearer \(Person.secrets[.egor] ?? "")\r\n\r\n
                """.utf8)
            // More of them than the lane has connections; a socket's buffers take less than 6 MiB.
            var lazy: [Socket] = []
            for _ in 0..<12 {
                lazy.append(
                    try await SocketClient.onThread {
                        let socket = try Socket(port: port)
                        socket.send(get)
                        _ = socket.receive(upTo: 100)
                        return socket
                    })
            }
            #expect(world.transfers.count == 12)
            let eager = try await world.get("/v1/attachments/\(id)", as: .carla)
            #expect(eager.status == 200 && eager.body == whole)
            #expect(try await world.attach([1], to: try await world.ticket(), as: .egor).status == 201)
            lazy.removeAll()
            try await world.eventually { world.transfers.count == 0 }
        }
    }
}

extension World {
    /// Waits for what must come about; the test's own time limit is the only one.
    func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }
}
