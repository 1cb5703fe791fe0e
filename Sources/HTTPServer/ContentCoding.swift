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

    /// The handler as a connection calls it.
    func around(
        _ handler: @escaping @Sendable (Request) async -> Response
    ) -> @Sendable (Request) async -> Response {
        { @Sendable [self] request in
            let response: Response
            // An empty body that is said to be gzipped is cut short: not even nothing gzips to that.
            if !request.body.isEmpty || request.fields.contains("content-length"), isGzip(request.fields) {
                response = await handler(decoded(request))
            } else {
                response = await handler(request)
            }
            guard configuration.gzipLevel > 0, request.fields.contains("accept-encoding") else { return response }
            return await encode(response, for: request.fields)
        }
    }

    // MARK: Requests

    /// Exactly one coding that is ours; the handler refuses every other.
    private func isGzip(_ fields: Fields) -> Bool {
        guard fields.contains("content-encoding") else { return false }
        let codings = fields.values("content-encoding")
        return codings.count == 1 && ["gzip", "x-gzip"].contains(codings[0].lowercased())
    }

    private func decoded(_ request: Request) -> Request {
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

    private func encode(_ response: Response, for fields: Fields) async -> Response {
        let accepted = AcceptedCodings(fields.values("accept-encoding"))
        guard accepted.prefersGzip else { return response }
        if response.status == 304 { return tagged(response, for: fields) }
        guard case .bytes(let bytes) = response.body, isWorth(bytes.count, accepted), mayEncode(response.fields) else {
            return response
        }
        let level = configuration.gzipLevel
        let compressed: [UInt8]?
        if bytes.count <= configuration.gzipOnLoopBytesMax {
            compressed = writer?.compress(bytes)
        } else {
            // So much would hold up everybody else on this loop.
            compressed = try? await workers.run { GzipWriter(level: level)?.compress(bytes) }
        }
        guard let compressed else { return response }
        var encoded = response
        encoded.body = .bytes(compressed)
        encoded.fields.append("Content-Encoding", "gzip")
        if let etag = response.fields.first("etag"), let tag = EntityTags.gzipped(etag) {
            encoded.fields.set("ETag", tag)
        }
        return encoded
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

    /// A 304 names the representation that the client has (RFC 9110 15.4.5).
    private func tagged(_ response: Response, for fields: Fields) -> Response {
        guard let etag = response.fields.first("etag"), let tag = EntityTags.gzipped(etag),
            fields.values("if-none-match").contains(where: { $0.contains(tag) })
        else { return response }
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
}

/// What an `Accept-Encoding` says of the two codings there are here (RFC 9110 12.5.3).
struct AcceptedCodings {
    /// In thousandths; nil: not named.
    private var gzip: Int?
    private var identity: Int?
    private var any: Int?

    init(_ values: [String]) {
        for value in values {
            for element in value.split(separator: ",") {
                let parts = element.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
                guard let weight = parts.count == 2 ? Self.weight(parts[1]) : 1000 else { continue }
                switch parts[0].trimmingBlanks().lowercased() {
                case "gzip", "x-gzip": gzip = weight
                case "identity": identity = weight
                case "*": any = weight
                default: continue
                }
            }
        }
    }

    var prefersGzip: Bool {
        let weight = gzip ?? any ?? 0
        return weight > 0 && weight >= identity ?? 0
    }

    var refusesIdentity: Bool { (identity ?? any) == 0 }

    /// `q=0.5` in thousandths; nil: no weight.
    private static func weight(_ text: Substring) -> Int? {
        let text = text.trimmingBlanks().lowercased()
        guard text.hasPrefix("q=") else { return nil }
        let number = text.dropFirst(2)
        let halves = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = halves.first, whole == "0" || whole == "1" else { return nil }
        let digits = halves.count == 2 ? halves[1] : ""
        guard digits.utf8.count <= 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let padded = digits + String(repeating: "0", count: 3 - digits.utf8.count)
        let value = (whole == "1" ? 1000 : 0) + (Int(padded) ?? 0)
        return value <= 1000 ? value : nil
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
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
