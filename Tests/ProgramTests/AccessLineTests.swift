import Foundation
import JSONText
import Regulations
import TestKit
import Testing
import TicketAPI
import Tickets

@testable import reglament

@Suite struct AccessLineTests {
    /// What clients and whoever stands between might like to see in a log.
    static let values = [
        "plain", "a b", "a\nb", "a\r\nb", "\n2026-11-20T09:30:00.000Z forged", "\u{1b}[31m", "\u{0}", "\"", "\\", "\\n",
        "\\x0a", "{\"a\":1}", "ж", "\u{2028}", "status=200", "-", "\u{7f}", "%0a", "=", "a\tb",
    ]

    private func request(_ value: String) -> AnsweredRequest {
        var request = AnsweredRequest(requestID: value, remoteAddress: value, status: 404)
        request.method = value
        request.route = "/v1/tickets/{id}"
        request.problem = "not-found"
        (request.bodyBytes, request.microseconds, request.parse, request.database, request.encode) = (1, 20, 3, 4, 5)
        request.principal = .init(
            user: UserID(stored: "u_ada0000000000000000000"), token: TokenID(stored: "t_ada0000000000000000000"),
            role: .engineer)
        return request
    }

    /// The value of a part of a line; nil for one that is not written as the reference says.
    private func unescaped(_ part: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            guard (0x21...0x7e).contains(byte) else { return nil }
            guard byte == 0x5c else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(3), as: UTF8.self)
            guard digits.hasPrefix("x"), let value = UInt8(digits.dropFirst(), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    @Test(arguments: values)
    func `a line of text is read back, whatever stands in it`(value: String) throws {
        var line: [UInt8] = []
        AccessLine.writeText(request(value), at: Samples.noon, into: &line)
        let text = String(decoding: line, as: UTF8.self)
        #expect(line.count { $0 == 0x0a } == 1 && line.last == 0x0a)
        let parts = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
        try #require(parts.count == 14)
        #expect(parts[0] == "2026-04-28T07:15:00.000Z")
        for index in [1, 3, 4] { #expect(unescaped(parts[index]) == value) }
        #expect(parts[2] == "u_ada0000000000000000000/t_ada0000000000000000000/engineer")
        #expect(
            parts[5...].elementsEqual([
                "/v1/tickets/{id}", "404", "not-found", "-", "bytes=1", "us=20", "parse=3", "database=4", "encode=5",
            ]))
    }

    @Test(arguments: values)
    func `a line of JSON is read back, whatever stands in it`(value: String) throws {
        var line: [UInt8] = []
        AccessLine.writeJSON(request(value), at: Samples.noon, into: &line)
        #expect(line.count { $0 == 0x0a } == 1 && line.last == 0x0a)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.dropLast())) as? [String: Any])
        for name in ["request_id", "address", "method"] { #expect(object[name] as? String == value) }
        #expect(object["status"] as? Int == 404 && object["database_microseconds"] as? Int == 4)
        #expect(object["trace_id"] is NSNull && object["role"] as? String == "engineer")
        let page = try Repository.text("docs/reference/logs.md")
        for name in object.keys { #expect(page.contains("| `\(name)` |"), "\(name)") }
        #expect(page.split(separator: "\n").count { $0.hasPrefix("| `") } == object.count)
    }

    @Test func `what is not known is a hyphen, and null`() throws {
        let bare = AnsweredRequest(requestID: "r", remoteAddress: "192.0.2.1", status: 400)
        var line: [UInt8] = []
        AccessLine.writeText(bare, at: Samples.noon, into: &line)
        #expect(
            String(decoding: line, as: UTF8.self)
                == "2026-04-28T07:15:00.000Z r - 192.0.2.1 - - 400 - - bytes=0 us=0 parse=0 database=0 encode=0\n")
        line = []
        AccessLine.writeJSON(bare, at: Samples.noon, into: &line)
        let text = String(decoding: line, as: UTF8.self)
        for name in ["user", "token", "role", "method", "route", "problem", "trace_id"] {
            #expect(text.contains("\"\(name)\":null"))
        }
    }
}
