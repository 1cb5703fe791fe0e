import Tickets

/// Finds the call behind a method and a path.
struct Router: Sendable {
    enum Match: Equatable {
        /// The call and what stands in its path's placeholders, decoded.
        case found(Call, [String])
        /// The path is known, the method is not among these.
        case otherMethod(allow: [String])
        case unknownPath
        /// A percent-encoding that is none, or not of UTF-8.
        case malformed
    }

    private struct Node {
        var literals: [String: Node] = [:]
        /// At most one: what stands for any segment.
        var placeholder: [Node] = []
        var calls: [String: Call] = [:]

        mutating func insert(_ route: Route, _ segments: ArraySlice<Substring>) {
            guard let segment = segments.first else {
                calls[route.method] = route.call
                return
            }
            if segment.hasPrefix("{") {
                if placeholder.isEmpty { placeholder.append(Node()) }
                placeholder[0].insert(route, segments.dropFirst())
            } else {
                literals[String(segment), default: Node()].insert(route, segments.dropFirst())
            }
        }
    }

    private let root: Node

    init(_ routes: [Route] = Route.all) {
        var root = Node()
        for route in routes { root.insert(route, Router.segments(route.path)) }
        self.root = root
    }

    /// `path` is still percent-encoded; each segment is decoded by itself, so `%2F` never parts two.
    func match(method: String, path: String) -> Match {
        // `OPTIONS *` and `CONNECT host:port` name no path of ours: what the server can be asked at all is the answer.
        guard path.utf8.first == UInt8(ascii: "/") else { return .otherMethod(allow: Router.methods) }
        var node = root
        var arguments: [String] = []
        for raw in Router.segments(path) {
            guard let segment = PercentEncoding.decode(raw) else { return .malformed }
            if let next = node.literals[segment] {
                node = next
            } else if let next = node.placeholder.first, !segment.isEmpty {
                arguments.append(segment)
                node = next
            } else {
                return .unknownPath
            }
        }
        if node.calls.isEmpty { return .unknownPath }
        if let call = node.calls[method == "HEAD" ? "GET" : method] { return .found(call, arguments) }
        let allowed = node.calls.keys.sorted().flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] }
        return .otherMethod(allow: allowed)
    }

    private static let methods = ["DELETE", "GET", "HEAD", "PATCH", "POST"]

    private static func segments(_ path: String) -> ArraySlice<Substring> {
        path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    }
}

/// Percent-encoding (RFC 3986, 2.1).
enum PercentEncoding {
    /// Nil for a `%` without two hexadecimal digits, or bytes that are no UTF-8. `plusIsSpace` is the rule of forms.
    static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        let source = text.utf8
        if !source.contains(where: { $0 == 0x25 || plusIsSpace && $0 == 0x2b }) { return String(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var rest = source.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case 0x25:
                guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
                bytes.append(high << 4 | low)
            case 0x2b where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
