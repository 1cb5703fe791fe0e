import JSONText

/// Schemas as JSON Schema writes them.
extension Schema {
    func tree(_ prose: Prose) -> JSONValue { .tree(keywords(prose)) }

    /// - Parameters:
    ///   - owner: whose texts tell of the members; nil: nobody's.
    func keywords(_ prose: Prose, of owner: Component? = nil, orNull: Bool = false) -> [JSONMember] {
        func type(_ name: String) -> JSONMember {
            orNull ? JSONMember("type", .strings([name, "null"])) : JSONMember("type", name)
        }
        switch self {
        case .any: return []
        case .boolean: return [type("boolean")]
        case .integer(let range):
            let bounds = range.map {
                [JSONMember("minimum", .integer($0.lowerBound)), JSONMember("maximum", .integer($0.upperBound))]
            }
            return [type("integer")] + (bounds ?? [])
        case .string(let rules): return [type("string")] + rules.keywords
        case .choice(let values):
            let allowed = values.map(JSONValue.string) + (orNull ? [.null] : [])
            return [type("string"), JSONMember("enum", .list(allowed))]
        case .array(let element, let count, let distinct):
            var members = [type("array"), JSONMember("items", element.tree(prose))]
            if let count, count.lowerBound > 0 { members.append(JSONMember("minItems", .integer(count.lowerBound))) }
            if let count { members.append(JSONMember("maxItems", .integer(count.upperBound))) }
            if distinct { members.append(JSONMember("uniqueItems", .bool(true))) }
            return members
        case .map(let value): return [type("object"), JSONMember("additionalProperties", value.tree(prose))]
        case .object(let rules): return [type("object")] + rules.keywords(prose, of: owner)
        case .either(let schemas): return [JSONMember("anyOf", .list(schemas.map { $0.tree(prose) }))]
        case .component(let component):
            return [JSONMember("$ref", "#/components/schemas/\(component.rawValue)")]
        case .nullable(let schema):
            if schema.canSayNull { return schema.keywords(prose, of: owner, orNull: true) }
            return [JSONMember("anyOf", .list([schema.tree(prose), .tree(JSONMember("type", "null"))]))]
        }
    }

    /// Whether `type` alone can say that null is fine too.
    private var canSayNull: Bool {
        switch self {
        case .any, .component, .either, .nullable: false
        case .boolean, .integer, .string, .choice, .array, .map, .object: true
        }
    }
}

extension StringRules {
    fileprivate var keywords: [JSONMember] {
        var members: [JSONMember] = []
        if let length {
            members.append(JSONMember("minLength", .integer(length.lowerBound)))
            members.append(JSONMember("maxLength", .integer(length.upperBound)))
        }
        if let pattern { members.append(JSONMember("pattern", pattern)) }
        if let format { members.append(JSONMember("format", format)) }
        return members
    }
}

extension ObjectRules {
    fileprivate func keywords(_ prose: Prose, of owner: Component?) -> [JSONMember] {
        let properties = members.map { member in
            let text = owner.flatMap { prose.about(member, of: $0) }.map { [JSONMember("description", $0)] }
            return JSONMember(member.name, .tree((text ?? []) + member.schema.keywords(prose)))
        }
        var keywords = [JSONMember("properties", .tree(properties))]
        let required = members.filter(\.isRequired).map(\.name)
        if !required.isEmpty { keywords.append(JSONMember("required", .strings(required))) }
        if isClosed { keywords.append(JSONMember("additionalProperties", .bool(false))) }
        return keywords
    }
}
