import EventLoop
import Gzip
import HTTPWire

/// Gzip between a connection and its handler (RFC 9110 8.4, 12.5.3): the handler sees plain bodies and gives plain ones.
///
/// Loop thread only; one per loop, so that zlib's memory is made once. Unchecked for that reason.
final class ContentCoding: @unchecked Sendable {
    private let configuration: ServerConfiguration
    private let workers: WorkerPool
    private lazy var writer = GzipWriter(level: configuration.gzipLevel)

    init(_ configuration: ServerConfiguration, workers: WorkerPool) {
        self.configuration = configuration
        self.workers = workers
    }

    // MARK: Requests

    /// The request as its handler sees it: with a plain body.
    func decoded(_ request: consuming Request) -> Request {
        // An empty body that is said to be gzipped is cut short: not even nothing gzips to that.
        guard !request.body.isEmpty || request.fields.contains("content-length"), isGzip(request.fields) else {
            return request
        }
        return inflated(request)
    }

    /// Exactly one coding that is ours; the handler refuses every other.
    private func isGzip(_ fields: Fields) -> Bool {
        let isOurs = fields.withOnly("content-encoding") {
            AcceptedCodings.isSame($0, "gzip") || AcceptedCodings.isSame($0, "x-gzip")
        }
        return isOurs ?? false
    }

    private func inflated(_ request: Request) -> Request {
        var request = request
        request.fields.remove("content-encoding")
        request.fields.remove("content-length")
        let inflating = InflatedBody(request.body)
        request.body = RequestBody(declaredLength: nil) { () async throws(BodyError) -> [UInt8]? in
            try await inflating.next()
        }
        return request
    }

    // MARK: Responses

    /// Whether the client says which codings it takes: else `encode` would change nothing.
    func isAskedFor(_ fields: Fields) -> Bool { configuration.gzipLevel > 0 && fields.contains("accept-encoding") }

    /// Whether the client leaves it to us, or the response is too short: `encode` would change nothing.
    func leaves(_ response: Response, for fields: Fields) -> Bool {
        guard isAskedFor(fields) else { return true }
        guard case .bytes(let bytes) = response.body, response.status != 304 else { return false }
        return !isWorth(bytes.count, AcceptedCodings(fields))
    }

    /// The response in the coding that the client prefers.
    func encode(_ response: Response, for fields: Fields) async -> Response {
        let accepted = AcceptedCodings(fields)
        guard accepted.prefersGzip else { return response }
        if response.status == 304 { return tagged(response, accepted, for: fields) }
        guard case .bytes(let bytes) = response.body, isWorth(bytes.count, accepted), mayEncode(response.fields) else {
            return response
        }
        guard let compressed = await compressed(bytes, response.gzipped) else { return response }
        var encoded = response
        encoded.body = .bytes(compressed)
        encoded.fields.append("Content-Encoding", "gzip")
        if let etag = response.fields.first("etag"), let tag = EntityTags.gzipped(etag) {
            encoded.fields.set("ETag", tag)
        }
        return encoded
    }

    /// Nil when it would not be shorter, or there is no memory.
    private func compressed(_ bytes: [UInt8], _ kept: GzippedForm?) async -> [UInt8]? {
        if let made = kept?.bytes { return made }
        if bytes.count <= configuration.gzipOnLoopBytesMax {
            guard let made = writer?.compress(bytes) else { return nil }
            return kept?.keep(made) ?? made
        }
        let level = configuration.gzipLevel
        // So much would hold up everybody else on this loop.
        return try? await workers.run {
            // Whoever was before in the line may have wanted the same.
            if let made = kept?.bytes { return made }
            guard let made = GzipWriter(level: level)?.compress(bytes) else { return nil }
            return kept?.keep(made) ?? made
        }
    }

    private func isWorth(_ count: Int, _ accepted: AcceptedCodings) -> Bool {
        count >= configuration.gzipBytesMin || accepted.refusesIdentity && count > 0
    }

    /// What is text; a part of something, or what is encoded already, is left as it is.
    private func mayEncode(_ fields: Fields) -> Bool {
        guard !fields.contains("content-encoding"), !fields.contains("content-range"),
            let type = fields.first("content-type")?.prefix(while: { $0 != ";" })
        else { return false }
        return type.hasPrefix("text/") || type == "application/json" || type.hasSuffix("+json")
    }

    /// A 304 names the representation that the client has, or would get (RFC 9110 15.4.5).
    private func tagged(_ response: Response, _ accepted: AcceptedCodings, for fields: Fields) -> Response {
        guard let etag = response.fields.first("etag"), let tag = EntityTags.gzipped(etag) else { return response }
        let wouldBeGzipped = response.gzipped.map { isWorth($0.plainCount, accepted) } ?? false
        guard EntityTags.name(tag, fields) || wouldBeGzipped && EntityTags.nameAny(fields) else { return response }
        var tagged = response
        tagged.fields.set("ETag", tag)
        return tagged
    }
}

