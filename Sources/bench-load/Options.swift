/// What the command line says.
struct Options: Sendable, Equatable {
    struct Mistake: Error, Equatable { let text: String }

    var rate = 0.0
    var connections = 64
    var seconds = 10.0
    /// A dotted IPv4 address, or `localhost`.
    var host = ""
    var port: UInt16 = 80
    /// `{}` stands for a number.
    var path = "/"
    var numbers = 1...1
    var method = "GET"
    /// The file of the body.
    var bodyFile: String?
    var headers: [String] = []
    /// Each request has an `Idempotency-Key` that no other has.
    var hasUniqueKey = false
    /// Answers 503 are counted by themselves and are no errors.
    var countsRefusals = false
    var isJSON = false

    static let usage = """
        bench-load --rate N [--connections N] [--seconds N] [--json] URL
                   [--header 'Name: value']… [--path-template '/tickets/{}' --numbers 1-1000]
                   [--method POST] [--body FILE] [--unique-key] [--refusals]

        Sends requests to http://HOST:PORT/PATH at an even rate, whether or not answers come, and says how long they took from
        the moment that they were due. --refusals: answers 503 are told of apart, and are no errors.
        """

    init(_ words: [String]) throws(Mistake) {
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--rate": rate = try Self.number(&rest, word)
            case "--connections": connections = Int(try Self.number(&rest, word))
            case "--seconds": seconds = try Self.number(&rest, word)
            case "--header": headers.append(try Self.value(&rest, word))
            case "--path-template": path = try Self.value(&rest, word)
            case "--numbers": numbers = try Self.range(try Self.value(&rest, word))
            case "--method": method = try Self.value(&rest, word)
            case "--body": bodyFile = try Self.value(&rest, word)
            case "--unique-key": hasUniqueKey = true
            case "--refusals": countsRefusals = true
            case "--json": isJSON = true
            default:
                guard !word.hasPrefix("--"), host.isEmpty else { throw Mistake(text: "What is \(word)?") }
                try readURL(word)
            }
        }
        guard !host.isEmpty, rate > 0 else { throw Mistake(text: "A rate and a URL are needed.") }
        guard (1...10_000).contains(connections) else { throw Mistake(text: "1 to 10,000 connections, please.") }
    }

    private mutating func readURL(_ text: String) throws(Mistake) {
        guard text.hasPrefix("http://") else { throw Mistake(text: "\(text) does not begin with http://") }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { throw Mistake(text: "No host in \(text)") }
        host = String(name)
        if parts.count == 2 {
            guard let number = UInt16(parts[1]) else { throw Mistake(text: "No port in \(text)") }
            port = number
        }
        let place = rest.dropFirst(authority.count)
        if path == "/", !place.isEmpty { path = String(place) }
    }

    private static func value(_ rest: inout ArraySlice<String>, _ name: String) throws(Mistake) -> String {
        guard let value = rest.popFirst() else { throw Mistake(text: "\(name) needs a value.") }
        return value
    }

    private static func number(_ rest: inout ArraySlice<String>, _ name: String) throws(Mistake) -> Double {
        let text = try value(&rest, name)
        guard let number = Double(text), number > 0, number <= 1e7 else {
            throw Mistake(text: "\(name) needs a number above zero, not \(text).")
        }
        return number
    }

    private static func range(_ text: String) throws(Mistake) -> ClosedRange<Int> {
        let ends = text.split(separator: "-").compactMap { Int($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { throw Mistake(text: "\(text) is not like 1-1000.") }
        return ends[0]...ends[1]
    }
}
