infix operator %% : MultiplicationPrecedence

/// The remainder that is never negative.
func %% (dividend: Int, divisor: Int) -> Int {
    let remainder = dividend % divisor
    return remainder < 0 ? remainder + divisor : remainder
}

extension BinaryInteger {
    /// Rounds towards minus infinity; the divisor is positive.
    func floorDivided(by divisor: Self) -> Self {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// The number that up to nine ASCII digits mean; nil for anything else.
func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
    guard 1...9 ~= digits.count else { return nil }
    var value = 0
    for digit in digits {
        guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
}

func padded(_ value: Int, _ width: Int) -> String {
    let text = String(value.magnitude)
    return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - text.count)) + text
}
