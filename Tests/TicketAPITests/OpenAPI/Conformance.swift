import HTTPWire
import JSONText
import Regulations
import Testing
import Tickets

@testable import TicketAPI

/// Holds every answer that any test gets against the document, and every request that was accepted.
struct Conformance {
    let schemas: JSONSchema
    private let router = Router()

    static let shared = Result {
        let prose = Prose(try Sample.texts.get(), in: .en)
        return Conformance(document: try JSON(OpenAPIDocument(prose: prose).bytes))
    }

    init(document: JSON) { schemas = JSONSchema(document: document, isStrict: true) }

    var document: JSON { schemas.document }

    /// - Parameters:
    ///   - body: what was sent; nil: nothing.
    func faults(_ method: String, _ target: String, _ body: String?, _ reply: Reply) -> [String] {
        let path = String(target.prefix { $0 != "?" })
        guard case .found(let call, let arguments) = router.match(method: method, path: path) else {
            return schemas.faults(reply.json.node ?? JSONNode(.null), .ref("Problem"))
        }
        let route = Route(call)
        let operation = document["paths"][route.path][route.method.lowercased()]
        let response = resolve(operation["responses"]["\(reply.status)"])
        if response.node == nil { return ["\(reply.status) is not in the document"] }
        var faults = headerFaults(response["headers"], reply.fields)
        if method != "HEAD" { faults += bodyFaults(response["content"], reply) }
        if reply.status < 300 {
            if let body { faults += acceptedBodyFaults(operation["requestBody"], body) }
            faults += parameterFaults(call, arguments, query: target.dropFirst(path.count + 1))
        }
        return faults
    }

    func resolve(_ object: JSON) -> JSON { object["$ref"].string.map(schemas.resolve) ?? object }

    private func headerFaults(_ headers: JSON, _ fields: Fields) -> [String] {
        headers.names.flatMap { name in
            let header = resolve(headers[name])
            guard let value = fields.first(name.lowercased()) else {
                if case .bool(true) = header["required"].node?.value { return ["\(name) is missing"] }
                return [String]()
            }
            let isNumber = header["schema"]["type"].string == "integer"
            return schemas.faults(JSONNode(isNumber ? .number(value) : .string(value)), header["schema"], at: name)
        }
    }

    private func bodyFaults(_ content: JSON, _ reply: Reply) -> [String] {
        let type = reply.fields.first("content-type").map { String($0.prefix { $0 != ";" }) }
        guard let type else { return content.node == nil ? [] : ["there is no Content-Type"] }
        // A file, of whatever type.
        if content["*/*"].node != nil { return [] }
        let schema = content[type]["schema"]
        if schema.node == nil { return ["\(type) is not in the document"] }
        if !type.hasSuffix("json") { return [] }
        return reply.json.node.map { schemas.faults($0, schema) } ?? ["the body is no JSON"]
    }

    private func acceptedBodyFaults(_ request: JSON, _ body: String) -> [String] {
        guard let type = request["content"].names.first, let node = try? JSONReader.read(Array(body.utf8)) else {
            return []
        }
        return schemas.faults(node, request["content"][type]["schema"]).map { "accepted: \($0)" }
    }

    private func parameterFaults(_ call: Call, _ arguments: [String], query: Substring) -> [String] {
        let placed = call.parameters.filter { $0.place == .path }
        let inPath = zip(placed, arguments).flatMap { parameter, text in
            schemas.faults(JSONNode(.string(text)), document["components"]["parameters"][parameter.rawValue]["schema"])
        }
        let known = Set(call.parameters.filter { $0.place == .query }.map(\.name))
        let names = QueryReader(String(query)).pairs.map(\.name)
        let unknown = call.rawValue.hasPrefix("/v1") || Route(call).roles != nil ? Set(names).subtracting(known) : []
        return inPath + unknown.sorted().map { "accepted: parameter \($0)" }
    }
}

extension JSON {
    /// A schema that refers to a component.
    static func ref(_ component: String) -> JSON {
        JSON(JSONNode(.tree(JSONMember("$ref", "#/components/schemas/\(component)"))))
    }
}
