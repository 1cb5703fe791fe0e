/// What follows a command's words, taken piece by piece; what nobody took is a mistake.
struct Arguments {
    private var rest: [String]

    init(_ words: [String]) { rest = words }

    /// `--name`
    mutating func flag(_ name: String) -> Bool {
        guard let index = rest.firstIndex(of: name) else { return false }
        rest.remove(at: index)
        return true
    }

    /// `--name VALUE` or `--name=VALUE`; nil when it is not there.
    mutating func value(_ name: String) throws -> String? {
        if let index = rest.firstIndex(where: { $0.hasPrefix(name + "=") }) {
            return String(rest.remove(at: index).dropFirst(name.count + 1))
        }
        guard let index = rest.firstIndex(of: name) else { return nil }
        guard index + 1 < rest.count else { throw Failure.usage("\(name) needs a value.") }
        let value = rest[index + 1]
        rest.removeSubrange(index...index + 1)
        return value
    }

    /// As `value`, but it must be there.
    mutating func required(_ name: String) throws -> String {
        guard let value = try value(name) else { throw Failure.usage("\(name) is missing.") }
        return value
    }

    /// The next word that is no option; nil: there is none.
    mutating func word() throws -> String? {
        guard let first = rest.first else { return nil }
        guard !first.hasPrefix("--") else { throw Failure.usage("There is no option \(first) here.") }
        return rest.removeFirst()
    }

    /// All further words.
    mutating func words() throws -> [String] {
        var words: [String] = []
        while let word = try word() { words.append(word) }
        return words
    }

    /// Called last: nothing may be left over.
    func finish() throws {
        if let first = rest.first { throw Failure.usage("`\(first)` makes no sense here.") }
    }
}
