import Tickets

/// Every parameter of every call. Raw values are the names of the document's components.
enum Parameter: String, CaseIterable, Sendable {
    case ticket, linkType, otherTicket, organizationCode, user, token, contract, policy, product, version, calendar
    case problem, attachment
    case limit, cursor
    case state, priority, kind, inProduct, ofOrganization, assignee, tag, overdue, words, sort
    case registeredFrom, registeredTo, updatedFrom, updatedTo
    case from, workingDays, timeZone
    case after, streamAfter, filename
    case acceptLanguage, acceptEncoding, requestID, idempotencyKey, ifMatch, ifNoneMatch
    case lastEventID, traceparent

    enum Place: String, Sendable { case path, query, header }

    var place: Place {
        switch self {
        case .ticket, .linkType, .otherTicket, .organizationCode, .user, .token, .contract, .policy, .product, .version,
            .calendar, .problem, .attachment:
            .path
        case .limit, .cursor, .state, .priority, .kind, .inProduct, .ofOrganization, .assignee, .tag, .overdue,
            .words, .sort, .registeredFrom, .registeredTo, .updatedFrom, .updatedTo, .from, .workingDays, .timeZone,
            .after, .streamAfter, .filename:
            .query
        case .acceptLanguage, .acceptEncoding, .requestID, .idempotencyKey, .ifMatch, .ifNoneMatch, .lastEventID,
            .traceparent:
            .header
        }
    }

    /// As requests write it.
    var name: String {
        switch self {
        case .ticket, .user, .contract, .attachment: "id"
        case .linkType: "type"
        case .otherTicket: "ticket"
        case .organizationCode, .policy, .calendar, .problem: "code"
        case .token: "token_id"
        case .inProduct: "product"
        case .ofOrganization: "organization"
        case .registeredFrom: "registered_from"
        case .registeredTo: "registered_to"
        case .updatedFrom: "updated_from"
        case .updatedTo: "updated_to"
        case .workingDays: "working_days"
        case .timeZone: "time_zone"
        case .acceptLanguage: "Accept-Language"
        case .acceptEncoding: "Accept-Encoding"
        case .requestID: "X-Request-Id"
        case .idempotencyKey: "Idempotency-Key"
        case .ifMatch: "If-Match"
        case .ifNoneMatch: "If-None-Match"
        case .lastEventID: "Last-Event-ID"
        case .words: "q"
        case .streamAfter: "after"
        case .product, .version, .limit, .cursor, .state, .priority, .kind, .assignee, .tag, .overdue, .sort, .from,
            .after, .filename, .traceparent:
            rawValue
        }
    }

    var isRequired: Bool { place == .path || [.from, .workingDays, .filename].contains(self) }

    var schema: Schema {
        switch self {
        case .ticket, .otherTicket: .ticketID
        case .linkType: .choice(of: LinkType.self)
        case .organizationCode: .code
        case .user: .userID
        case .token: .matching(Pattern.identifier("t"))
        case .contract: .matching(Pattern.identifier("k"))
        case .version: .release
        case .problem: .choice(of: ProblemType.self)
        case .attachment: .matching(Pattern.identifier("a"))
        case .limit: .integer(1...200)
        case .after, .streamAfter: .integer(0...Int.max)
        case .words: .text(Limit.search)
        case .filename: .matching(Pattern.filename, length: 1...Limit.filename)
        case .state: .array(.choice(State.allCases.map(\.rawValue) + ["open"]))
        case .priority: .priority
        case .assignee: .matching("^(u_[0-9A-Za-z]{22}|me|none)$")
        case .overdue: .boolean
        case .sort: .choice(of: TicketSort.self)
        case .registeredFrom, .registeredTo, .updatedFrom, .updatedTo, .from: .time
        case .workingDays: .integer(0...10_000)
        case .idempotencyKey: .matching(Pattern.visible)
        // Whatever these say is taken as it comes, or not at all; only a stream looks at Last-Event-ID.
        case .acceptLanguage, .acceptEncoding, .requestID, .ifMatch, .ifNoneMatch, .lastEventID, .traceparent:
            .string
        case .policy, .product, .calendar, .cursor, .kind, .inProduct, .ofOrganization, .tag, .timeZone: .string
        }
    }

    /// What holds when it is left out; nil: nothing, or what the call says of it.
    var standard: String? {
        switch self {
        case .limit: "50"
        case .after: "0"
        case .sort: TicketSort.newestFirst.rawValue
        default: nil
        }
    }

    /// As it could be given; nil: the schema says enough.
    var example: String? {
        switch self {
        case .ticket: "OMNIVOX-1042"
        case .otherTicket: "OMNIVOX-1041"
        case .linkType: "follows"
        case .organizationCode: "acme"
        case .policy, .product: "omnivox"
        case .version: "4.2.2"
        case .calendar: "ru"
        case .problem: "invalid-input"
        case .from: "2026-11-20T09:30:00Z"
        case .workingDays: "10"
        case .timeZone: "Europe/Moscow"
        case .acceptLanguage: "ru"
        case .acceptEncoding: "gzip"
        case .ifMatch: "*"
        case .words: "window freezes"
        case .filename: "screenshot.png"
        default: nil
        }
    }
}

/// Fields of answers. Raw values are their names.
enum AnswerField: String, CaseIterable, Sendable {
    case requestID = "X-Request-Id"
    case language = "Content-Language"
    case location = "Location"
    case entityTag = "ETag"
    case next = "Link"
    case replayed = "Idempotency-Replayed"
    case challenge = "WWW-Authenticate"
    case allow = "Allow"
    case acceptPatch = "Accept-Patch"
    case retryAfter = "Retry-After"
    case cacheControl = "Cache-Control"
    case coding = "Content-Encoding"
    case acceptEncoding = "Accept-Encoding"
    case vary = "Vary"
    case rateLimit = "RateLimit"
    case rateLimitPolicy = "RateLimit-Policy"
    case trace = "traceresponse"
    case acceptRanges = "Accept-Ranges"
    case contentRange = "Content-Range"
    case disposition = "Content-Disposition"

    /// What every answer has.
    static let everywhere: [AnswerField] = [.requestID, .cacheControl, .vary, .trace]

    /// Whether an answer that tells of the field always has it.
    var isRequired: Bool {
        switch self {
        case .replayed, .next, .acceptPatch, .acceptEncoding, .coding, .rateLimit, .rateLimitPolicy, .trace,
            .acceptRanges, .contentRange, .disposition:
            false
        case .requestID, .language, .location, .entityTag, .challenge, .allow, .retryAfter, .cacheControl, .vary: true
        }
    }

    var schema: Schema {
        switch self {
        case .requestID: .matching("^[!-~]{1,128}$")
        case .language: .choice(["en", "ru"])
        case .replayed: .choice(["true"])
        case .coding: .choice(["gzip"])
        case .retryAfter: .integer(0...86_400)
        case .location, .entityTag, .next, .challenge, .allow, .acceptPatch, .acceptEncoding, .cacheControl, .vary,
            .rateLimit, .rateLimitPolicy, .trace, .acceptRanges, .contentRange, .disposition:
            .string
        }
    }
}
