import JSONText
import Regulations
import Tickets

/// Reads a query's parameters once each, collects every fault, and reports the parameters that nobody asked for.
struct QueryReader {
    /// Decoded, in the order of the query; a parameter that cannot be decoded is a fault and not here.
    let pairs: [(name: String, value: String)]
    private(set) var faults: [Fault] = []
    private var asked: Set<String> = []
    /// Whose value could not be decoded.
    private var undecoded: Set<String> = []

    init(_ query: String?) {
        var pairs: [(name: String, value: String)] = []
        for part in (query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = halves.count == 2 ? halves[1] : ""
            guard let name = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = PercentEncoding.decode(value, plusIsSpace: true)
            else {
                faults.append(Fault(.notUTF8, at: .parameter(String(halves[0]))))
                undecoded.insert(String(halves[0]))
                continue
            }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    /// Whether a part of a query, as it was received, is a parameter of this name.
    static func isNamed(_ name: String, _ part: Substring) -> Bool {
        let given = part.prefix { $0 != "=" }
        return PercentEncoding.decode(given, plusIsSpace: true)?.hasSameBytes(as: name) ?? false
    }

    mutating func fault(_ code: FaultCode, at name: String, _ arguments: [String: String] = [:]) {
        faults.append(Fault(code, at: .parameter(name), arguments))
    }

    /// No value that means something is longer, and what is compared must not be.
    static let valueBytesMax = 1_024

    /// All values of a parameter that may be repeated.
    mutating func strings(_ name: String, bytesMax: Int = valueBytesMax) -> [String] {
        asked.insert(name)
        let values = pairs.filter { $0.name.hasSameBytes(as: name) }.map(\.value)
        let clean = values.filter { !$0.utf8.contains(0) }
        if clean.count < values.count { fault(.nulCharacter, at: name) }
        let short = clean.filter { $0.utf8.count <= bytesMax }
        if short.count < clean.count { fault(.tooLong, at: name, ["max": "\(bytesMax)"]) }
        return short
    }

    mutating func string(_ name: String, required: Bool = false, bytesMax: Int = valueBytesMax) -> String? {
        let before = faults.count
        let values = strings(name, bytesMax: bytesMax)
        if values.count > 1 {
            fault(.repeatedParameter, at: name)
            return nil
        }
        let isMissing = values.isEmpty && faults.count == before && !undecoded.contains(name)
        if required && isMissing { fault(.missing, at: name) }
        return values.first
    }

    /// A text of 1 to `max` scalars that is not blank.
    mutating func text(_ name: String, max: Int) -> String? {
        guard let text = string(name, bytesMax: .max) else { return nil }
        if text.isBlank {
            fault(.blank, at: name)
        } else if text.isLonger(than: max) {
            fault(.tooLong, at: name, ["max": "\(max)"])
        } else {
            return text
        }
        return nil
    }

    mutating func integer(_ name: String, required: Bool = false, in range: ClosedRange<Int>) -> Int? {
        guard let text = string(name, required: required) else { return nil }
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            fault(.notAnInteger, at: name)
            return nil
        }
        guard let value = Int(text), range.contains(value) else {
            fault(.outOfRange, at: name, ["min": "\(range.lowerBound)", "max": "\(range.upperBound)"])
            return nil
        }
        return value
    }

    mutating func bool(_ name: String) -> Bool? {
        switch string(name) {
        case nil: return nil
        case "true": return true
        case "false": return false
        case _?:
            fault(.notOneOf, at: name, ["values": "true, false"])
            return nil
        }
    }

    mutating func instant(_ name: String, required: Bool = false) -> Instant? {
        guard let text = string(name, required: required) else { return nil }
        // An offset's plus that was not percent-encoded arrives as a blank; no time has one.
        let restored = String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == " " ? "+" : $0 }))
        guard let instant = Instant(rfc3339: restored) else {
            fault(.notATime, at: name)
            return nil
        }
        return instant
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let text = string(name) else { return nil }
        guard let choice = Choice.allCases.first(where: { $0.rawValue.hasSameBytes(as: text) }) else {
            fault(.notOneOf, at: name, ["values": Choice.allCases.map(\.rawValue).joined(separator: ", ")])
            return nil
        }
        return choice
    }

    /// Reports each parameter that was not asked for.
    mutating func finish() {
        // By their bytes: names that only look the same are two.
        var reported = Set(asked.map { Array($0.utf8) })
        for (name, _) in pairs where reported.insert(Array(name.utf8)).inserted {
            fault(.unknownParameter, at: name)
        }
    }
}
