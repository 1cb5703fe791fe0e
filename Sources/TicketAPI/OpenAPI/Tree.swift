import JSONText

/// Shorter ways to say a JSON value. Members keep the order that they are given in.
extension JSONValue {
    static func integer(_ value: Int) -> JSONValue { .number("\(value)") }

    static func list(_ values: [JSONValue]) -> JSONValue { .array(values.map { JSONNode($0) }) }

    static func strings(_ values: [String]) -> JSONValue { .list(values.map(JSONValue.string)) }

    static func tree(_ members: [JSONMember]) -> JSONValue { .object(members) }

    static func tree(_ members: JSONMember...) -> JSONValue { .object(members) }
}

extension JSONMember {
    init(_ name: String, _ value: JSONValue) { self.init(name: name, node: JSONNode(value)) }

    init(_ name: String, _ text: String) { self.init(name, .string(text)) }
}
