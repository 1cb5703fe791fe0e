import HTTPWire
import Testing
import Tickets

@testable import TicketAPI

/// RFC 9110 10.1.1: what the head alone decides is answered at once, and the body is never asked for.
@Suite struct ExpectationTests {
    struct Head: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        let person: Person?
        let fields: String
        let summary: String
        var testDescription: String { "\(method) \(path) \(fields) \(summary)" }

        init(_ summary: String, _ method: String, _ path: String, _ person: Person?, _ fields: String) {
            (self.summary, self.method, self.path, self.person, self.fields) = (summary, method, path, person, fields)
        }
    }

    static let heads: [Head] = [
        .init("401 unauthorized", "POST", "/v1/tickets", nil, "Content-Type: application/json\r\nContent-Length: 9"),
        .init("404 not-found", "POST", "/v1/nowhere", .carla, "Content-Type: application/json\r\nContent-Length: 9"),
        .init("405 method-not-allowed", "PUT", "/v1/tickets", .carla, "Content-Length: 9"),
        .init("415 unsupported-media-type", "POST", "/v1/tickets", .carla, "Content-Length: 9"),
        .init("415 unsupported-media-type", "POST", "/v1/tickets", .carla, "Content-Type: a/b\r\nContent-Length: 9"),
        .init(
            "415 unsupported-media-type", "POST", "/v1/tickets", .carla,
            "Content-Type: text/plain\r\nTransfer-Encoding: chunked"),
        .init(
            "415 unsupported-media-type", "POST", "/v1/tickets", .carla,
            "Content-Type: application/json\r\nContent-Encoding: rot13\r\nContent-Length: 9"),
        .init(
            "415 unsupported-media-type", "PATCH", "/v1/tickets/MAICS-1", .egor, "Transfer-Encoding: chunked"),
        .init(
            "413 content-too-large", "POST", "/v1/tickets", .carla,
            "Content-Type: application/json\r\nContent-Length: 1048577"),
        .init(
            "413 content-too-large", "POST", "/v1/tickets", .carla,
            "Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 1048577"),
        .init(
            "417 expectation-failed", "POST", "/v1/tickets", .carla,
            "Content-Type: application/json\r\nContent-Length: 9\r\nExpect: coffee"),
    ]

    @Test func `a refusal that the head decides comes instead of 100`() async throws {
        try await World.with { world in
            for head in Self.heads {
                let authorization = head.person.map { "Authorization: Bearer \(Person.secrets[$0] ?? "")\r\n" } ?? ""
                let expect = head.fields.contains("Expect") ? "" : "Expect: 100-continue\r\n"
                let text =
                    "\(head.method) \(head.path) HTTP/1.1\r\nHost: test\r\n\(authorization)\(expect)\(head.fields)\r\n\r\n"
                let bytes = try await SocketClient.exchange(port: world.port, Array(text.utf8))
                let reply = try Reply(bytes)
                #expect(reply.summary == head.summary, "\(head)")
                // Whether the body comes now nobody knows.
                #expect(reply.fields.first("connection") == "close")
            }
        }
    }

    /// A client may take half an hour for a body.
    @Test(arguments: [true, false]) func `rights that end while the body comes are ended`(byUser: Bool) async throws {
        try await World.with { world in
            let id = try await world.ticket(.assigned)
            let secret = Person.secrets[.cody] ?? ""
            let body = #"{"body":"too late"}"#
            let head = """
                POST /v1/tickets/\(id)/comments HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer \(secret)\r
                Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n
                """
            let socket = try await SocketClient.onThread {
                let socket = try Socket(port: world.port)
                socket.send(Array((head + body.prefix(5)).utf8))
                return socket
            }
            // It is at work on it: whoever comes later has been answered.
            #expect(try await world.get("/v1/me", as: .cody).status == 200)
            if byUser {
                let reply = try await world.call(
                    "PATCH", "/v1/users/\(Person.cody.id)", #"{"active":false}"#, as: .adam)
                #expect(reply.status == 200)
            } else {
                let tokens = try await world.get("/v1/users/\(Person.cody.id)/tokens", as: .cody)["items"].array
                let path = "/v1/users/\(Person.cody.id)/tokens/\(tokens.first?["id"].string ?? "")"
                #expect(try await world.call("DELETE", path, nil, as: .cody).status == 204)
            }
            let answer = try await SocketClient.onThread {
                socket.send(Array(body.dropFirst(5).utf8))
                return socket.receive()
            }
            #expect(try Reply(answer).summary == "401 unauthorized")
            #expect(try await world.get("/v1/tickets/\(id)/comments", as: .egor)["items"].array.isEmpty)
        }
    }

    @Test func `a body that the server itself does not take is refused in the client's language`() async throws {
        try await World.with { world in
            let text = """
                POST /v1/tickets HTTP/1.1\r\nHost: test\r\nAccept-Language: ru\r\nX-Request-Id: abc\r
                Content-Length: 99999999\r\n\r\n
                """
            let reply = try Reply(try await SocketClient.exchange(port: world.port, Array(text.utf8)))
            #expect(reply.summary == "413 content-too-large")
            #expect(reply.fields.first("x-request-id") == "abc" && reply.fields.first("content-language") == "ru")
            #expect(reply["detail"].string == "Тело запроса больше 32 MiB.")
        }
    }
}
