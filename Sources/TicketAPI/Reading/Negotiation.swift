import HTTPWire
import Regulations

/// What a client would like to be answered in (RFC 9110, 12.5).
enum Negotiation {
    /// One element of a weighted list: `text/html;q=0.5`.
    private struct Weighted {
        /// Lower case, without parameters.
        let value: Substring
        /// Thousandths; 0 means "not this".
        let weight: Int
    }

    /// The language that `Accept-Language` asks for; English unless it says otherwise.
    static func language(_ fields: [String]) -> Language {
        if fields.isEmpty { return .en }
        let ranges = weighted(fields)
        // What is not mentioned still beats what is refused.
        func weight(_ language: Language) -> (weight: Int, position: Int) {
            var best: (weight: Int, position: Int)?
            for (position, range) in ranges.enumerated() {
                let primary = range.value.prefix { $0 != "-" }
                guard primary == language.rawValue[...] else { continue }
                if range.weight * 2 > best?.weight ?? -1 { best = (range.weight * 2, position) }
            }
            if let best { return best }
            guard let any = ranges.firstIndex(where: { $0.value == "*" }) else { return (1, ranges.count) }
            return (ranges[any].weight * 2, ranges.count)
        }
        let english = weight(.en)
        let russian = weight(.ru)
        if english.weight != russian.weight { return english.weight > russian.weight ? .en : .ru }
        return russian.position < english.position ? .ru : .en
    }

    /// Whether JSON may be answered; a zero weight of `application/json` itself counts before any wildcard.
    static func acceptsJSON(_ fields: [String]) -> Bool {
        if fields.isEmpty || fields == ["*/*"] { return true }
        let ranges = weighted(fields)
        if ranges.isEmpty { return true }
        func weight(_ values: Substring...) -> Int? {
            for value in values {
                if let range = ranges.first(where: { $0.value == value }) { return range.weight }
            }
            return nil
        }
        if weight("application/problem+json") ?? 0 > 0 { return true }
        return weight("application/json", "application/*", "*/*") ?? 0 > 0
    }

    /// Whether a stream of events is wanted more than JSON.
    static func prefersEventStream(_ fields: [String]) -> Bool {
        if fields.isEmpty { return false }
        let ranges = weighted(fields)
        func weight(_ values: Substring...) -> Int {
            for value in values {
                if let range = ranges.first(where: { $0.value == value }) { return range.weight }
            }
            return 0
        }
        let stream = weight("text/event-stream", "text/*", "*/*")
        return stream > weight("application/json", "application/*", "*/*")
    }

    private static func weighted(_ fields: [String]) -> [Weighted] {
        fields.flatMap { $0.split(separator: ",") }.compactMap { element in
            var parts = element.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingBlanks() }
            let value = parts.removeFirst().lowercased()
            guard !value.isEmpty else { return nil }
            var thousandths = 1000
            for part in parts where part.lowercased().hasPrefix("q=") {
                // A weight that is none says nothing.
                thousandths = weight(part.dropFirst(2)) ?? 1000
            }
            return Weighted(value: value[...], weight: thousandths)
        }
    }

    /// `0`, `1`, `0.5`: up to three digits (RFC 9110, 12.4.2).
    private static func weight(_ text: Substring) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts[0] == "0" || parts[0] == "1" else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard fraction.utf8.count <= 3, fraction.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var value = parts[0] == "1" ? 1 : 0
        for digit in Array(fraction.utf8) + [UInt8](repeating: 0x30, count: 3 - fraction.utf8.count) {
            value = value * 10 + Int(digit - 0x30)
        }
        return value <= 1000 ? value : nil
    }
}

extension Substring {
    /// Without the blanks and tabs around it (RFC 9110, 5.6.3).
    func trimmingBlanks() -> Substring {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return rest
    }
}
