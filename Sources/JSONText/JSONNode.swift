/// One value of a JSON text and where it stands.
public struct JSONNode: Sendable {
    public let value: JSONValue
    /// The first byte of the value, counted from 0.
    public let offset: Int

    public init(_ value: JSONValue, offset: Int = 0) {
        self.value = value
        self.offset = offset
    }
}

/// A JSON value as it was written: members keep their order, numbers their literal.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// The literal, checked against RFC 8259 section 6 and not yet converted.
    case number(String)
    case string(String)
    case array([JSONNode])
    case object([JSONMember])
}

/// A name of an object and its value; names are unique within an object.
public struct JSONMember: Sendable {
    public let name: String
    public let nameOffset: Int
    public let node: JSONNode

    public init(name: String, nameOffset: Int = 0, node: JSONNode) {
        self.name = name
        self.nameOffset = nameOffset
        self.node = node
    }
}

/// A place in a text for people: both numbers start at 1, a column is one Unicode scalar.
public struct JSONPosition: Sendable, Equatable {
    public let line: Int
    public let column: Int

    public init(offset: Int, in bytes: [UInt8]) {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.line = line
        self.column = column
    }
}

/// JSON Pointers (RFC 6901).
public enum JSONPointer {
    /// The pointer to a member of the value at `parent`.
    public static func appending(_ name: String, to parent: String) -> String {
        var pointer = parent
        pointer.append("/")
        if !name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) { return pointer + name }
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": pointer.append("~0")
            case "/": pointer.append("~1")
            default: pointer.unicodeScalars.append(scalar)
            }
        }
        return pointer
    }
}
