import Foundation
import HTTPWire
import Testing

@testable import TicketAPI

/// What RFC 9110 demands of every answer, on a real connection.
@Suite struct ConformanceTests {
    @Test func `every answer has the present date in the fixed form`() async throws {
        try await World.with { world in
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(identifier: "GMT")
            format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
            for path in ["/healthz", "/v1/me", "/nowhere", "/%"] {
                let text = try #require(try await world.call("GET", path).fields.first("date"))
                let date = try #require(format.date(from: text))
                #expect(format.string(from: date) == text)
                #expect(abs(date.timeIntervalSinceNow) < 60)
            }
        }
    }

    @Test(arguments: [
        ("CONNECT", "test:80", 405), ("TRACE", "/healthz", 405), ("TRACE", "/v1/tickets", 405), ("OPTIONS", "*", 405),
        ("BREW", "/v1/tickets", 405), ("get", "/healthz", 405), ("TRACE", "/nowhere", 404),
        (String(repeating: "X", count: 33), "/", 501),
    ])
    func `a method that nobody implements is refused with what there is`(
        method: String, target: String, status: Int
    ) async throws {
        try await World.with { world in
            let reply = try await world.call(method, target)
            #expect(reply.status == status)
            if status == 405 { #expect(reply.fields.first("allow")?.contains("GET") == true) }
        }
    }

    @Test func `401 names its scheme`() async throws {
        try await World.with { world in
            let none = try await world.call("GET", "/v1/me")
            #expect(none.status == 401 && none.fields.first("www-authenticate") == "Bearer realm=\"reglament\"")
            let wrong = try await world.call("GET", "/v1/me", fields: [("Authorization", "Bearer x")])
            #expect(wrong.fields.first("www-authenticate")?.contains("error=\"invalid_token\"") == true)
        }
    }
}
