/// Which part of a representation a client wants (RFC 9110, 14).
enum ByteRange: Equatable {
    /// All of it: no range is asked for, or one that is not understood, or several at once, which is the server's
    /// choice (14.2).
    case whole
    case part(Range<Int>)
    /// It lies behind the end.
    case unsatisfiable

    init(_ fields: [String], size: Int) {
        // No range that is understood here is longer, and what is compared must not be.
        guard fields.count == 1, fields[0].utf8.count <= 256 else {
            self = .whole
            return
        }
        let field = fields[0][...].trimmingBlanks()
        guard field.prefix(6).lowercased() == "bytes=" else {
            self = .whole
            return
        }
        let parts = field.dropFirst(6).trimmingBlanks().split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Self.position(parts[0]), let last = Self.position(parts[1]) else {
            self = .whole
            return
        }
        switch (first, last) {
        case (.none, .none): self = .whole
        case (.none, .some(let count)):
            self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
        case (.some(let first), .none): self = first < size ? .part(first..<size) : .unsatisfiable
        case (.some(let first), .some(let last)):
            if last < first {
                self = .whole  // 14.1.1: invalid, and so ignored.
            } else {
                self = first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
            }
        }
    }

    /// An outer nil: no position; an inner one: left out. What overflows lies behind every end.
    private static func position(_ text: Substring) -> Int?? {
        if text.isEmpty { return .some(nil) }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return .some(Int(text) ?? .max)
    }
}
