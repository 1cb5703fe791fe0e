import JSONText
import Regulations
import Tickets

/// The OpenAPI 3.1 document, drawn from the table of routes, the roles, the schemas and the problems.
struct OpenAPIDocument {
    let prose: Prose

    var bytes: [UInt8] {
        var json = JSONWriter(capacity: 1 << 18)
        json.node(JSONNode(tree))
        return json.bytes
    }

    /// The same for people: a member a line.
    var text: String { PrettyJSON.text(JSONNode(tree)) + "\n" }

    var tree: JSONValue {
        .tree(
            JSONMember("openapi", "3.1.0"), JSONMember("info", info),
            JSONMember("externalDocs", .tree(JSONMember("url", "/docs"), JSONMember("description", prose(.title)))),
            JSONMember("servers", .list([.tree(JSONMember("url", "/"))])),
            JSONMember("tags", .list(Operation.Tag.allCases.map(tag))),
            JSONMember("security", .list([.tree(JSONMember("token", .list([])))])),
            JSONMember("paths", paths), JSONMember("components", components))
    }

    private var info: JSONValue {
        .tree(
            JSONMember("title", prose(.title)), JSONMember("version", OpenAPIDocument.version),
            JSONMember("description", "\(prose(.introduction)) \(prose(.conventions))"))
    }

    /// The contract's, not the program's.
    static let version = "1.0.0"

    private func tag(_ tag: Operation.Tag) -> JSONValue {
        .tree(JSONMember("name", tag.rawValue), JSONMember("description", prose.name(tag)))
    }

    /// Paths in the order of the table, each with its methods.
    private var paths: JSONValue {
        var order: [String] = []
        var calls: [String: [Call]] = [:]
        for route in Route.all {
            if calls[route.path] == nil { order.append(route.path) }
            calls[route.path, default: []].append(route.call)
        }
        return .tree(
            order.map { path in
                JSONMember(
                    path,
                    .tree(calls[path, default: []].map { JSONMember(Route($0).method.lowercased(), operation($0)) }))
            })
    }

    private func operation(_ call: Call) -> JSONValue {
        let operation = call.operation
        let route = Route(call)
        var members = [
            JSONMember("operationId", call.rawValue), JSONMember("tags", .strings([operation.tag.rawValue])),
            JSONMember("summary", prose.summary(call)),
            JSONMember("description", "\(prose.about(call)) \(who(route))"),
        ]
        if route.roles == nil { members.append(JSONMember("security", .list([]))) }
        if let roles = route.roles { members.append(JSONMember("x-roles", .strings(roles.map(\.rawValue)))) }
        let parameters = call.parameters.map { reference("parameters", $0.rawValue) }
        members.append(JSONMember("parameters", .list(parameters)))
        if let body = operation.body { members.append(JSONMember("requestBody", requestBody(body))) }
        members.append(JSONMember("responses", responses(call, operation, route)))
        return .tree(members)
    }

    private func who(_ route: Route) -> String {
        guard let roles = route.roles else { return prose(.noToken) }
        return prose(.roles, ["roles": roles.map { prose.name($0) }.joined(separator: ", ")])
    }

    private func requestBody(_ body: Operation.RequestBody) -> JSONValue {
        .tree(
            JSONMember("required", .bool(body.isRequired)),
            JSONMember(
                "content",
                .tree(
                    body.mediaTypes.map { type in
                        JSONMember(type, content(.component(body.component), example: body.component.example))
                    })))
    }

    private func content(_ schema: Schema, example: JSONNode?) -> JSONValue {
        var members = [JSONMember("schema", schema.tree(prose))]
        if let example { members.append(JSONMember(name: "example", node: example)) }
        return .tree(members)
    }

    func reference(_ group: String, _ name: String) -> JSONValue {
        .tree(JSONMember("$ref", "#/components/\(group)/\(name)"))
    }
}

/// Answers.
extension OpenAPIDocument {
    private func responses(_ call: Call, _ operation: Operation, _ route: Route) -> JSONValue {
        var responses = operation.answers.map { JSONMember("\($0.status)", success($0, route)) }
        let problems = call.problems
        for status in Set(problems.map(\.status)).sorted() {
            let types = problems.filter { $0.status == status }
            let name = OpenAPIDocument.responseName(types)
            responses.append(JSONMember("\(status)", reference("responses", name)))
        }
        return .tree(responses)
    }

    private func success(_ answer: Operation.Success, _ route: Route) -> JSONValue {
        var fields = AnswerField.everywhere
        if answer.isWritten { fields += [.language, .coding] }
        if route.roles != nil { fields += [.rateLimit, .rateLimitPolicy] }
        fields += answer.fields
        if route.takesIdempotencyKey { fields.append(.replayed) }
        let example = answer.content?.schema.component?.example
        var members = [JSONMember("description", prose(phrase(answer))), JSONMember("headers", headers(fields))]
        if let (mediaType, schema) = answer.content {
            var contents = [JSONMember(mediaType, content(schema, example: example))]
            if answer.hasEventStream {
                contents.append(JSONMember(ServerSentEvent.mediaType, content(.string, example: nil)))
            }
            members.append(JSONMember("content", .tree(contents)))
        }
        if !answer.links.isEmpty {
            members.append(
                JSONMember("links", .tree(answer.links.map { JSONMember($0.call.rawValue, link($0)) })))
        }
        return .tree(members)
    }

