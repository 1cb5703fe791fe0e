import JSONText
import Regulations
import Tickets

/// Why the files of texts cannot be used: every fault, one a line.
public struct TextsError: Error, Equatable, Sendable, CustomStringConvertible {
    public let faults: [String]
    public var description: String { faults.joined(separator: "\n") }
}

/// Everything that is said to people, in both languages.
///
/// A file is one object of strings. `{name}` in a text stands for a value. Both files have exactly the keys that the
/// code asks for, and the same placeholders in each text.
public struct Texts: Sendable {
    private let byLanguage: [Language: [String: String]]

    /// - Parameters: the bytes of `en.json` and `ru.json`.
    public init(en: [UInt8], ru: [UInt8]) throws(TextsError) {
        var faults: [String] = []
        let english = Texts.read(en, "en.json", &faults)
        let russian = Texts.read(ru, "ru.json", &faults)
        if faults.isEmpty {
            Texts.check(english, "en.json", &faults)
            Texts.check(russian, "ru.json", &faults)
            for (key, text) in english.sorted(by: { $0.key < $1.key }) {
                guard let other = russian[key], Texts.placeholders(text) != Texts.placeholders(other) else { continue }
                faults.append("ru.json: \(key): other placeholders than in en.json")
            }
        }
        guard faults.isEmpty else { throw TextsError(faults: faults) }
        byLanguage = [.en: english, .ru: russian]
    }

    /// The keys that a file must have, and no others.
    static let keys: Set<String> = {
        var keys: Set<String> = []
        for type in ProblemType.allCases {
            keys.insert("problem.\(type.rawValue).title")
            keys.insert("problem.\(type.rawValue).detail")
        }
        for code in FaultCode.allCases { keys.insert("fault.\(code.rawValue)") }
        for reason in Because.allCases { keys.insert("because.\(reason.rawValue)") }
        for reason in JSONSyntaxError.Reason.allCases { keys.insert(key(of: reason)) }
        for role in Role.allCases { keys.insert("role.\(role.rawValue)") }
        for state in State.allCases { keys.insert("state.\(state.rawValue)") }
        return keys.union(Prose.keys)
    }()

    func title(of type: ProblemType, _ language: Language) -> String {
        text("problem.\(type.rawValue).title", language)
    }

    func detail(of type: ProblemType, _ language: Language, _ arguments: [String: String]) -> String {
        text("problem.\(type.rawValue).detail", language, arguments)
    }

    func detail(of fault: Fault, _ language: Language) -> String {
        text("fault.\(fault.code)", language, fault.arguments)
    }

    func sentence(_ because: Because, _ language: Language, _ arguments: [String: String] = [:]) -> String {
        text("because.\(because.rawValue)", language, arguments)
    }

    func name(of reason: JSONSyntaxError.Reason, _ language: Language) -> String {
        text(Texts.key(of: reason), language)
    }

    private static func key(of reason: JSONSyntaxError.Reason) -> String {
        "json." + String(reason.rawValue.map { $0 == " " ? "_" : $0 })
    }

    func name(of role: Role, _ language: Language) -> String { text("role.\(role.rawValue)", language) }

    /// As every regulation can be told of; each has names of its own.
    func name(of state: State, _ language: Language) -> String { text("state.\(state.rawValue)", language) }

    /// One of `Prose.keys`.
    func prose(_ key: String, _ language: Language, _ arguments: [String: String] = [:]) -> String {
        text(key, language, arguments)
    }

    func text(_ key: String, _ language: Language, _ arguments: [String: String] = [:]) -> String {
        // A key that is not there can only be a fault code of a lower module that the list here lacks: say the key.
        guard let text = byLanguage[language]?[key] else { return key }
        return Texts.fill(text, arguments)
    }

    /// Puts values in one pass, so that a value with braces in it stays what it is.
    static func fill(_ text: String, _ arguments: [String: String]) -> String {
        guard text.contains("{") else { return text }
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = rest[rest.index(after: open)..<close]
            out += rest[..<open]
            // What else stands in braces is JSON.
            out += isName(name) ? arguments[String(name)] ?? "…" : String(rest[open...close])
            rest = rest[rest.index(after: close)...]
        }
        return out + rest
    }

    static func placeholders(_ text: String) -> Set<Substring> {
        Set(text.split(separator: "{").dropFirst().compactMap { $0.split(separator: "}").first }.filter(isName))
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "_") }
    }

    private static func read(_ bytes: [UInt8], _ file: String, _ faults: inout [String]) -> [String: String] {
        let node: JSONNode
        do { node = try JSONReader.read(bytes) } catch {
            faults.append("\(file): \(error)")
            return [:]
        }
        guard case .object(let members) = node.value else {
            faults.append("\(file): not an object")
            return [:]
        }
        var texts: [String: String] = [:]
        for member in members {
            guard case .string(let text) = member.node.value, !text.isBlank else {
                faults.append("\(file): \(member.name): not a text")
                continue
            }
            texts[member.name] = text
        }
        return texts
    }

    private static func check(_ texts: [String: String], _ file: String, _ faults: inout [String]) {
        for key in keys.subtracting(texts.keys).sorted() { faults.append("\(file): \(key): missing") }
        for key in Set(texts.keys).subtracting(keys).sorted() { faults.append("\(file): \(key): unknown") }
    }
}
