import HTTPWire
import JSONText
import Regulations

/// What a client would like to be answered in (RFC 9110, 12.5).
enum Negotiation {
    /// The language that `Accept-Language` asks for; English unless it says otherwise.
    static func language(_ fields: [String]) -> Language {
        if fields.isEmpty { return .en }
        var english: (weight: Int, position: Int)?
        var russian: (weight: Int, position: Int)?
        var any: Int?
        var position = 0
        WeightedList.read(fields) { range, weight in
            // What is not mentioned still beats what is refused.
            func note(_ best: inout (weight: Int, position: Int)?) {
                if weight * 2 > best?.weight ?? -1 { best = (weight * 2, position) }
            }
            let primary = range.prefix { $0 != UInt8(ascii: "-") }
            if primary.isSame("en") { note(&english) } else if primary.isSame("ru") { note(&russian) }
            if any == nil, range.isSame("*") { any = weight }
            position += 1
        }
        let other = any.map { (weight: $0 * 2, position: position) } ?? (1, position)
        let (en, ru) = (english ?? other, russian ?? other)
        if en.weight != ru.weight { return en.weight > ru.weight ? .en : .ru }
        return ru.position < en.position ? .ru : .en
    }

    /// Whether JSON may be answered; what is said of `application/json` itself counts before anything else.
    static func acceptsJSON(_ fields: [String]) -> Bool {
        if fields.isEmpty || fields.count == 1 && fields[0].hasSameBytes(as: "*/*") { return true }
        let types = MediaTypes(fields)
        if types.isEmpty { return true }
        if let json = types.json { return json > 0 }
        return types.problem ?? 0 > 0 || types.anyApplication ?? types.any ?? 0 > 0
    }

    /// Whether a stream of events is wanted more than JSON.
    static func prefersEventStream(_ fields: [String]) -> Bool {
        if fields.isEmpty { return false }
        let types = MediaTypes(fields)
        let stream = types.eventStream ?? types.anyText ?? types.any ?? 0
        return stream > types.json ?? types.anyApplication ?? types.any ?? 0
    }
}

/// What an `Accept` says of the types there are here, in thousandths, as it says it first; nil: not named.
private struct MediaTypes {
    var isEmpty = true
    var json: Int?
    var problem: Int?
    var eventStream: Int?
    var anyApplication: Int?
    var anyText: Int?
    var any: Int?

    init(_ fields: [String]) {
        WeightedList.read(fields) { range, weight in
            isEmpty = false
            switch true {
            case range.isSame("application/json"): json = json ?? weight
            case range.isSame("application/problem+json"): problem = problem ?? weight
            case range.isSame("text/event-stream"): eventStream = eventStream ?? weight
            case range.isSame("application/*"): anyApplication = anyApplication ?? weight
            case range.isSame("text/*"): anyText = anyText ?? weight
            case range.isSame("*/*"): any = any ?? weight
            default: break
            }
        }
    }
}

/// A list like `text/html;q=0.5, */*` (RFC 9110, 5.6.1 and 12.4.2). Byte by byte: anybody may send thousands of elements.
private enum WeightedList {
    typealias Text = Slice<UnsafeBufferPointer<UInt8>>

    /// `note` is given each element without its parameters, and its weight in thousandths; 0 means "not this".
    static func read(_ fields: [String], _ note: (Text, Int) -> Void) {
        for var field in fields {
            field.withUTF8 { text in
                var rest = text[...]
                while !rest.isEmpty {
                    var element = next(&rest, until: UInt8(ascii: ","))
                    let value = next(&element, until: UInt8(ascii: ";")).trimmingBlanks()
                    if value.isEmpty { continue }
                    var thousandths = 1000
                    while !element.isEmpty {
                        let part = next(&element, until: UInt8(ascii: ";")).trimmingBlanks()
                        // A weight that is none says nothing.
                        if part.prefix(2).isSame("q=") { thousandths = weight(part.dropFirst(2)) ?? 1000 }
                    }
                    note(value, thousandths)
                }
            }
        }
    }

    /// What comes before the next separator outside quotes (RFC 9110, 5.6.4); `rest` is what comes after it.
    private static func next(_ rest: inout Text, until separator: UInt8) -> Text {
        var isQuoted = false
        var index = rest.startIndex
        while index < rest.endIndex {
            switch rest[index] {
            case separator where !isQuoted:
                defer { rest = rest[(index + 1)...] }
                return rest[..<index]
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: index += 1
            default: break
            }
            index += 1
        }
        defer { rest = rest[rest.endIndex...] }
        return rest
    }

    /// `0`, `1`, `0.5`: up to three digits (RFC 9110, 12.4.2).
    private static func weight(_ text: Text) -> Int? {
        guard let first = text.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
        let fraction = text.dropFirst(2)
        guard text.count <= 5, text.dropFirst().first ?? UInt8(ascii: ".") == UInt8(ascii: ".") else { return nil }
        var value = Int(first) - 0x30
        for index in 0..<3 {
            let digit = index < fraction.count ? fraction[fraction.startIndex + index] &- 0x30 : 0
            guard digit < 10 else { return nil }
            value = 10 * value + Int(digit)
        }
        return value <= 1000 ? value : nil
    }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
    /// Without the blanks and tabs around it (RFC 9110, 5.6.3).
    func trimmingBlanks() -> Self {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return rest
    }

    /// Without regard to the case of letters; `text` is in small ones.
    fileprivate func isSame(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for (byte, small) in zip(self, UnsafeBufferPointer(start: text.utf8Start, count: count)) {
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == small else { return false }
        }
        return true
    }
}

extension Substring {
    /// Without the blanks and tabs around it (RFC 9110, 5.6.3).
    func trimmingBlanks() -> Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let rest = utf8.drop(while: isBlank)
        guard let last = rest.lastIndex(where: { !isBlank($0) }) else { return "" }
        return Substring(rest[...last])
    }
}
