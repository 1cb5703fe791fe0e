import HTTPWire
import JSONText
import Regulations
import TicketAPI
import Tickets

/// One request as one line, in either form (`docs/reference/logs.md`). Whatever a client sends, it stays one line of as
/// many parts.
enum AccessLine {
    /// Parts with blanks between, `-` for what is not known; the first nine by their place, the others by their name.
    static func writeText(_ request: AnsweredRequest, at now: Instant, into line: inout [UInt8]) {
        func bytes(_ text: String?) -> Int { text?.utf8.count ?? 0 }
        let texts =
            bytes(request.requestID) + bytes(request.remoteAddress) + bytes(request.method) + bytes(request.route)
            + bytes(request.problem)
        // A byte of a text may become four; all the rest has less than 450.
        withUnsafeTemporaryAllocation(byteCount: 450 + 4 * texts, alignment: 1) { room in
            var out = ByteCursor(room)
            write(request, at: now, to: &out)
            line.append(contentsOf: out.written)
        }
    }

    private static func write(_ request: AnsweredRequest, at now: Instant, to out: inout ByteCursor) {
        now.writeRFC3339(to: out.room(Instant.rfc3339Count).assumingMemoryBound(to: UInt8.self))
        part(request.requestID, into: &out)
        if let principal = request.principal {
            out.put(" ")
            principal.user.withBytes { out.put(UnsafeRawBufferPointer($0)) }
            out.put("/")
            principal.token.withBytes { out.put(UnsafeRawBufferPointer($0)) }
            part(principal.role.rawValue, after: "/", into: &out)
        } else {
            part(nil, into: &out)
        }
        part(request.remoteAddress, into: &out)
        part(request.method, into: &out)
        part(request.route, into: &out)
        out.put(" ")
        out.put(request.status)
        part(request.problem, into: &out)
        if let trace = request.trace {
            out.put(" ")
            trace.write(to: out.room(TraceContext.textCount))
        } else {
            part(nil, into: &out)
        }
        out.put(" bytes=")
        out.put(request.bodyBytes)
        out.put(" us=")
        out.put(Int(request.microseconds))
        out.put(" parse=")
        out.put(Int(request.parse))
        out.put(" database=")
        out.put(Int(request.database))
        out.put(" encode=")
        out.put(Int(request.encode))
        out.put("\n")
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

    /// Blanks, backslashes and everything but visible ASCII become `\xHH`, so that no value ends its part or its line.
    private static func part(_ text: String?, after separator: StaticString = " ", into out: inout ByteCursor) {
        out.put(separator)
        guard var text, !text.isEmpty else { return out.put("-") }
        text.withUTF8 { text in
            for byte in text {
                if isPlain(byte) {
                    out.put(byte)
                } else {
                    out.put("\\x")
                    out.put(hexDigits[Int(byte >> 4)])
                    out.put(hexDigits[Int(byte & 15)])
                }
            }
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != 0x5c }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
