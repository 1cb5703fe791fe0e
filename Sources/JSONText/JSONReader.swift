/// Reads RFC 8259 texts that are I-JSON (RFC 7493), and nothing more lenient.
///
/// Noncharacters such as U+FFFF are let through, as nearly every other reader does. U+0000 in a string is read: whether
/// a text may hold it is the caller's question.
public enum JSONReader {
    /// The value of a whole text; `depthMax` is how many arrays and objects may stand inside each other.
    public static func read(_ bytes: [UInt8], depthMax: Int = 64) throws(JSONSyntaxError) -> JSONNode {
        var scanner = JSONScanner(bytes: bytes, depthMax: depthMax)
        do {
            return try scanner.document()
        } catch {
            throw JSONSyntaxError(error.reason, offset: error.offset, in: bytes)
        }
    }
}

/// What the scanner throws: lines are counted once, outside.
struct JSONScanFailure: Error {
    let reason: JSONSyntaxError.Reason
    let offset: Int
}

/// Recursive descent, bounded by `depthMax`.
struct JSONScanner {
    let bytes: [UInt8]
    let depthMax: Int
    var position = 0
    var depth = 0

    init(bytes: [UInt8], depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    mutating func document() throws(JSONScanFailure) -> JSONNode {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw failure(.byteOrderMark) }
        skipWhiteSpace()
        let node = try value()
        skipWhiteSpace()
        if position < bytes.count { throw failure(.trailingText) }
        return node
    }

    /// The byte here, or 0 at the end; a real 0 is legal nowhere, so both end in a refusal.
    private var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    func failure(_ reason: JSONSyntaxError.Reason, at offset: Int? = nil) -> JSONScanFailure {
        JSONScanFailure(reason: reason, offset: offset ?? position)
    }

    private func unexpected() -> JSONScanFailure {
        failure(position < bytes.count ? .unexpectedCharacter : .unexpectedEnd)
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONScanFailure) -> JSONNode {
        let start = position
        switch current {
        case UInt8(ascii: "{"): return JSONNode(.object(try object()), offset: start)
        case UInt8(ascii: "["): return JSONNode(.array(try array()), offset: start)
        case UInt8(ascii: "\""): return JSONNode(.string(try string()), offset: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return JSONNode(.number(try number()), offset: start)
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw unexpected()
        }
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONScanFailure) -> JSONNode {
        let start = position
        for index in 0..<word.utf8CodeUnitCount {
            guard current == word.utf8Start[index] else { throw unexpected() }
            position += 1
        }
        return JSONNode(value, offset: start)
    }

    private mutating func enter() throws(JSONScanFailure) {
        guard depth < depthMax else { throw failure(.tooDeep) }
        depth += 1
        position += 1
        skipWhiteSpace()
    }

    private mutating func leave() {
        depth -= 1
        position += 1
    }

    private mutating func array() throws(JSONScanFailure) -> [JSONNode] {
        try enter()
        var elements: [JSONNode] = []
        if current == UInt8(ascii: "]") {
            leave()
            return elements
        }
        while true {
            elements.append(try value())
            skipWhiteSpace()
            switch current {
            case UInt8(ascii: ","):
                position += 1
                skipWhiteSpace()
            case UInt8(ascii: "]"):
                leave()
                return elements
            default: throw unexpected()
            }
        }
    }

    private mutating func object() throws(JSONScanFailure) -> [JSONMember] {
        try enter()
        var members: [JSONMember] = []
        if current == UInt8(ascii: "}") {
            leave()
            return members
        }
        var names = JSONNames()
        while true {
            let nameOffset = position
            guard current == UInt8(ascii: "\"") else { throw unexpected() }
            let name = try string()
            guard names.insert(name, among: members) else { throw failure(.duplicateName, at: nameOffset) }
            skipWhiteSpace()
            guard current == UInt8(ascii: ":") else { throw unexpected() }
            position += 1
            skipWhiteSpace()
            members.append(JSONMember(name: name, nameOffset: nameOffset, node: try value()))
            skipWhiteSpace()
            switch current {
            case UInt8(ascii: ","):
                position += 1
                skipWhiteSpace()
            case UInt8(ascii: "}"):
                leave()
                return members
            default: throw unexpected()
            }
        }
    }

    /// RFC 8259 section 6: no leading zeros, digits on both sides of the point.
    private mutating func number() throws(JSONScanFailure) -> String {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        switch current {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): throw failure(.invalidNumber)
        default: return String(decoding: bytes[start..<position], as: UTF8.self)
        }
    }

    private mutating func digits() throws(JSONScanFailure) {
        let start = position
        while case UInt8(ascii: "0")...UInt8(ascii: "9") = current { position += 1 }
        if position == start { throw failure(position < bytes.count ? .invalidNumber : .unexpectedEnd) }
    }
}

/// The names of one object so far. Swift's `==` on strings folds canonical equivalents together, JSON does not, so the
/// bytes are compared; a large object gets a set, or its check for duplicates would be quadratic.
struct JSONNames {
    private static let listedMax = 32
    private var set: Set<[UInt8]> = []

    /// False when the name is there already.
    mutating func insert(_ name: String, among members: [JSONMember]) -> Bool {
        if members.count < Self.listedMax {
            return !members.contains { $0.name.hasSameBytes(as: name) }
        }
        if set.isEmpty {
            for member in members { set.insert(Array(member.name.utf8)) }
        }
        return set.insert(Array(name.utf8)).inserted
    }
}
