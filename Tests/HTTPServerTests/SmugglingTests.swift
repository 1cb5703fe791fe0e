import HTTPServer
import HTTPWire
import Testing

/// Bytes that one reader may take for one request and another for two: here they are never two.
@Suite(.serialized) struct SmugglingTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: String
        let body: String
        let status: String

        init(_ name: String, _ fields: String, _ status: String = "400", body: String = "0\r\n\r\n") {
            testDescription = name
            self.fields = fields
            self.body = body
            self.status = status
        }
    }

    static let attacks: [Attack] = [
        .init("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
        .init("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4", body: "5c\r\n"),
        .init("TE.TE with another coding", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
        .init("an unknown coding", "Transfer-Encoding: xchunked", "501"),
        .init("a blank before the colon", "Transfer-Encoding : chunked"),
        .init("a tab before the value", "Transfer-Encoding:\t\u{B}chunked"),
        .init("a folded coding", "Transfer-Encoding:\r\n chunked"),
        .init("a bare LF before a field", "X: y\nTransfer-Encoding: chunked"),
        .init("a bare CR before a field", "X: y\rTransfer-Encoding: chunked"),
        .init("a NUL in a name", "Transfer-Encoding\0: chunked"),
        .init("two lengths", "Content-Length: 0\r\nContent-Length: 40"),
        .init("a list of lengths", "Content-Length: 0, 40"),
        .init("a signed length", "Content-Length: +40"),
        .init("a length that wraps", "Content-Length: 18446744073709551616"),
        .init("a length with a blank", "Content-Length: 4 0"),
        .init("two hosts", "Host: evil"),
        .init("a chunk size that wraps", "Transfer-Encoding: chunked", body: "10000000000000000\r\n"),
        .init("a chunk's bare LF", "Transfer-Encoding: chunked", body: "1\nx\n0\n\n"),
        .init("an extension's bare LF", "Transfer-Encoding: chunked", body: "2;\nxx\r\n4c\r\n0\r\n\r\n"),
        .init("a chunk longer than its size", "Transfer-Encoding: chunked", body: "1\r\nxyz0\r\n\r\n"),
        .init("a negative chunk", "Transfer-Encoding: chunked", body: "-1\r\n"),
        .init("a trailer that is no field", "Transfer-Encoding: chunked", body: "0\r\nGET /evil HTTP/1.1\r\n\r\n"),
    ]

    @Test(arguments: attacks)
    func `an ambiguous request gets one refusal, and nothing after it is served`(attack: Attack) async throws {
        let served = Counter()
        let handler: @Sendable (Request) async -> Response = { request in
            if request.path == "/evil" { served.add(1) }
            return await TestServer.echo(request)
        }
        try await TestServer.with(try TestServer(handler: handler)) { server in
            let evil = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n"
            let client = try RawClient(port: server.port)
            let text = client.exchange(
                "POST / HTTP/1.1\r\nHost: h\r\n\(attack.fields)\r\n\r\n\(attack.body)\(evil)\(evil)")
            let answers = responses(text)
            #expect(answers.count == 1)
            #expect(answers.first?.hasPrefix(attack.status) == true)
            #expect(answers.first?.contains("Connection: close") == true)
            #expect(served.value == 0)
        }
    }
}
