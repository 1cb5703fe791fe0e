import JSONText

extension JSONNode {
    subscript(_ name: String) -> JSONNode? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.name == name }?.node
    }

    var text: String? {
        guard case .string(let text) = value else { return nil }
        return text
    }

    var integer: Int? {
        guard case .number(let literal) = value else { return nil }
        return Int(literal)
    }

    var elements: [JSONNode] {
        guard case .array(let elements) = value else { return [] }
        return elements
    }
}

extension HTTPAnswer {
    /// Nil: the body is no JSON.
    var json: JSONNode? { try? JSONReader.read(body) }
}
