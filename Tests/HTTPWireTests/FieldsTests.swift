import HTTPWire
import Testing

@Suite struct FieldsTests {
    @Test func `names have no case, order and repetitions stay`() {
        var fields = Fields([("Accept", "a"), ("X", "1"), ("accept", "b")])
        #expect(fields.first("ACCEPT") == "a")
        #expect(fields.values("accept") == ["a", "b"])
        #expect(!fields.contains("Accep") && fields.first("y") == nil)
        fields.set("Accept", "c")
        #expect(fields.values("Accept") == ["c"] && fields.count == 2)
        fields.remove("X")
        var all: [String] = []
        fields.forEach { all.append("\($0)=\($1)") }
        #expect(all == ["Accept=c"])
    }

    @Test(arguments: ["a\r\nEvil: 1", "a\nb", "a\rb", "a\0b", "a\u{7F}b"])
    func `no value breaks out of its line`(value: String) {
        var bytes: [UInt8] = []
        let fields = Fields([("X", value)])
        ResponseHead.write(
            status: 200, fields: fields, framing: .none, persistence: .implied, date: Array("D".utf8), into: &bytes)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5)
        #expect(bytes.filter { $0 == 10 }.count == 4)
    }

    @Test(arguments: ["", "a b", "a:", "a\r\nb", "ä"])
    func `a name that is no token is dropped`(name: String) {
        #expect(Fields([(name, "x")]).count == 0)
    }
}

@Suite struct ResponseHeadTests {
    @Test func `the server's fields are the server's alone`() {
        var bytes: [UInt8] = []
        let fields = Fields([
            ("content-length", "9"), ("Transfer-Encoding", "gzip"), ("Connection", "x"), ("Date", "never"),
            ("Keep-Alive", "1"), ("Trailer", "x"), ("ETag", "\"1\""),
        ])
        ResponseHead.write(
            status: 201, fields: fields, framing: .length(120), persistence: .close,
            date: Array("Fri, 20 Nov 2026 09:30:00 GMT".utf8), into: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                HTTP/1.1 201 Created\r\nDate: Fri, 20 Nov 2026 09:30:00 GMT\r\nContent-Length: 120\r\n\
                Connection: close\r\nETag: "1"\r\n\r\n
                """)
    }

    @Test func `chunks are framed and an empty one ends nothing`() {
        var bytes: [UInt8] = []
        ResponseHead.writeChunk([], into: &bytes)
        ResponseHead.writeChunk(Array(repeating: 97, count: 17), into: &bytes)
        ResponseHead.writeLastChunk(into: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "11\r\naaaaaaaaaaaaaaaaa\r\n0\r\n\r\n")
    }
}

@Suite struct RequestBodyTests {
    private func body(_ pieces: [[UInt8]], declared: Int?) -> RequestBody {
        let stream = AsyncStream { continuation in
            for piece in pieces { continuation.yield(piece) }
            continuation.finish()
        }
        let source = Source(stream)
        return RequestBody(declaredLength: declared) { () async throws(BodyError) -> [UInt8]? in await source.next() }
    }

    private actor Source {
        private let iterator: AsyncStream<[UInt8]>
        init(_ stream: AsyncStream<[UInt8]>) { iterator = stream }
        func next() async -> [UInt8]? {
            for await piece in iterator { return piece }
            return nil
        }
    }

    @Test func `pieces are collected up to the limit and not a byte more`() async throws {
        #expect(try await body([[1, 2], [3]], declared: nil).collect(upTo: 3) == [1, 2, 3])
        await #expect(throws: BodyError.tooLarge) { try await body([[1, 2], [3]], declared: nil).collect(upTo: 2) }
        await #expect(throws: BodyError.tooLarge) { try await body([[1, 2, 3]], declared: nil).collect(upTo: 2) }
        await #expect(throws: BodyError.tooLarge) { try await body([], declared: 3).collect(upTo: 2) }
        #expect(try await RequestBody.empty.collect(upTo: 0) == [])
        #expect(try await RequestBody([7]).collect() == [7])
        #expect(RequestBody([]).isEmpty)
    }
}
