import JSONText
import Tickets

/// A call as a command to try.
enum Curl {
    static func command(_ call: Call) -> String {
        let route = Route(call)
        var lines = ["curl"]
        if route.method != "GET" && !(route.method == "POST" && body(call) != nil) {
            lines.append("--request \(route.method)")
        }
        if route.roles != nil { lines.append("--header \"Authorization: Bearer $TOKEN\"") }
        if call.operation.problems.contains(.preconditionRequired) { lines.append("--header 'If-Match: *'") }
        if call.operation.body?.component == .file { lines.append("--data-binary @screenshot.png") }
        if let body = body(call) { lines.append("--json '\(quoted(body))'") }
        lines.append("\"$REGLAMENT\(address(call, route))\"")
        return lines.joined(separator: " \\\n  ")
    }

    /// With the examples in place of the placeholders, and every parameter that must be given.
    static func address(_ call: Call, _ route: Route) -> String {
        var path = route.path
        for parameter in call.parameters where parameter.place == .path {
            path = path.replacing("{\(parameter.name)}", with: parameter.exampleInPath)
        }
        let query = call.parameters.filter { $0.place == .query && $0.isRequired }.map {
            "\($0.name)=\($0.example ?? "")"
        }
        return query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))"
    }

    private static func body(_ call: Call) -> String? {
        guard let body = call.operation.body, let example = body.component.example else { return nil }
        var json = JSONWriter()
        json.node(example)
        return body.isRequired || json.bytes.count > 2 ? String(decoding: json.bytes, as: UTF8.self) : nil
    }

    /// For a shell, between single quotes.
    private static func quoted(_ text: String) -> String { text.replacing("'", with: "'\\''") }
}

extension Parameter {
    fileprivate var exampleInPath: String {
        switch self {
        case .user: "u_7hG2kLmN5pQ8rS1tV4wX6y"
        case .contract: "k_2qW5eR8tY1uI4oP7aS0dFg"
        case .attachment: "a_8kJ3hG5fD7sA9pO1iU2yTr"
        case .token: "t_4rT7yU1iO5pA8sD2fG6hJk"
        default: example ?? name
        }
    }
}

/// JSON for people: a member a line, short values together.
enum PrettyJSON {
    static func text(_ node: JSONNode, indent: Int = 0) -> String {
        var json = JSONWriter()
        json.node(node)
        let short = String(decoding: json.bytes, as: UTF8.self)
        if short.utf8.count + indent <= 100 { return short }
        let inner = String(repeating: " ", count: indent + 2)
        let outer = String(repeating: " ", count: indent)
        switch node.value {
        case .array(let nodes):
            let lines = nodes.map { inner + text($0, indent: indent + 2) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(outer)]"
        case .object(let members):
            let lines = members.map { member in
                var name = JSONWriter(capacity: 32)
                name.string(member.name)
                return "\(inner)\(String(decoding: name.bytes, as: UTF8.self)): "
                    + text(member.node, indent: indent + 2)
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
        default: return short
        }
    }
}