    private func phrase(_ answer: Operation.Success) -> Phrase { answer.status == 304 ? .notModified : .done }

    private func link(_ following: FollowingCall) -> JSONValue {
        .tree(
            JSONMember("operationId", following.call.rawValue),
            JSONMember("parameters", .tree(following.parameters.map { JSONMember($0.name, $0.expression) })))
    }

    private func headers(_ fields: [AnswerField]) -> JSONValue {
        .tree(fields.map { JSONMember($0.rawValue, reference("headers", $0.rawValue)) })
    }

    /// One response for each group of problems that calls answer with the same status.
    static func responseName(_ types: [ProblemType]) -> String {
        types.map(\.rawValue).joined(separator: ".")
    }

    private func problemResponse(_ types: [ProblemType]) -> JSONValue {
        let only = JSONValue.tree(
            JSONMember(
                "properties",
                .tree(JSONMember("type", .tree(JSONMember("enum", .strings(types.map(\.path))))))))
        let schema = JSONValue.tree(
            JSONMember("allOf", .list([Schema.component(.problem).tree(prose), only])))
        var fields = AnswerField.everywhere + [.language, .coding, .rateLimit, .rateLimitPolicy]
        if types.contains(where: \.isKept) { fields.append(.replayed) }
        for type in types { fields += type.fields.filter { !fields.contains($0) } }
        let description = types.map { "`\($0.path)`: \(prose.meaning($0))" }.joined(separator: " ")
        return .tree(
            JSONMember("description", description), JSONMember("headers", headers(fields)),
            JSONMember("content", .tree(JSONMember("application/problem+json", .tree(JSONMember("schema", schema))))))
    }

    private var problemResponses: [JSONMember] {
        var seen: Set<String> = []
        var responses: [JSONMember] = []
        for call in Call.allCases {
            let problems = call.problems
            for status in Set(problems.map(\.status)).sorted() {
                let types = problems.filter { $0.status == status }
                let name = OpenAPIDocument.responseName(types)
                if seen.insert(name).inserted { responses.append(JSONMember(name, problemResponse(types))) }
            }
        }
        return responses
    }
}

extension ProblemType {
    /// The fields that come with it.
    var fields: [AnswerField] {
        switch status {
        case 401: [.challenge]
        case 405: [.allow]
        case 415: [.acceptPatch, .acceptEncoding]
        case 416: [.contentRange, .acceptRanges]
        case 429: self == .tooManyRequests ? [.retryAfter, .rateLimit, .rateLimitPolicy] : [.retryAfter]
        case 503: [.retryAfter]
        default: []
        }
    }
}

extension Operation.Success {
    /// Whether it is a text in one of the languages, and may be gzipped.
    fileprivate var isWritten: Bool {
        content.map { $0.mediaType.hasSuffix("json") || $0.mediaType == "text/html" } ?? false
    }
}

/// What the calls share.
extension OpenAPIDocument {
    private var components: JSONValue {
        .tree(
            JSONMember("schemas", .tree(Component.allCases.map(schema))),
            JSONMember("parameters", .tree(Parameter.allCases.map(parameter))),
            JSONMember("headers", .tree(AnswerField.allCases.map(header))),
            JSONMember("responses", .tree(problemResponses)),
            JSONMember(
                "securitySchemes",
                .tree(
                    JSONMember(
                        "token",
                        .tree(
                            JSONMember("type", "http"), JSONMember("scheme", "bearer"),
                            JSONMember("description", prose(.authentication)))))))
    }

    private func schema(_ component: Component) -> JSONMember {
        var members = [JSONMember("description", prose.about(component))]
        members += component.schema.keywords(prose, of: component)
        if let example = component.example { members.append(JSONMember("examples", .array([example]))) }
        return JSONMember(component.rawValue, .tree(members))
    }

    private func parameter(_ parameter: Parameter) -> JSONMember {
        var members = [
            JSONMember("name", parameter.name), JSONMember("in", parameter.place.rawValue),
            JSONMember("description", prose.about(parameter)),
        ]
        if parameter.isRequired { members.append(JSONMember("required", .bool(true))) }
        members.append(JSONMember("schema", schema(of: parameter)))
        if let example = parameter.example { members.append(JSONMember("example", parameter.exampleValue(example))) }
        return JSONMember(parameter.rawValue, .tree(members))
    }

    private func schema(of parameter: Parameter) -> JSONValue {
        let schema = parameter.schema.tree(prose)
        guard let standard = parameter.standard, case .object(let members) = schema else { return schema }
        return .object(members + [JSONMember("default", parameter.exampleValue(standard))])
    }

    private func header(_ field: AnswerField) -> JSONMember {
        JSONMember(
            field.rawValue,
            .tree(
                JSONMember("description", prose.about(field)), JSONMember("required", .bool(field.isRequired)),
                JSONMember("schema", field.schema.tree(prose))))
    }
}

extension Parameter {
    /// A number where the schema wants one.
    fileprivate func exampleValue(_ text: String) -> JSONValue {
        if case .integer = schema { .number(text) } else { .string(text) }
    }
}
