import Digests
import HTTPWire
import JSONText
import Regulations
import Tickets

/// Something that is written as JSON.
protocol Body {
    func write(to json: inout JSONWriter)

    /// About how many bytes that will be: room for them is made at once.
    var size: Int { get }
}

extension Body {
    var size: Int { 2048 }
}

extension JSONWriter {
    /// A point in time as the contract writes it, or `null`.
    mutating func member(_ name: StaticString, _ instant: Instant?) {
        key(name)
        guard let instant else { return null() }
        string(length: Instant.rfc3339Count) { instant.writeRFC3339(to: $0) }
    }

    /// A digest as 64 hexadecimal digits.
    mutating func member(_ name: StaticString, _ digest: Digest) {
        key(name)
        string(length: 64) { digest.writeHex(to: $0) }
    }
}

/// What is said to a request, before the fields that every response has.
struct Answer: Sendable {
    var status: Int
    var contentType: String?
    var language: Language?
    var location: String?
    var etag: String?
    var body: [UInt8]
    /// For a body that everybody gets; nil: it is the caller's own.
    var gzipped: GzippedForm?
    var freshness = Freshness.never
    /// Given instead of `body`: what is too large for it.
    var stream: ResponseBody?
    /// The connection ends with it.
    var closes = false
    /// Further fields, in their order.
    var fields: [(name: String, value: String)] = []
    /// What kind of error it is; nil: none.
    var problem: ProblemType?

    /// Who may keep an answer, and for how long.
    enum Freshness: Sendable {
        /// Nobody: it is the caller's own.
        case never
        /// Anybody for five minutes, and longer when the tag still matches: it is the same for all callers.
        case `public`
        /// The caller alone may keep it, and asks each time whether it still may see it. A proxy that compressed it
        /// would make ranges and the strong tag lie.
        case file

        var cacheControl: String {
            switch self {
            case .never: "no-store"
            case .public: "public, max-age=300"
            case .file: "private, no-cache, no-transform"
            }
        }

        /// What the answer depends on beside the address.
        var vary: String {
            switch self {
            case .never: "Authorization, Accept-Language, Accept-Encoding"
            case .file: "Authorization"
            case .public: "Accept-Language, Accept-Encoding"
            }
        }
    }

    init(status: Int, contentType: String?, language: Language?, location: String? = nil, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.language = language
        self.location = location
        self.body = body
    }

    static func json(_ status: Int, _ body: some Body, in language: Language, location: String? = nil) -> Answer {
        Answer(
            status: status, contentType: "application/json", language: language, location: location, body: written(body)
        )
    }

    private static func written(_ body: some Body) -> [UInt8] {
        let writing = Writing()
        var writer = JSONWriter(capacity: body.size)
        body.write(to: &writer)
        writing.end()
        return writer.bytes
    }

    static let noContent = Answer(status: 204, contentType: nil, language: nil, body: [])

    /// The answer as it is kept under an idempotency key.
    var kept: KeptAnswer {
        KeptAnswer(
            status: status, contentType: contentType ?? "", contentLanguage: language?.rawValue, location: location,
            etag: etag, body: body)
    }

    init(replaying kept: KeptAnswer) {
        self.init(
            status: kept.status, contentType: kept.contentType.isEmpty ? nil : kept.contentType,
            language: kept.contentLanguage.flatMap(Language.init(rawValue:)), body: kept.body)
        location = kept.location
        etag = kept.etag
        fields = [Answer.replayed]
    }

    static let replayed = (name: "Idempotency-Replayed", value: "true")

    /// 304 when the client has just this already (RFC 9110, 13.1.2). Throws when it asks for what is no longer (13.1.1).
    consuming func unlessMatched(_ request: Fields) throws(Problem) -> Answer {
        guard let etag else { return self }
        if request.contains("if-match"), !EntityTag.matches(request.values("if-match"), etag) {
            throw Problem(.staleVersion)
        }
        guard EntityTag.names(request.values("if-none-match"), etag) else { return self }
        var unchanged = Answer(status: 304, contentType: nil, language: nil, body: [])
        unchanged.etag = etag
        unchanged.freshness = freshness
        unchanged.gzipped = gzipped
        return unchanged
    }

    /// The response with the fields that every one has, and those that some requests ask for.
    func response(
        requestID: String, standing: RateLimits.Standing? = nil, traceresponse: String? = nil
    ) -> Response {
        var out = beginning()
        if let location { out.append("Location", location) }
        if let etag { out.append("ETag", etag) }
        for field in fields { out.append(field.name, field.value) }
        out.append("X-Request-Id", requestID)
        if let standing {
            out.append("RateLimit-Policy", standing.policy)
            out.append("RateLimit", standing.limit)
        }
        if let traceresponse { out.append("traceresponse", traceresponse) }
        var response = Response(
            status: status, fields: out, body: stream ?? (contentType == nil ? .none : .bytes(body)))
        response.closes = closes
        response.gzipped = gzipped
        return response
    }

    /// What it is, and who may keep it.
    private func beginning() -> Fields {
        if let language, freshness == .never, contentType == "application/json" {
            return language == .ru ? Self.russianJSON : Self.englishJSON
        }
        return Self.beginning(contentType, language, freshness)
    }

    private static let englishJSON = beginning("application/json", .en, .never)
    private static let russianJSON = beginning("application/json", .ru, .never)

    private static func beginning(_ contentType: String?, _ language: Language?, _ freshness: Freshness) -> Fields {
        var out = Fields(capacity: 12, bytes: 448)
        if let contentType { out.append("Content-Type", contentType) }
        if let language { out.append("Content-Language", language.rawValue) }
        out.append("Vary", freshness.vary)
        out.append("Cache-Control", freshness.cacheControl)
        return out
    }
}

/// Writing one body, for the account of the request's time.
struct Writing {
    private let time = RequestTime.current
    private let since: UInt64

    init() { since = time?.now ?? 0 }

    func end() {
        if let time { time.encode &+= time.now &- since }
    }
}
