/// One thing wrong with a value, at a JSON Pointer (RFC 6901). `code` is stable; words are made elsewhere.
public struct JSONFault: Sendable, Equatable {
    public let pointer: String
    public let code: String
    public let arguments: [String: String]
    /// The byte of the text that the fault is about.
    public let offset: Int

    public init(pointer: String, code: String, arguments: [String: String] = [:], offset: Int = 0) {
        self.pointer = pointer
        self.code = code
        self.arguments = arguments
        self.offset = offset
    }
}

/// The faults found so far, in the order in which they were found; one list is shared by all readers of a text.
///
/// Not for use from several threads.
public final class JSONFaults {
    /// The first of them.
    public private(set) var list: [JSONFault] = []
    /// Of all, however many are on the list.
    public private(set) var count = 0
    private let listMax: Int

    /// At most so many are kept: a body of a megabyte may have one in every other byte.
    public init(listMax: Int = .max) { self.listMax = listMax }

    public func add(
        _ code: String, at pointer: @autoclosure () -> String, offset: Int = 0, _ arguments: [String: String] = [:]
    ) {
        count += 1
        guard list.count < listMax else { return }
        list.append(JSONFault(pointer: pointer(), code: code, arguments: arguments, offset: offset))
    }

    public var isEmpty: Bool { count == 0 }

    /// Whether one of the list is at this place.
    public func has(at pointer: String) -> Bool { list.contains { $0.pointer.hasSameBytes(as: pointer) } }
}
