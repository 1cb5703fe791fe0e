import Digests
import JSONText

/// Where the next page of a list begins, as clients carry it: base64url of `[sum, key, …]`.
///
/// The sum ties the keys to the list that they were given for, its path, filters and order, so that a cursor of another
/// list, or a damaged one, is refused and not misread. It is no secret: a position gives nobody a right to see a row.
enum Cursor {
    static func encode(_ keys: [String], scope: String) -> String {
        var json = JSONWriter(capacity: 128)
        json.array { json in for text in [sum(keys, scope)] + keys { json.string(text) } }
        return Base64URL.encode(json.bytes)
    }

    /// Nil: none of this list's.
    static func decode(_ text: String, scope: String) -> [String]? {
        guard text.utf8.count <= 4096, let bytes = Base64URL.decode(text), let node = try? JSONReader.read(bytes),
            case .array(let nodes) = node.value
        else { return nil }
        var texts = nodes.compactMap { node in
            if case .string(let text) = node.value { text } else { nil }
        }
        guard texts.count == nodes.count, texts.count > 1 else { return nil }
        guard texts.removeFirst() == sum(texts, scope) else { return nil }
        // Anybody can make a sum; PostgreSQL has no text with U+0000.
        return texts.contains { $0.utf8.contains(0) } ? nil : texts
    }

    private static func sum(_ keys: [String], _ scope: String) -> String {
        var json = JSONWriter(capacity: 256)
        json.array { json in for text in [scope] + keys { json.string(text) } }
        return String(Digest(of: json.bytes).hex.prefix(16))
    }
}
