/// Reads an object's members once each, collects every fault, and reports the members that nobody asked for.
///
/// A member that is `null` counts as absent. Every verb gives nil when the member is absent or has a fault.
public struct JSONObjectReader {
    /// The pointer to this object.
    public let pointer: String
    /// The byte where this object begins.
    public let offset: Int
    /// All members in the order of the text; none when the value is no object.
    public let members: [JSONMember]
    public let faults: JSONFaults
    /// False when the value is no object, which is a fault already.
    public let isObject: Bool
    private var isRead: [Bool]

    /// A value that is no object is the fault `not_an_object`; then every member is absent, without further faults.
    public init(_ node: JSONNode, pointer: String = "", faults: JSONFaults) {
        self.pointer = pointer
        self.offset = node.offset
        self.faults = faults
        if case .object(let members) = node.value {
            self.members = members
            self.isObject = true
        } else {
            self.members = []
            self.isObject = false
            faults.add("not_an_object", at: pointer, offset: node.offset)
        }
        self.isRead = Array(repeating: false, count: members.count)
    }

    /// An object without members, for a request that has no body.
    public init(emptyAt pointer: String = "", faults: JSONFaults) {
        self.init(JSONNode(.object([])), pointer: pointer, faults: faults)
    }

    /// Whether the member is present, even as `null`.
    public func has(_ name: String) -> Bool { index(of: name) != nil }

    public func pointer(to name: String) -> String { JSONPointer.appending(name, to: pointer) }

    /// Where the member's value begins, or the object when it is absent.
    public func offset(of name: String) -> Int { index(of: name).map { members[$0].node.offset } ?? offset }

    /// Adds a fault at a member.
    public func fault(_ code: String, at name: String, _ arguments: [String: String] = [:]) {
        faults.add(code, at: pointer(to: name), offset: offset(of: name), arguments)
    }

    /// The raw value, `null` included; no faults but `missing` when it is required and absent.
    public mutating func member(_ name: String, required: Bool = false) -> JSONNode? {
        guard let index = index(of: name) else {
            if required && isObject { fault("missing", at: name) }
            return nil
        }
        isRead[index] = true
        return members[index].node
    }

    /// Faults: `missing`, `not_a_string`, `nul_character` for a string with U+0000 in it.
    public mutating func string(_ name: String, required: Bool = false) -> String? {
        guard let node = value(name, required: required) else { return nil }
        return text(node, at: pointer(to: name))
    }

    /// As `string`, of the member at a place among `members`: of an object with many, looking each up by its name takes the
    /// square of their number.
    public mutating func string(at index: Int) -> String? {
        isRead[index] = true
        let member = members[index]
        if case .null = member.node.value { return nil }
        return text(member.node, at: pointer(to: member.name))
    }

    /// Faults: `missing`, `not_a_boolean`.
    public mutating func bool(_ name: String, required: Bool = false) -> Bool? {
        guard let node = value(name, required: required) else { return nil }
        if case .bool(let value) = node.value { return value }
        fault("not_a_boolean", at: name)
        return nil
    }

    /// Faults: `missing`, `not_an_integer`, `out_of_range` with `min` and `max`.
    public mutating func integer(
        _ name: String, required: Bool = false, in range: ClosedRange<Int> = Int.min...Int.max
    ) -> Int? {
        guard let node = value(name, required: required) else { return nil }
        guard case .number(let literal) = node.value else {
            fault("not_an_integer", at: name)
            return nil
        }
        switch JSONInteger(literal: literal) {
        case .value(let value) where range.contains(value): return value
        case .value, .tooLarge:
            fault("out_of_range", at: name, ["min": String(range.lowerBound), "max": String(range.upperBound)])
        case .notWhole: fault("not_an_integer", at: name)
        }
        return nil
    }

    /// Faults: `missing`, `not_an_array`, and those of `string` at each element.
    public mutating func strings(_ name: String, required: Bool = false) -> [String]? {
        guard let texts = elements(name, required: required) else { return nil }
        return texts.contains(nil) ? nil : texts.compactMap(\.self)
    }

    /// The same for whoever finds fault with the other elements, too: nil in place of one that is none.
    public mutating func elements(_ name: String, required: Bool = false) -> [String?]? {
        guard let nodes = array(name, required: required) else { return nil }
        return nodes.enumerated().map { text($1, at: "\(pointer(to: name))/\($0)") }
    }

    /// Faults: `missing`, `not_an_array`.
    public mutating func array(_ name: String, required: Bool = false) -> [JSONNode]? {
        guard let node = value(name, required: required) else { return nil }
        if case .array(let nodes) = node.value { return nodes }
        fault("not_an_array", at: name)
        return nil
    }

    /// Faults: `missing`, `not_an_array`, `not_an_object` at each element that is none; the caller finishes each reader.
    public mutating func objects(_ name: String, required: Bool = false) -> [JSONObjectReader]? {
        guard let nodes = array(name, required: required) else { return nil }
        let before = faults.count
        let pointer = pointer(to: name)
        let readers = nodes.enumerated().map { JSONObjectReader($1, pointer: "\(pointer)/\($0)", faults: faults) }
        return faults.count == before ? readers : nil
    }

    /// Faults: `missing`, `not_an_object`; the caller finishes the reader.
    public mutating func object(_ name: String, required: Bool = false) -> JSONObjectReader? {
        guard let node = value(name, required: required) else { return nil }
        let reader = JSONObjectReader(node, pointer: pointer(to: name), faults: faults)
        return reader.isObject ? reader : nil
    }

    /// Reports each member that was not read as `unknown_member`.
    public func finish() {
        for (index, member) in members.enumerated() where !isRead[index] {
            faults.add("unknown_member", at: pointer(to: member.name), offset: member.nameOffset)
        }
    }

    private func index(of name: String) -> Int? {
        members.firstIndex { $0.name.hasSameBytes(as: name) }
    }

    private mutating func value(_ name: String, required: Bool) -> JSONNode? {
        guard let node = member(name, required: required) else { return nil }
        guard case .null = node.value else { return node }
        if required { fault("missing", at: name) }
        return nil
    }

    private func text(_ node: JSONNode, at pointer: @autoclosure () -> String) -> String? {
        guard case .string(let text) = node.value else {
            faults.add("not_a_string", at: pointer(), offset: node.offset)
            return nil
        }
        if text.utf8.withContiguousStorageIfAvailable({ $0.contains(0) }) ?? text.utf8.contains(0) {
            faults.add("nul_character", at: pointer(), offset: node.offset)
            return nil
        }
        return text
    }
}
