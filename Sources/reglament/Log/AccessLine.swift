import JSONText
import Regulations
import TicketAPI
import Tickets

/// One request as one line, in either form (`docs/reference/logs.md`). Whatever a client sends, it stays one line of as
/// many parts.
enum AccessLine {
    /// Parts with blanks between, `-` for what is not known; the first nine by their place, the others by their name.
    static func writeText(_ request: AnsweredRequest, at now: Instant, into line: inout [UInt8]) {
        now.appendRFC3339(to: &line)
        part(request.requestID, into: &line)
        if let principal = request.principal {
            line.append(0x20)
            principal.user.withBytes { line.append(contentsOf: $0) }
            line.append(0x2f)
            principal.token.withBytes { line.append(contentsOf: $0) }
            part(principal.role.rawValue, after: 0x2f, into: &line)
        } else {
            part(nil, into: &line)
        }
        part(request.remoteAddress, into: &line)
        part(request.method, into: &line)
        part(request.route, into: &line)
        number(" ", Int64(request.status), into: &line)
        part(request.problem, into: &line)
        if let trace = request.trace {
            line.append(0x20)
            trace.append(to: &line)
        } else {
            part(nil, into: &line)
        }
        number(" bytes=", Int64(request.bodyBytes), into: &line)
        number(" us=", request.microseconds, into: &line)
        number(" parse=", request.parse, into: &line)
        number(" database=", request.database, into: &line)
        number(" encode=", request.encode, into: &line)
        line.append(0x0a)
    }

    /// One object whose members are always the same.
    static func writeJSON(_ request: AnsweredRequest, at now: Instant, into line: inout [UInt8]) {
        var json = JSONWriter(capacity: 640)
        json.object { json in
            json.member("at", now.rfc3339)
            json.member("request_id", request.requestID)
            json.member("user", request.principal?.user)
            json.member("token", request.principal?.token)
            json.member("role", request.principal?.role.rawValue)
            json.member("address", request.remoteAddress)
            json.member("method", request.method)
            json.member("route", request.route)
            json.member("status", request.status)
            json.member("problem", request.problem)
            json.member("trace_id", request.trace?.traceID)
            json.member("span_id", request.trace?.spanID)
            json.member("parent_id", request.trace?.parentID)
            json.member("bytes", request.bodyBytes)
            json.member("microseconds", Int(request.microseconds))
            json.member("parse_microseconds", Int(request.parse))
            json.member("database_microseconds", Int(request.database))
            json.member("encode_microseconds", Int(request.encode))
        }
        line += json.bytes
        line.append(0x0a)
    }

    /// A message stays one line, readable in any language.
    static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    }

    private static func number(_ name: StaticString, _ value: Int64, into line: inout [UInt8]) {
        line.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        // 2^64 has twenty digits.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            var rest = value.magnitude
            repeat {
                start -= 1
                digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            line.append(contentsOf: digits[start...])
        }
    }

    /// Blanks, backslashes and everything but visible ASCII become `\xHH`, so that no value ends its part or its line.
    private static func part(_ text: String?, after separator: UInt8 = 0x20, into line: inout [UInt8]) {
        line.append(separator)
        guard var text, !text.isEmpty else { return line.append(0x2d) }
        text.withUTF8 { text in
            if text.allSatisfy(isPlain) { return line.append(contentsOf: text) }
            for byte in text {
                if isPlain(byte) {
                    line.append(byte)
                } else {
                    line += [0x5c, 0x78, hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
                }
            }
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != 0x5c }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
