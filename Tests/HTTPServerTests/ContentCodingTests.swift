import EventLoop
import Gzip
import HTTPWire
import Testing

@testable import HTTPServer

@Suite(.serialized) struct ContentCodingTests {
    static let text = String(repeating: "The window freezes. ", count: 100)

    /// Answers with what the path asks for, and says what it saw of the request's body.
    @Sendable private static func handler(_ request: Request) async -> Response {
        guard request.path == "/body" else { return answer(request) }
        do throws(BodyError) {
            let body = try await request.body.collect(upTo: 1_000_000)
            let coding = request.fields.first("content-encoding") ?? "none"
            return Response(status: 200, body: .bytes(Array("\(coding) \(body.count)".utf8)))
        } catch { return Response(status: 400, body: .bytes(Array("\(error)".utf8))) }
    }

    @Sendable private static func answer(_ request: Request) -> Response {
        var fields = Fields([("Content-Type", "application/json"), ("ETag", "\"1-ab\"")])
        switch request.path {
        case "/short": return Response(status: 200, fields: fields, body: .bytes(Array(text.utf8.prefix(1_023))))
        case "/large":
            return Response(status: 200, fields: fields, body: .bytes([UInt8](repeating: 120, count: 4 << 20)))
        case "/image":
            fields.set("Content-Type", "image/png")
            return Response(status: 200, fields: fields, body: .bytes(Array(text.utf8)))
        case "/part":
            fields.set("Content-Range", "bytes 0-1999/5000")
            return Response(status: 206, fields: fields, body: .bytes(Array(text.utf8)))
        case "/encoded":
            fields.set("Content-Encoding", "br")
            return Response(status: 200, fields: fields, body: .bytes(Array(text.utf8)))
        case "/unchanged": return Response(status: 304, fields: fields)
        case "/unchanged-page", "/unchanged-short":
            var response = Response(status: 304, fields: fields)
            response.gzipped = GzippedForm(plainCount: request.path == "/unchanged-page" ? 1_024 : 1_023)
            return response
        default: return Response(status: 200, fields: fields, body: .bytes(Array(text.utf8)))
        }
    }

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let writer = try #require(GzipWriter(level: 6))
        return try #require(writer.compress(bytes))
    }

    /// Who answers.
    private enum Way: CaseIterable { case handler, now, later }

    private static func ask(
        _ request: [UInt8], by way: Way = .handler
    ) async throws -> (head: String, body: [UInt8]) {
        let server =
            way == .handler
            ? try TestServer(handler: handler)
            : try TestServer(
                handler: { _ in Response(status: 500) },
                promptly: { request in
                    let response = Self.answer(request)
                    guard way == .later else { return .now(response) }
                    return .later { finish in EventLoop.current?.later { finish(response) } }
                })
        return try await ask(request, server)
    }

    private static func ask(
        _ request: [UInt8], _ server: TestServer
    ) async throws -> (head: String, body: [UInt8]) {
        var answer: [UInt8] = []
        try await TestServer.with(server) { server in
            let client = try RawClient(port: server.port)
            client.send(request)
            while let some = client.receiveSome(), !some.isEmpty { answer += some }
        }
        let end = try #require(answer.firstRange(of: Array("\r\n\r\n".utf8)))
        return (String(decoding: answer[..<end.lowerBound], as: UTF8.self), Array(answer[end.upperBound...]))
    }

    private static func get(_ path: String, _ fields: String, method: String = "GET") -> [UInt8] {
        Array("\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(fields)\r\n".utf8)
    }

    @Test(arguments: [
        ("Accept-Encoding: gzip\r\n", "/", true), ("Accept-Encoding: x-gzip\r\n", "/", true),
        ("Accept-Encoding: br, GZIP ;q=0.001\r\n", "/", true), ("Accept-Encoding: *\r\n", "/", true),
        ("Accept-Encoding: deflate\r\nAccept-Encoding: gzip\r\n", "/", true),
        ("", "/", false), ("Accept-Encoding:\r\n", "/", false), ("Accept-Encoding: br\r\n", "/", false),
        ("Accept-Encoding: gzip;q=0\r\n", "/", false), ("Accept-Encoding: gzip;q=0.000, *;q=1\r\n", "/", false),
        ("Accept-Encoding: gzip;q=0.5, identity\r\n", "/", false),
        ("Accept-Encoding: gzip;q=0.5, *\r\n", "/", false), ("Accept-Encoding: gzip, *;q=0.5\r\n", "/", true),
        ("Accept-Encoding: gzip;q=2\r\n", "/", false),
        ("Accept-Encoding: gzip;q=0.5, identity;q=0.5\r\n", "/", true),
        ("Accept-Encoding: gzip\r\n", "/short", false),
        ("Accept-Encoding: gzip, identity;q=0\r\n", "/short", true),
        ("Accept-Encoding: gzip\r\n", "/image", false), ("Accept-Encoding: gzip\r\n", "/part", false),
        ("Accept-Encoding: gzip\r\n", "/encoded", false),
    ])
    func `a response is gzipped when it is asked for and worth it`(
        fields: String, path: String, isGzipped: Bool
    ) async throws {
        for way in Way.allCases {
            let (head, body) = try await Self.ask(Self.get(path, fields), by: way)
            #expect(!head.contains(" 500 "))
            #expect(head.contains("Content-Encoding: gzip") == isGzipped, "\(head)")
            #expect(head.contains("ETag: \"1-ab-gz\"") == isGzipped)
            #expect(head.contains("Content-Length: \(body.count)\r\n"))
            if isGzipped {
                var input = body[...]
                let plain = try GzipReader().read(&input, upTo: 100_000)
                let whole = path == "/short" ? Self.text.utf8.prefix(1_023) : Self.text.utf8.prefix(100_000)
                #expect(plain == Array(whole))
            }
        }
    }

    @Test func `a long response is gzipped beside the loop`() async throws {
        let (head, body) = try await Self.ask(Self.get("/large", "Accept-Encoding: gzip\r\n"))
        #expect(head.contains("Content-Encoding: gzip"))
        var input = body[...]
        let plain = try GzipReader().read(&input, upTo: 5 << 20)
        #expect(plain == [UInt8](repeating: 120, count: 4 << 20))
    }

    @Test func `HEAD says what GET would`() async throws {
        let got = try await Self.ask(Self.get("/", "Accept-Encoding: gzip\r\n"))
        let asked = try await Self.ask(Self.get("/", "Accept-Encoding: gzip\r\n", method: "HEAD"))
        let isDate: (Substring) -> Bool = { $0.hasPrefix("Date:") }
        #expect(asked.body.isEmpty)
        #expect(
            asked.head.split(separator: "\r\n").filter { !isDate($0) }
                == got.head.split(separator: "\r\n").filter { !isDate($0) })
    }

    @Test(arguments: [
        ("\"1-ab-gz\"", "\"1-ab-gz\""), ("\"1-ab\"", "\"1-ab\""), ("\"0\", W/\"1-ab-gz\"", "\"1-ab-gz\""),
    ])
    func `a 304 names the form that the client has`(asked: String, told: String) async throws {
        let request = Self.get("/unchanged", "Accept-Encoding: gzip\r\nIf-None-Match: \(asked)\r\n")
        for way in Way.allCases {
            let (head, _) = try await Self.ask(request, by: way)
            #expect(head.contains("ETag: \(told)"))
        }
    }

    @Test(arguments: [
        ("/unchanged-page", "gzip", "\"1-ab-gz\""), ("/unchanged-page", "br", "\"1-ab\""),
        ("/unchanged-short", "gzip", "\"1-ab\""), ("/unchanged-short", "gzip, identity;q=0", "\"1-ab-gz\""),
    ])
    func `a 304 to a client that has any form names the one that it would get`(
        path: String, accepted: String, told: String
    ) async throws {
        let request = Self.get(path, "Accept-Encoding: \(accepted)\r\nIf-None-Match: *\r\n")
        for way in Way.allCases { #expect(try await Self.ask(request, by: way).head.contains("ETag: \(told)")) }
    }

    @Test(arguments: [
        ("\"x-gz\", W/\"1-ab-gz\"", true), ("\"x\"1-ab-gz\"y\"", false), ("\"1-ab-gz", false),
        ("\"1-ab-gz\u{301}\"", false),
    ])
    func `a tag is looked for among whole tags, byte by byte`(field: String, isNamed: Bool) {
        #expect(EntityTags.name("\"1-ab-gz\"", Fields([("If-None-Match", field)])) == isNamed)
    }

    @Test(arguments: [2_000, 100_000])
    func `what many get alike is gzipped once`(count: Int) async throws {
        let plain = [UInt8](repeating: 120, count: count)
        func ask(_ form: GzippedForm) async throws -> [UInt8] {
            let server = try TestServer(handler: { _ in
                var response = Response(
                    status: 200, fields: Fields([("Content-Type", "text/html")]), body: .bytes(plain))
                response.gzipped = form
                return response
            })
            return try await Self.ask(Self.get("/", "Accept-Encoding: gzip\r\n"), server).body
        }
        let form = GzippedForm(plainCount: count)
        let first = try await ask(form)
        var input = first[...]
        #expect(try GzipReader().read(&input, upTo: 200_000) == plain)
        // The first that is kept stays, so that all get the same.
        #expect(form.keep([1]) == first)
        let marked = GzippedForm(plainCount: count)
        #expect(marked.keep([1, 2, 3]) == [1, 2, 3])
        #expect(try await ask(marked) == [1, 2, 3])
    }

    private static func post(_ coding: String, _ body: [UInt8]) -> [UInt8] {
        get("/body", "Content-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n", method: "POST") + body
    }

    @Test func `a gzipped body reaches the handler plain`() async throws {
        let plain = [UInt8](repeating: 32, count: 200_000)
        for coding in ["gzip", "GZip", "x-gzip"] {
            let (head, body) = try await Self.ask(Self.post(coding, try Self.gzip(plain)))
            #expect(head.hasPrefix("HTTP/1.1 200"))
            #expect(String(decoding: body, as: UTF8.self) == "none 200000")
        }
        let chunked = try Self.gzip(plain)
        var request = Self.get("/body", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", method: "POST")
        for piece in [chunked.prefix(5), chunked.dropFirst(5)] {
            request += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        #expect(try await Self.ask(request + Array("0\r\n\r\n".utf8)).body == Array("none 200000".utf8))
    }

    @Test func `a small body that inflates without end is too large`() async throws {
        let bomb = try Self.gzip([UInt8](repeating: 0, count: 50 << 20))
        #expect(bomb.count < 100_000)
        #expect(try await Self.ask(Self.post("gzip", bomb)).body == Array("tooLarge".utf8))
    }

    @Test func `a body that is no gzip, or ends too early, is broken`() async throws {
        let whole = try Self.gzip([UInt8](repeating: 32, count: 2_000))
        for body in [Array("{}".utf8), Array(whole.dropLast()), whole + [1], []] {
            #expect(try await Self.ask(Self.post("gzip", body)).body == Array("broken".utf8))
        }
    }

    @Test func `another coding is left to the handler to refuse`() async throws {
        let body = Array("abc".utf8)
        #expect(try await Self.ask(Self.post("br", body)).body == Array("br 3".utf8))
        #expect(try await Self.ask(Self.post("gzip, gzip", body)).body == Array("gzip, gzip 3".utf8))
    }
}