/// The strong tag of the gzipped form of a representation.
enum EntityTags {
    /// `-gz` before the closing quote; nil for what is no quoted tag.
    static func gzipped(_ tag: String) -> String? {
        guard tag.hasSuffix("\""), tag.utf8.count >= 2 else { return nil }
        return tag.dropLast() + "-gz\""
    }

    /// Whether `tag`, with its quotes, is one of those in `If-None-Match`, weak or strong.
    static func name(_ tag: String, _ fields: Fields) -> Bool {
        let quote = UInt8(ascii: "\"")
        var isNamed = false
        fields.forEachValue(of: "if-none-match") { value in
            var rest = value[...]
            while let start = rest.firstIndex(of: quote), let end = rest[(start + 1)...].firstIndex(of: quote) {
                if value[start...end].elementsEqual(tag.utf8) { isNamed = true }
                rest = rest[(end + 1)...]
            }
        }
        return isNamed
    }

    /// Whether `If-None-Match` is `*`.
    static func nameAny(_ fields: Fields) -> Bool {
        fields.withOnly("if-none-match") { $0.elementsEqual("*".utf8) } ?? false
    }
}

/// What an `Accept-Encoding` says of the two codings there are here (RFC 9110 12.5.3).
struct AcceptedCodings {
    /// In thousandths; nil: not named.
    private var gzip: Int?
    private var identity: Int?
    private var any: Int?

    init(_ fields: Fields) {
        fields.forEachValue(of: "accept-encoding") { value in
            for element in value.split(separator: UInt8(ascii: ",")) { note(Elements(rebasing: element)) }
        }
    }

    private typealias Elements = UnsafeRawBufferPointer

    /// One element: a coding, and after a semicolon its weight; what is neither says nothing.
    private mutating func note(_ element: Elements) {
        let end = element.firstIndex(of: UInt8(ascii: ";")) ?? element.count
        let given = end == element.count ? 1000 : Self.weight(Self.trimmed(element[(end + 1)...]))
        guard let weight = given else { return }
        let name = Self.trimmed(element[..<end])
        if Self.isSame(name, "gzip") || Self.isSame(name, "x-gzip") {
            gzip = weight
        } else if Self.isSame(name, "identity") {
            identity = weight
        } else if Self.isSame(name, "*") {
            any = weight
        }
    }

    var prefersGzip: Bool {
        let weight = gzip ?? any ?? 0
        return weight > 0 && weight >= identity ?? any ?? 0
    }

    var refusesIdentity: Bool { (identity ?? any) == 0 }

    /// `q=0.5` in thousandths; nil: no weight.
    private static func weight(_ text: Elements) -> Int? {
        guard text.count >= 3, isSame(Elements(rebasing: text[..<2]), "q="), text[2] == 0x30 || text[2] == 0x31,
            text.count == 3 || text[3] == UInt8(ascii: "."), text.count <= 7
        else { return nil }
        var value = Int(text[2]) - 0x30
        for index in 4..<7 {
            let digit = index < text.count ? text[index] &- 0x30 : 0
            guard digit < 10 else { return nil }
            value = 10 * value + Int(digit)
        }
        return value <= 1000 ? value : nil
    }

    /// Without the blanks at both ends.
    private static func trimmed(_ text: Slice<Elements>) -> Elements {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = text.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return Elements(rebasing: rest)
    }

    /// Without regard to the case of letters; `name` is in small ones.
    static func isSame(_ text: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard text.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == name.utf8Start[index] else { return false }
        }
        return true
    }
}

/// A gzipped body as it inflates, in pieces of bounded length.
///
/// Unchecked: one reader at a time, as of any body, on the loop.
private final class InflatedBody: @unchecked Sendable {
    private let body: RequestBody
    private var reader: GzipReader?
    private var input: ArraySlice<UInt8> = []
    private var isOver = false

    private static let pieceBytesMax = 65_536

    init(_ body: RequestBody) { self.body = body }

    func next() async throws(BodyError) -> [UInt8]? {
        if isOver { return nil }
        do throws(GzipReader.Damaged) {
            if reader == nil { reader = try GzipReader() }
        } catch { throw .broken }
        while let reader {
            do throws(GzipReader.Damaged) {
                let piece = try reader.read(&input, upTo: Self.pieceBytesMax)
                if !piece.isEmpty { return piece }
            } catch { throw .broken }
            guard let more = try await body.next() else {
                guard reader.mayEnd else { throw .broken }
                isOver = true
                return nil
            }
            input = more[...]
        }
        return nil
    }
}
