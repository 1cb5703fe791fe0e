import Foundation
import JSONText
import Regulations

/// A JSON Schema of the document, and whether a value is as it says. Knows the keywords that the document uses; any
/// other is a fault, so that nothing is believed to be checked that is not.
struct JSONSchema {
    /// The document that `$ref` points into.
    let document: JSON
    /// Whether a member that an object's schema does not tell of is a fault, although the schema leaves room for it.
    var isStrict = false

    /// Every fault, with the place in the value.
    func faults(_ value: JSONNode, _ schema: JSON, at place: String = "") -> [String] {
        guard case .object(let keywords) = schema.node?.value else { return ["\(place): no schema"] }
        return keywords.flatMap { keyword in
            faults(value, keyword.name, JSON(keyword.node), schema, at: place)
        }
    }

    func resolve(_ reference: String) -> JSON {
        reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] }
    }

    private func faults(
        _ value: JSONNode, _ keyword: String, _ operand: JSON, _ schema: JSON, at place: String
    ) -> [String] {
        switch keyword {
        case "description", "examples": return []
        case "$ref": return faults(value, resolve(operand.string ?? ""), at: place)
        case "allOf": return operand.array.flatMap { faults(value, $0, at: place) }
        case "anyOf":
            let branches = operand.array.map { faults(value, $0, at: place) }
            return branches.contains([]) ? [] : ["\(place): none of \(branches)"]
        case "type":
            let types = operand.string.map { [$0] } ?? operand.strings
            return types.contains { JSONSchema.isA($0, value.value) } ? [] : ["\(place): not \(types)"]
        case "enum":
            let isThere = operand.array.contains { $0.node.map { JSONSchema.text($0) } == JSONSchema.text(value) }
            return isThere ? [] : ["\(place): \(JSONSchema.text(value)) is none of the enum"]
        default: break
        }
        switch value.value {
        case .string(let text): return faults(text, keyword, operand).map { "\(place): \($0)" }
        case .number(let literal): return faults(Int(literal) ?? 0, keyword, operand).map { "\(place): \($0)" }
        case .array(let nodes): return faults(nodes, keyword, operand, at: place)
        case .object(let members): return faults(members, keyword, operand, schema, at: place)
        case .null, .bool: return JSONSchema.known.contains(keyword) ? [] : ["\(place): keyword \(keyword)"]
        }
    }

    private static let known: Set<String> = [
        "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "items", "minItems", "maxItems",
        "uniqueItems", "properties", "required", "additionalProperties",
    ]

    private func faults(_ text: String, _ keyword: String, _ operand: JSON) -> [String] {
        let count = text.unicodeScalars.count
        switch keyword {
        case "minLength": return count >= operand.integer ?? 0 ? [] : ["too short"]
        case "maxLength": return count <= operand.integer ?? 0 ? [] : ["too long"]
        case "pattern": return JSONSchema.matches(text, operand.string ?? "") ? [] : ["\(text) is not as the pattern"]
        case "format":
            switch operand.string {
            case "date-time": return Instant(rfc3339: text) == nil ? ["\(text) is no time"] : []
            case "date": return CalendarDate(iso: text) == nil ? ["\(text) is no date"] : []
            default: return ["format \(operand)"]
            }
        default: return JSONSchema.known.contains(keyword) ? [] : ["keyword \(keyword)"]
        }
    }

    private func faults(_ number: Int, _ keyword: String, _ operand: JSON) -> [String] {
        switch keyword {
        case "minimum": number >= operand.integer ?? 0 ? [] : ["too small"]
        case "maximum": number <= operand.integer ?? 0 ? [] : ["too large"]
        default: JSONSchema.known.contains(keyword) ? [] : ["keyword \(keyword)"]
        }
    }

    private func faults(_ nodes: [JSONNode], _ keyword: String, _ operand: JSON, at place: String) -> [String] {
        switch keyword {
        case "items": return nodes.enumerated().flatMap { faults($1, operand, at: "\(place)/\($0)") }
        case "minItems": return nodes.count >= operand.integer ?? 0 ? [] : ["\(place): too few"]
        case "maxItems": return nodes.count <= operand.integer ?? 0 ? [] : ["\(place): too many"]
        case "uniqueItems":
            return Set(nodes.map { Array(JSONSchema.text($0).utf8) }).count == nodes.count ? [] : ["\(place): twice"]
        default: return JSONSchema.known.contains(keyword) ? [] : ["\(place): keyword \(keyword)"]
        }
    }

    private func faults(
        _ members: [JSONMember], _ keyword: String, _ operand: JSON, _ schema: JSON, at place: String
    ) -> [String] {
        let told = Set(schema["properties"].names)
        let untold = members.filter { !told.contains($0.name) }
        switch keyword {
        case "properties":
            // Only where the object is described, not where one more thing is said of it.
            let isClosed = isStrict && schema["type"].node != nil && schema["additionalProperties"].node == nil
            return members.filter { told.contains($0.name) }.flatMap {
                faults($0.node, operand[$0.name], at: "\(place)/\($0.name)")
            } + (isClosed ? untold.map { "\(place): untold member \($0.name)" } : [])
        case "required":
            return Set(operand.strings).subtracting(members.map(\.name)).sorted().map { "\(place): \($0) is missing" }
        case "additionalProperties":
            if case .bool(let isOpen) = operand.node?.value {
                return isOpen ? [] : untold.map { "\(place): unknown member \($0.name)" }
            }
            return untold.flatMap { faults($0.node, operand, at: "\(place)/\($0.name)") }
        default: return JSONSchema.known.contains(keyword) ? [] : ["\(place): keyword \(keyword)"]
        }
    }

    private static func isA(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object): true
        case ("integer", .number(let literal)): Int(literal) != nil
        default: false
        }
    }

    static func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? NSRegularExpression(pattern: pattern) else { return false }
        return regex.firstMatch(in: text, range: NSRange(location: 0, length: text.utf16.count)) != nil
    }

    private static func text(_ node: JSONNode) -> String {
        var json = JSONWriter()
        json.node(node)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
