/// Response heads as bytes (RFC 9112 4).
public enum ResponseHead {
    public enum Framing: Equatable, Sendable {
        /// Neither field: 204, 304, or a body that the end of the connection ends.
        case none
        case length(Int)
        case chunked
    }

    public enum Persistence: Equatable, Sendable {
        /// Nothing is said: the version's own rule holds.
        case implied
        case keepAlive
        case close
    }

    public static let interimContinue: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// Appends the status line, the server's own fields and the handler's. `date` is an IMF-fixdate (RFC 9110 5.6.7).
    public static func write(
        status: Int, fields: Fields, framing: Framing, persistence: Persistence, date: [UInt8],
        into bytes: inout [UInt8]
    ) {
        append("HTTP/1.1 ", to: &bytes)
        append(status, to: &bytes)
        bytes.append(Bytes.space)
        append(reason(status), to: &bytes)
        append("\r\nDate: ", to: &bytes)
        bytes.append(contentsOf: date)
        switch framing {
        case .none: break
        case .length(let count):
            append("\r\nContent-Length: ", to: &bytes)
            append(count, to: &bytes)
        case .chunked: append("\r\nTransfer-Encoding: chunked", to: &bytes)
        }
        switch persistence {
        case .implied: break
        case .keepAlive: append("\r\nConnection: keep-alive", to: &bytes)
        case .close: append("\r\nConnection: close", to: &bytes)
        }
        fields.bytes.withUnsafeBytes { all in
            for entry in fields.entries {
                let name = Fields.name(entry, in: all)
                guard !isServers(name) else { continue }
                append("\r\n", to: &bytes)
                bytes.append(contentsOf: name)
                append(": ", to: &bytes)
                bytes.append(contentsOf: Fields.value(entry, in: all))
            }
        }
        append("\r\n\r\n", to: &bytes)
    }

    /// Appends one chunk; an empty one is left out, because it would end the body.
    public static func writeChunk(_ data: [UInt8], into bytes: inout [UInt8]) {
        guard !data.isEmpty else { return }
        bytes.append(contentsOf: String(data.count, radix: 16).utf8)
        append("\r\n", to: &bytes)
        bytes.append(contentsOf: data)
        append("\r\n", to: &bytes)
    }

    /// Appends the last chunk and an empty trailer section.
    public static func writeLastChunk(into bytes: inout [UInt8]) { append("0\r\n\r\n", to: &bytes) }

    private static func isServers(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 4: Bytes.isSame(name, "Date")
        case 7: Bytes.isSame(name, "Trailer")
        case 10: Bytes.isSame(name, "Connection") || Bytes.isSame(name, "Keep-Alive")
        case 14: Bytes.isSame(name, "Content-Length")
        case 17: Bytes.isSame(name, "Transfer-Encoding")
        default: false
        }
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &bytes) }
        bytes.append(UInt8(0x30 + number % 10))
    }

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
