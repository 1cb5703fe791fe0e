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

    /// A place in the tree of paths; others are named by their index in `nodes`.
    private struct Node {
        var literals: [(name: [UInt8], node: Int)] = []
        /// What stands for any segment.
        var placeholder: Int?
        var calls: [(method: String, call: Call)] = []
    }

    private let nodes: [Node]

    init(_ routes: [Route] = Route.all) {
        var nodes = [Node()]
        func new() -> Int {
            nodes.append(Node())
            return nodes.count - 1
        }
        for route in routes {
            var node = 0
            for segment in route.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                let next: Int
                if segment.hasPrefix("{") {
                    next = nodes[node].placeholder ?? new()
                    nodes[node].placeholder = next
                } else if let known = nodes[node].literals.first(where: { $0.name.elementsEqual(segment.utf8) }) {
                    next = known.node
                } else {
                    next = new()
                    nodes[node].literals.append((Array(segment.utf8), next))
                }
                node = next
            }
            nodes[node].calls.append((route.method, route.call))
        }
        self.nodes = nodes
    }

    /// `path` is still percent-encoded; each segment is decoded by itself, so `%2F` never parts two.
    func match(method: String, path: String) -> Match {
        var path = path
        return path.withUTF8 { path in
            // `OPTIONS *` and `CONNECT host:port` name no path of ours: what the server can be asked at all is the answer.
            guard path.first == UInt8(ascii: "/") else { return .otherMethod(allow: Router.methods) }
            var node = 0
            var arguments: [String] = []
            var start = 1
            while start <= path.count {
                let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
                let raw = UnsafeBufferPointer(rebasing: path[start..<end])
                start = end + 1
                if let next = literal(raw, at: node) {
                    node = next
                    continue
                }
                guard let segment = PercentEncoding.decode(raw) else { return .malformed }
                if raw.contains(UInt8(ascii: "%")), let next = literal(Array(segment.utf8), at: node) {
                    node = next
                } else if let next = nodes[node].placeholder, !segment.isEmpty {
                    arguments.append(segment)
                    node = next
                } else {
                    return .unknownPath
                }
            }
            return match(method, nodes[node].calls, arguments)
        }
    }

    private func match(_ method: String, _ calls: [(method: String, call: Call)], _ arguments: [String]) -> Match {
        if calls.isEmpty { return .unknownPath }
        let wanted = method == "HEAD" ? "GET" : method
        if let found = calls.first(where: { $0.method == wanted }) { return .found(found.call, arguments) }
        let allowed = calls.map(\.method).sorted().flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] }
        return .otherMethod(allow: allowed)
    }

    private func literal(_ segment: some Collection<UInt8>, at node: Int) -> Int? {
        for (name, next) in nodes[node].literals where name.elementsEqual(segment) { return next }
        return nil
    }

    private static let methods = ["DELETE", "GET", "HEAD", "PATCH", "POST"]
}

/// Percent-encoding (RFC 3986, 2.1).
enum PercentEncoding {
    /// Nil for a `%` without two hexadecimal digits, or bytes that are no UTF-8. `plusIsSpace` is the rule of forms.
    static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var text = text
        return text.withUTF8 { decode($0, plusIsSpace: plusIsSpace) }
    }

    static func decode(_ source: UnsafeBufferPointer<UInt8>, plusIsSpace: Bool = false) -> String? {
        if !source.contains(where: { $0 == 0x25 || plusIsSpace && $0 == 0x2b }) {
            return String(decoding: source, as: UTF8.self)
        }
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
