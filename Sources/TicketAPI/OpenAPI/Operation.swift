import Tickets

/// What the document says of one call beyond its line in the table of routes.
struct Operation: Sendable {
    struct RequestBody: Sendable {
        let component: Component
        let mediaTypes: [String]
        let isRequired: Bool
    }

    struct Success: Sendable {
        let status: Int
        /// Nil: an answer without a body.
        var content: (mediaType: String, schema: Schema)?
        /// The same as a stream of events.
        var hasEventStream = false
        var fields: [AnswerField] = []
        /// What can be called next with what the answer says.
        var links: [FollowingCall] = []
    }

    let tag: Tag
    /// Path, then query, in the order in which they are told of; fields of the header are added by rule.
    var parameters: [Parameter] = []
    var body: RequestBody?
    var answers: [Success]
    /// Beyond those that any such call can meet.
    var problems: [ProblemType] = []
    /// A change of a ticket: it heeds `If-Match`, and the ticket's state may refuse it.
    var changesTicket = false

    /// Under which heading a call stands. Raw values are told in the texts.
    enum Tag: String, CaseIterable, Sendable {
        case tickets, steps, conversation, history, queue, organizations, users, tokens, contracts, policies, releases
        case calendars, jobs, service
    }
}

/// A call that an answer leads to, with where its parameters come from (OpenAPI's runtime expressions).
struct FollowingCall: Sendable {
    let call: Call
    let parameters: [(name: String, expression: String)]

    init(_ call: Call, _ parameters: KeyValuePairs<String, String>) {
        self.call = call
        self.parameters = parameters.map { ($0.key, $0.value) }
    }
}

extension Operation {
    static func read(_ tag: Tag, _ component: Component, _ parameters: [Parameter] = []) -> Operation {
        Operation(tag: tag, parameters: parameters, answers: [.json(200, component)])
    }

    static func list(_ tag: Tag, _ component: Component, _ parameters: [Parameter] = []) -> Operation {
        Operation(tag: tag, parameters: parameters + [.limit, .cursor], answers: [.json(200, component, [.next])])
    }

    static func create(
        _ tag: Tag, _ request: Component, _ answer: Component, _ parameters: [Parameter] = [],
        fields: [AnswerField] = [], problems: [ProblemType] = []
    ) -> Operation {
        Operation(
            tag: tag, parameters: parameters, body: .json(request), answers: [.json(201, answer, fields)],
            problems: problems)
    }

    static func patch(
        _ tag: Tag, _ request: Component, _ answer: Component, _ parameters: [Parameter], problems: [ProblemType] = []
    ) -> Operation {
        Operation(
            tag: tag, parameters: parameters, body: .patch(request), answers: [.json(200, answer)], problems: problems)
    }

    /// A step of the lifecycle: 200 with the ticket.
    static func step(_ request: Component, bodyRequired: Bool = true, problems: [ProblemType] = []) -> Operation {
        Operation(
            tag: .steps, parameters: [.ticket], body: .json(request, isRequired: bodyRequired),
            answers: [.json(200, .ticket, [.entityTag])], problems: problems, changesTicket: true)
    }

    /// The same call answers with a stream of events when that is preferred.
    func orLive(problems: [ProblemType]) -> Operation {
        var operation = self
        operation.parameters.append(.lastEventID)
        operation.answers[0].hasEventStream = true
        operation.problems += problems
        return operation
    }

    func leading(to links: FollowingCall...) -> Operation {
        var operation = self
        operation.answers[0].links = links
        return operation
    }
}

extension Operation.RequestBody {
    static func json(_ component: Component, isRequired: Bool = true) -> Operation.RequestBody {
        .init(component: component, mediaTypes: ContentType.json.sorted(), isRequired: isRequired)
    }

    /// Bytes of any kind.
    static let file = Operation.RequestBody(
        component: .file, mediaTypes: ["application/octet-stream", "image/png"], isRequired: true)

    static func patch(_ component: Component) -> Operation.RequestBody {
        .init(component: component, mediaTypes: ContentType.patches.sorted(), isRequired: true)
    }
}

extension Operation.Success {
    static func json(_ status: Int, _ component: Component, _ fields: [AnswerField] = []) -> Operation.Success {
        .init(status: status, content: ("application/json", .component(component)), fields: fields)
    }

    static func page() -> Operation.Success {
        .init(status: 200, content: ("text/html", .string), fields: [.entityTag])
    }

    static func text() -> Operation.Success { .init(status: 200, content: ("text/plain", .string)) }

    static func file(_ status: Int, _ fields: [AnswerField] = []) -> Operation.Success {
        .init(
            status: status, content: ("*/*", .component(.file)),
            fields: [.entityTag, .acceptRanges, .disposition] + fields)
    }

    static func bodiless(_ status: Int, _ fields: [AnswerField] = []) -> Operation.Success {
        .init(status: status, fields: fields)
    }
}
