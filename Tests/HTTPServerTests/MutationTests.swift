import Foundation
import HTTPServer
import HTTPWire
import Testing

/// Mutations of good and ambiguous requests against a running server: each connection gets valid answers and then an
/// end, and the server goes on.
@Suite(.serialized) struct MutationTests {
    /// Connections of seventeen requests on average; `make ambiguity` makes more.
    static let connections =
        ProcessInfo.processInfo.environment["REGLAMENT_TEST_MUTATIONS"].flatMap { Int($0) } ?? 1_200
    private static let partsPerConnection = 5
    private static let batch = 100

    @Test func `any bytes get valid answers and an end, and the next client is served`() async throws {
        let server = try TestServer(loops: 2) {
            $0.lingerSecondsMax = 0.2
            $0.head.headBytesMax = 2_048
            $0.head.targetBytesMax = 256
            $0.bodyBytesMax = 10_000
        }
        try await TestServer.with(server) { server in
            let fault = try await onThread { try Self.send(to: server) }
            #expect(fault == nil)
            let after = try RawClient(port: server.port).exchange("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(responses(after) == ["200 OK|Content-Length: 7|X-Test: 1||GET /a "])
            for _ in 0..<3_000 where server.server.connectionCount > 0 { usleep(10_000) }
            #expect(server.server.connectionCount == 0)
        }
    }

    /// What was wrong first, nil when nothing was.
    private static func send(to server: TestServer) throws -> String? {
        var source = AmbiguousRequests(seed: 4_711)
        for number in 0..<Self.connections / Self.batch {
            let clients = try (0..<Self.batch).map { index in
                var bytes: [UInt8] = []
                for _ in 0..<Self.partsPerConnection {
                    var piece = source.connection(number * Self.batch + index)
                    source.mutate(&piece)
                    bytes += piece
                }
                let client = try RawClient(port: server.port)
                client.send(bytes)
                client.closeWriting()
                return (client, bytes)
            }
            for (client, bytes) in clients {
                var answers: [UInt8] = []
                // Longer than any deadline of the server: who hears nothing so long has found a hang.
                client.setTimeout(seconds: 60)
                while true {
                    guard let some = client.receiveSome() else {
                        if errno == EAGAIN { return "a hang for \(String(decoding: bytes, as: UTF8.self))" }
                        break
                    }
                    if some.isEmpty { break }
                    answers += some
                }
                if let fault = AnswerReader.fault(in: answers) {
                    let texts = [answers, bytes].map { String(decoding: $0, as: UTF8.self) }
                    return "\(fault): \(texts[0]) for \(texts[1])"
                }
            }
        }
        return nil
    }
}

/// A strict reader of what a server sends.
enum AnswerReader {
    /// What is wrong with a run of whole answers; nil when nothing is.
    static func fault(in bytes: [UInt8]) -> String? {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else { return "no end of the head" }
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
            guard let line = lines.first, line.wholeMatch(of: /HTTP\/1\.1 [1-5][0-9][0-9] [ -~]*/) != nil else {
                return "no status line"
            }
            rest = rest[end.upperBound...]
            let status = Int(line.dropFirst(9).prefix(3)) ?? 0
            var fields: [String: String] = [:]
            for field in lines.dropFirst() {
                guard let match = field.wholeMatch(of: /([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\x00-\x08\x0a-\x1f\x7f]*)/)
                else { return "a malformed field" }
                fields[match.output.1.lowercased()] = String(match.output.2)
            }
            if status == 500 { return "a 500" }
            if status == 100 { continue }
            guard fields["date"] != nil else { return "no Date" }
            // The echo's HEAD answers have a length and no body: the next head follows at once.
            guard let length = fields["content-length"].flatMap({ Int($0) }) else { return "no length" }
            let isHead = length > 0 && (rest.isEmpty || rest.starts(with: Array("HTTP/1.1 ".utf8)))
            if isHead { continue }
            guard rest.count >= length else { return "a cut body" }
            rest = rest.dropFirst(length)
            if fields["connection"] == "close", !rest.isEmpty { return "an answer after close" }
        }
        return nil
    }
}
