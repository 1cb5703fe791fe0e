import Regulations
import Tickets

/// What is said of the API's parts, in one language.
struct Prose: Sendable {
    private let texts: Texts
    let language: Language

    init(_ texts: Texts, in language: Language) {
        self.texts = texts
        self.language = language
    }

    /// The keys that the texts must have for all this.
    static let keys: Set<String> = {
        var keys = Set(Phrase.allCases.map(\.key))
        for call in Call.allCases { keys.formUnion([summaryKey(call), key(call)]) }
        for parameter in Parameter.allCases { keys.insert(key(parameter)) }
        for field in AnswerField.allCases { keys.insert(key(field)) }
        for tag in Operation.Tag.allCases { keys.insert(key(tag)) }
        for type in ProblemType.allCases { keys.formUnion([meaningKey(type), remedyKey(type)]) }
        for component in Component.allCases {
            keys.insert(key(component))
            for member in component.schema.members where member.isTold { keys.insert(key(member, of: component)) }
        }
        return keys
    }()

    func callAsFunction(_ phrase: Phrase, _ arguments: [String: String] = [:]) -> String {
        texts.prose(phrase.key, language, arguments)
    }

    /// A few words, such as a heading.
    func summary(_ call: Call) -> String { texts.prose(Prose.summaryKey(call), language) }
    func about(_ call: Call) -> String { texts.prose(Prose.key(call), language) }
    func about(_ parameter: Parameter) -> String { texts.prose(Prose.key(parameter), language) }
    func about(_ field: AnswerField) -> String { texts.prose(Prose.key(field), language) }
    func about(_ component: Component) -> String { texts.prose(Prose.key(component), language) }
    func name(_ tag: Operation.Tag) -> String { texts.prose(Prose.key(tag), language) }
    func name(_ role: Role) -> String { texts.name(of: role, language) }
    func title(_ type: ProblemType) -> String { texts.title(of: type, language) }
    /// What has happened.
    func meaning(_ type: ProblemType) -> String { texts.prose(Prose.meaningKey(type), language) }
    /// What to do about it.
    func remedy(_ type: ProblemType) -> String { texts.prose(Prose.remedyKey(type), language) }

    /// Nil: the name says it all.
    func about(_ member: Member, of component: Component) -> String? {
        member.isTold ? texts.prose(Prose.key(member, of: component), language) : nil
    }

    private static func summaryKey(_ call: Call) -> String { "call.\(call.rawValue).summary" }
    private static func key(_ call: Call) -> String { "call.\(call.rawValue)" }
    private static func key(_ parameter: Parameter) -> String { "parameter.\(parameter.rawValue)" }
    private static func key(_ field: AnswerField) -> String { "field.\(field.rawValue)" }
    private static func key(_ tag: Operation.Tag) -> String { "tag.\(tag.rawValue)" }
    private static func key(_ component: Component) -> String { "schema.\(component.rawValue)" }
    private static func key(_ member: Member, of component: Component) -> String {
        "schema.\(component.rawValue).\(member.name)"
    }
    private static func meaningKey(_ type: ProblemType) -> String { "problem.\(type.rawValue).meaning" }
    private static func remedyKey(_ type: ProblemType) -> String { "problem.\(type.rawValue).remedy" }
}

/// What the pages and the document say beside what they list.
enum Phrase: String, CaseIterable, Sendable {
    case title, introduction, authentication, conventions, problemsTitle, problemsIntroduction
    case roles, noToken, parameters, body, answers, problems, example, schemas, calls
    case name, means, status, type, place, fields, member, required, optional, anything, legend
    case done, notModified, meaning, remedy, allProblems, documentation, document

    var key: String { "docs.\(rawValue)" }
}

extension Schema {
    /// The members of an object; none of anything else.
    var members: [Member] {
        if case .object(let rules) = self { rules.members } else { [] }
    }
}
