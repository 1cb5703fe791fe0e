import Testing

@testable import bench_load

@Suite struct RequestTests {
    @Test func `the command line is understood`() throws {
        let options = try Options([
            "--rate", "2000", "--connections", "8", "--seconds", "1.5", "--header", "Accept: a", "--header", "B: c",
            "--json",
            "--method", "POST", "--body", "file", "--unique-key", "--numbers", "5-7", "--path-template", "/t/{}/x",
            "http://127.0.0.1:8080",
        ])
        #expect(options.rate == 2_000 && options.connections == 8 && options.seconds == 1.5)
        #expect(options.host == "127.0.0.1" && options.port == 8080 && options.path == "/t/{}/x")
        #expect(options.headers == ["Accept: a", "B: c"] && options.numbers == 5...7)
        #expect(options.method == "POST" && options.bodyFile == "file" && options.hasUniqueKey && options.isJSON)
    }

    @Test func `the URL's path is taken where there is no template`() throws {
        #expect(try Options(["--rate", "1", "http://localhost/healthz?a=b"]).path == "/healthz?a=b")
        #expect(try Options(["--rate", "1", "http://localhost"]).path == "/")
    }

    @Test(arguments: [
        [], ["http://localhost"], ["--rate", "1"], ["--rate"], ["--rate", "0", "http://localhost"],
        ["--rate", "x", "http://localhost"], ["--rate", "1", "https://localhost"],
        ["--rate", "1", "http://"], ["--rate", "1", "http://h:99999"],
        ["--rate", "1", "http://h", "http://h"], ["--rate", "1", "--what", "http://h"],
        ["--rate", "1", "--numbers", "7-5", "http://h"], ["--rate", "1", "--connections", "20000", "http://h"],
    ])
    func `a mistake is told`(words: [String]) {
        #expect(throws: Options.Mistake.self) { try Options(words) }
    }

    @Test func `numbers come round, and keys never`() throws {
        let options = try Options([
            "--rate", "1", "--numbers", "5-6", "--path-template", "/t/{}/x", "--unique-key", "--method", "POST",
            "http://h",
        ])
        let maker = RequestMaker(options, body: Array("{}".utf8), run: "r")
        let texts = (0..<3).map { String(decoding: maker.bytes($0), as: UTF8.self) }
        #expect(
            texts[0] == "POST /t/5/x HTTP/1.1\r\nHost: h\r\nIdempotency-Key: r-0\r\nContent-Length: 2\r\n\r\n{}")
        #expect(texts[1].hasPrefix("POST /t/6/x ") && texts[2].hasPrefix("POST /t/5/x "))
        #expect(texts[2].contains("Idempotency-Key: r-2\r\n"))
    }

    @Test func `a head is read once it is whole`() {
        let text = "HTTP/1.1 201 Created\r\ncontent-length: 12\r\nConnection: Close\r\n\r\n"
        let bytes = Array(text.utf8)
        for count in bytes.indices { #expect(AnswerHead(Array(bytes[..<count])) == nil) }
        let head = AnswerHead(bytes + [1, 2])
        #expect(head?.status == 201 && head?.length == bytes.count && head?.bodyLength == 12 && head?.closes == true)
    }
}
