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
        // Put together in one place and appended once: that saves `/healthz` a twentieth of its instructions.
        let most = 192 + date.count + fields.bytes.count + 4 * fields.entries.count
        withUnsafeTemporaryAllocation(byteCount: most, alignment: 1) { room in
            var head = ByteCursor(room)
            head.put("HTTP/1.1 ")
            head.put(status)
            head.put(" ")
            head.put(reason(status))
            head.put("\r\nDate: ")
            date.withUnsafeBytes { head.put($0) }
            switch framing {
            case .none: break
            case .length(let count):
                head.put("\r\nContent-Length: ")
                head.put(count)
            case .chunked: head.put("\r\nTransfer-Encoding: chunked")
            }
            switch persistence {
            case .implied: break
            case .keepAlive: head.put("\r\nConnection: keep-alive")
            case .close: head.put("\r\nConnection: close")
            }
            fields.bytes.withUnsafeBytes { all in
                for entry in fields.entries {
                    let name = Fields.name(entry, in: all)
                    guard !isServers(name) else { continue }
                    head.put("\r\n")
                    head.put(name)
                    head.put(": ")
                    head.put(Fields.value(entry, in: all))
                }
            }
            head.put("\r\n\r\n")
            bytes.append(contentsOf: head.written)
        }
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
