import Foundation
import HTTPWire
import Testing

/// One case of `Corpus/*.md`: a heading, a `request` block and an `outcome` block.
struct CorpusCase: Sendable, CustomTestStringConvertible {
    let file: String
    let name: String
    let bytes: [UInt8]
    let outcome: [String]

    var testDescription: String { "\(file): \(name)" }

    static let all: [CorpusCase] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.sorted().flatMap { file in
            let text = (try? String(contentsOf: folder.appending(path: file), encoding: .utf8)) ?? ""
            return text.components(separatedBy: "\n## ").dropFirst().map { CorpusCase(file: file, section: $0) }
        }
    }()

    private init(file: String, section: String) {
        self.file = file
        name = String(section.prefix { $0 != "\n" })
        let request = Self.block("request", in: section).joined()
        bytes = Self.unescape(Array(Self.repeatRuns(request).utf8))
        outcome = Self.block("outcome", in: section).map(Self.repeatRuns)
    }

    private static func block(_ kind: String, in section: String) -> [String] {
        let lines = section.components(separatedBy: "\n")
        guard let start = lines.firstIndex(of: "```" + kind) else { return [] }
        return Array(lines[(start + 1)...].prefix { $0 != "```" })
    }

    /// `{3*ab}` is `ababab`; the innermost first.
    private static func repeatRuns(_ text: String) -> String {
        var text = text
        while let match = text.firstMatch(of: /\{(\d+)\*([^{}]*)\}/) {
            text.replaceSubrange(match.range, with: String(repeating: String(match.2), count: Int(match.1) ?? 0))
        }
        return text
    }

    private static func unescape(_ text: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default: bytes.append(kind)
            }
        }
        return bytes
    }
}

/// Reads messages one after the other as a server would, from pieces of any size.
struct MessageReader {
    private var head = HeadParser()
    private var current: RequestHead?
    private var body: [UInt8] = []
    private var chunks = ChunkDecoder()
    private var buffer: [UInt8] = []
    private var isOver = false
    private(set) var messages: [(head: RequestHead, body: [UInt8])] = []
    private(set) var refusal: WireRefusal?

    var needsMore: Bool { !isOver && (current != nil || !buffer.isEmpty) }

    mutating func feed(_ piece: ArraySlice<UInt8>) {
        guard !isOver else { return }
        buffer.append(contentsOf: piece)
        do throws(WireRefusal) {
            while !isOver, try step() {}
        } catch {
            refusal = error
            isOver = true
        }
    }

    private mutating func step() throws(WireRefusal) -> Bool {
        let bytes = buffer
        guard let request = current else {
            if bytes.isEmpty { return false }
            var parsed: Result<(head: RequestHead, length: Int)?, WireRefusal> = .success(nil)
            bytes.withUnsafeBytes { all in
                parsed = Result { () throws(WireRefusal) in try head.parse(all) }
            }
            guard let (request, length) = try parsed.get() else { return false }
            buffer.removeFirst(length)
            current = request
            chunks = ChunkDecoder()
            body = []
            return true
        }
        switch request.framing {
        case .none: finish(request)
        case .length(let length):
            guard buffer.count >= length else { return false }
            body = Array(buffer.prefix(length))
            buffer.removeFirst(length)
            finish(request)
        case .chunked:
            var position = 0
            var stepped: Result<ChunkDecoder.Step, WireRefusal> = .success(.needMore)
            bytes.withUnsafeBytes { all in
                stepped = Result { () throws(WireRefusal) in try chunks.next(all, &position) }
            }
            let step = try stepped.get()
            buffer.removeFirst(position)
            switch step {
            case .needMore: return false
            case .data(let range): body.append(contentsOf: bytes[range])
            case .end: finish(request)
            }
        }
        return true
    }

    private mutating func finish(_ request: RequestHead) {
        messages.append((request, body))
        current = nil
        isOver = !request.isPersistent
    }

    /// In the words of the corpus.
    func outcome(asking fields: [String]) -> [String] {
        var lines = messages.map { head, body in
            var words = [head.method, head.path + (head.query.map { "?" + $0 } ?? "")]
            if !body.isEmpty { words.append("\"\(Self.escape(body))\"") }
            words.append(head.isPersistent ? "keep-alive" : "close")
            if head.expectsContinue { words.append("continue") }
            for name in fields { words.append("\(name)=\(head.fields.first(name) ?? "(none)")") }
            return words.joined(separator: " ")
        }
        if let refusal { lines.append("refused \(refusal.status) \(refusal)") }
        if needsMore { lines.append("needs more") }
        return lines
    }

    private static func escape(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
            .replacingOccurrences(of: "\r", with: "\\r").replacingOccurrences(of: "\n", with: "\\n")
    }
}
