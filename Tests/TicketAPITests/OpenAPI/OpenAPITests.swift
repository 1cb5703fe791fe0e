import HTTPWire
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

@Suite struct OpenAPITests {
    private let conformance: Conformance
    private var document: JSON { conformance.document }

    init() throws { conformance = try Conformance.shared.get() }

    @Test func `the document has the calls of the table and no others`() {
        let told = document["paths"].names.flatMap { path in
            document["paths"][path].names.map { "\($0.uppercased()) \(path)" }
        }
        #expect(told.sorted() == Route.all.map { "\($0.method) \($0.path)" }.sorted())
    }

    @Test(arguments: Call.allCases)
    func `a call tells of the placeholders of its path, in their order`(call: Call) {
        let placeholders = Route(call).path.split(separator: "/").filter { $0.hasPrefix("{") }
        #expect(call.parameters.filter { $0.place == .path }.map { "{\($0.name)}" } == placeholders.map(String.init))
    }

    @Test(arguments: Call.allCases)
    func `a call says who may make it`(call: Call) {
        let route = Route(call)
        let operation = document["paths"][route.path][route.method.lowercased()]
        #expect(operation["x-roles"].strings == (route.roles ?? []).map(\.rawValue))
        #expect((operation["security"].node == nil) == (route.roles != nil))
    }

    @Test func `every reference leads somewhere and everything that has a name is used`() throws {
        var references: Set<String> = []
        func walk(_ node: JSONNode) {
            switch node.value {
            case .array(let nodes): nodes.forEach(walk)
            case .object(let members):
                for member in members {
                    if member.name == "$ref", case .string(let text) = member.node.value { references.insert(text) }
                    walk(member.node)
                }
            default: break
            }
        }
        walk(try #require(document.node))
        for reference in references { #expect(conformance.schemas.resolve(reference).node != nil, "\(reference)") }
        for group in ["schemas", "parameters", "headers", "responses"] {
            for name in document["components"][group].names {
                #expect(references.contains("#/components/\(group)/\(name)"), "\(group) \(name)")
            }
        }
    }

    @Test func `a link leads to a call with parameters that it has`() {
        for call in Call.allCases {
            for link in call.operation.answers.flatMap(\.links) {
                let names = Set(link.call.parameters.map(\.name))
                #expect(Set(link.parameters.map(\.name)).isSubset(of: names), "\(call) to \(link.call)")
                let needed = link.call.parameters.filter { $0.place == .path }.map(\.name)
                #expect(Set(needed).isSubset(of: link.parameters.map(\.name)), "\(call) to \(link.call)")
            }
        }
    }

    @Test(arguments: Component.allCases)
    func `an example is as its schema says`(component: Component) throws {
        let schema = document["components"]["schemas"][component.rawValue]
        #expect(schema["examples"].array.count == (component.example == nil ? 0 : 1))
        for example in schema["examples"].array {
            #expect(conformance.schemas.faults(try #require(example.node), .ref(component.rawValue)) == [])
        }
    }

    @Test(arguments: Parameter.allCases)
    func `a parameter's example is as its schema says`(parameter: Parameter) throws {
        let told = document["components"]["parameters"][parameter.rawValue]
        guard let example = told["example"].node else { return }
        #expect(conformance.schemas.faults(example, told["schema"]) == [])
    }

    @Test func `every call with a body has an example of it`() {
        for call in Call.allCases {
            // A file's bytes are no JSON.
            guard let body = call.operation.body, body.component != .file else { continue }
            #expect(body.component.example != nil)
        }
    }

    @Test func `every problem can be met somewhere`() {
        let met = Set(Call.allCases.flatMap(\.problems))
        #expect(Set(ProblemType.allCases).subtracting(met) == [])
    }

    @Test func `the checker finds what is wrong`() throws {
        let good = try #require(document["components"]["schemas"]["Ticket"]["examples"][0].node)
        var json = JSONWriter()
        json.node(good)
        let text = String(decoding: json.bytes, as: UTF8.self)
        for (what, other) in [
            ("\"blocking\":false", "\"blocking\":null"), ("\"version\":1,", "\"version\":\"1\","),
            ("\"version\":1,", ""), ("\"state\":\"registered\"", "\"state\":\"open\""), ("u_7hG2", "U_7hG2"),
            ("\"tags\":[]", "\"tags\":[1]"), ("\"tags\":[]", "\"tags\":[],\"secret\":1"), ("09:30:00.000Z", "9:30"),
        ] {
            let bad = try JSONReader.read(Array(text.replacing(what, with: other).utf8))
            #expect(conformance.schemas.faults(bad, .ref("Ticket")) != [], "\(other)")
        }
        #expect(conformance.schemas.faults(good, .ref("Ticket")) == [])
    }

    @Test func `the pattern of texts says what blank is`() {
        let spaces = (0...0x3_00ff).compactMap(Unicode.Scalar.init).filter(\.properties.isWhitespace)
        let others = [0x01, 0x1f, 0x21, 0x41, 0x180e, 0x200b, 0x2060, 0xfeff, 0x1f600].compactMap(Unicode.Scalar.init)
        for scalar in spaces + others {
            let text = String(Character(scalar))
            #expect(JSONSchema.matches(text, Pattern.text) == !text.isBlank, "\(scalar.value)")
            #expect(JSONSchema.matches("a\(text)\n", Pattern.text), "\(scalar.value)")
        }
        #expect(!JSONSchema.matches("a\u{0}b", Pattern.text))
        #expect(!JSONSchema.matches("", Pattern.text))
    }

    @Test(arguments: [
        "OMNIVOX-1", "A-1", "AB-1", "AB-01", "AB-0", "ab-1", "AB-999999999999999999", "AB-1000000000000000000", "AB-",
        "ABCDEFGHIJKL-5", "ABCDEFGHIJKLM-5", "AB-1-2", "", "AB1",
    ])
    func `the pattern of registration numbers is the rule`(text: String) {
        #expect(JSONSchema.matches(text, Pattern.ticket) == (TicketID(text) != nil))
    }

    @Test(arguments: [
        "1.0", "1.2.3", "1", "1.2.3.4", "01.2", "1.02", "0.0", "1.1234567890", "1.123456789", "a.b", "", "1.",
    ])
    func `the pattern of versions is the rule`(text: String) {
        #expect(JSONSchema.matches(text, Pattern.version) == Release.isVersion(text))
    }

    @Test(arguments: ["acme", "a", "-a", "a-", "A", "0", "", "a_b", String(repeating: "a", count: 63), "é"])
    func `the pattern of codes is the rule`(text: String) {
        #expect(JSONSchema.matches(text, Pattern.code) == Organization.isCode(text))
    }

    @Test(arguments: ["a@b", "a@b.c", "@b", "a@", "a b@c", "a@b c", "ж@пример.рф", "a@-b", "a@@b", "a"])
    func `what the pattern of addresses refuses is refused`(text: String) {
        if !JSONSchema.matches(text, Pattern.email) { #expect(!User.isEmail(text)) }
    }
}
