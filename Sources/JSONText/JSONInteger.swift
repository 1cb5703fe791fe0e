/// What whole number a JSON number literal means: `10`, `10.0` and `1e1` are the same number (RFC 8259 section 6).
public enum JSONInteger: Equatable, Sendable {
    case value(Int)
    /// A whole number that `Int` cannot hold.
    case tooLarge
    case notWhole

    public init(literal: String) {
        if let value = Int(literal) {
            self = .value(value)
            return
        }
        var digits: [UInt8] = []
        var fractionDigits = 0
        var exponent = 0
        var inFraction = false
        var rest = literal.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "."): inFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                // An exponent beyond Int is as good as a million: only zero survives it either way.
                let isDown = rest.first == UInt8(ascii: "-")
                exponent = Int(Substring(rest)) ?? (isDown ? -1_000_000 : 1_000_000)
                exponent = min(max(exponent, -1_000_000), 1_000_000)
                rest = rest.suffix(0)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.append(byte - UInt8(ascii: "0"))
                if inFraction { fractionDigits += 1 }
            default:
                self = .notWhole
                return
            }
        }
        self = Self.whole(digits, shift: exponent - fractionDigits, isNegative: isNegative)
    }

    private static func whole(_ digits: [UInt8], shift: Int, isNegative: Bool) -> JSONInteger {
        var digits = Array(digits.drop { $0 == 0 })
        if digits.isEmpty { return .value(0) }
        var shift = shift
        while digits.last == 0 {
            digits.removeLast()
            shift += 1
        }
        if shift < 0 { return .notWhole }
        if digits.count + shift > 19 { return .tooLarge }
        var text = isNegative ? "-" : ""
        for digit in digits { text.append(String(digit)) }
        text.append(String(repeating: "0", count: shift))
        return Int(text).map { .value($0) } ?? .tooLarge
    }
}
