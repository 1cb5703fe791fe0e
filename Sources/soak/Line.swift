/// A client's connection, to one of the instances, and after a failure to the next. For one thread.
final class Line {
    private let sockets: [String]
    private let patience: Int
    private var current: Int
    private var connection: HTTPConnection?

    init(_ sockets: [String], first: Int = 0, patience: Int = 5) {
        self.sockets = sockets
        self.patience = patience
        current = first % sockets.count
    }

    /// `slowly`: the body comes in two parts, so many seconds apart.
    func ask(
        _ method: String, _ path: String, token: String, key: String? = nil, ifMatch: String? = nil,
        json: String? = nil, attachment: [UInt8]? = nil, slowly: Double = 0
    ) throws(Failure) -> HTTPAnswer {
        let body = attachment ?? Array((json ?? "").utf8)
        var head = "\(method) \(path) HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer \(token)\r\n"
        if let key { head += "Idempotency-Key: \(key)\r\n" }
        if let ifMatch { head += "If-Match: \(ifMatch)\r\n" }
        if attachment != nil { head += "Content-Type: application/octet-stream\r\n" }
        if json != nil { head += "Content-Type: application/json\r\n" }
        if method != "GET" { head += "Content-Length: \(body.count)\r\n" }
        do throws(Failure) {
            let connection = try connected()
            let middle = slowly > 0 ? body.count / 2 : body.count
            try connection.send(Array((head + "\r\n").utf8) + body[..<middle])
            if middle < body.count {
                sleep(seconds: slowly)
                try connection.send(Array(body[middle...]))
            }
            let answer = try connection.answer()
            if answer.fields["connection"] == "close" { self.connection = nil }
            if answer.status == 503 { move() }
            return answer
        } catch {
            move()
            throw error
        }
    }

    private func connected() throws(Failure) -> HTTPConnection {
        if let connection { return connection }
        let made = try HTTPConnection(sockets[current], patience: patience)
        connection = made
        return made
    }

    /// To the next instance.
    func move() {
        connection = nil
        current = (current + 1) % sockets.count
    }
}

extension Line {
    func send(_ write: Write, token: String, slowly: Double = 0) throws(Failure) -> HTTPAnswer {
        if write.kind == .edit {
            return try ask("PATCH", write.path, token: token, ifMatch: write.ifMatch, json: write.json)
        }
        return try ask(
            "POST", write.path, token: token, key: write.key, json: write.kind == .attach ? nil : write.json,
            attachment: write.kind == .attach ? write.attachment : nil, slowly: slowly)
    }
}
