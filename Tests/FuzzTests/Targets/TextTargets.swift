import JSONText
import Regulations

@testable import TicketAPI

extension FuzzTarget {
    private static let router = Router()

    /// What can be read can be written, and reads the same again.
    static let json = FuzzTarget(name: "json") { bytes in
        guard let node = try? JSONReader.read(Array(bytes)) else { return }
        var writer = JSONWriter()
        writer.node(node)
        guard let again = try? JSONReader.read(writer.bytes) else { return require(false, "what is written is JSON") }
        var rewritten = JSONWriter()
        rewritten.node(again)
        require(rewritten.bytes == writer.bytes, "reading what was written gives the same")
    }

    /// A query string, and the headers that are read as lists: every kind of parameter under a few names.
    static let query = FuzzTarget(name: "query") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        var reader = QueryReader(text)
        _ = reader.integer("limit", in: 1...200)
        _ = reader.strings("state")
        _ = reader.bool("overdue")
        _ = reader.instant("registered_from")
        _ = reader.string("q", required: true)
        reader.finish()
        let pairs = reader.pairs.count
        require(pairs <= text.utf8.count { $0 == UInt8(ascii: "&") } + 1, "no more pairs than there are separators")
        _ = router.match(method: "GET", path: "/" + text)
        _ = Negotiation.language([text])
        _ = Negotiation.acceptsJSON([text])
        _ = EntityTag.matches([text], version: 1)
        _ = EntityTag.names([text], "\"1-0123456789abcdef\"")
    }

    /// A cursor that was not given for a list is never taken for one of it; one that was, gives the keys back.
    static let cursor = FuzzTarget(name: "cursor") { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        _ = Cursor.decode(text, scope: "scope")
        let keys = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let cursor = Cursor.encode(keys, scope: "scope")
        if cursor.utf8.count <= 4096 {
            let expected = bytes.contains(0) ? nil : keys
            require(Cursor.decode(cursor, scope: "scope") == expected, "keys come back, but for U+0000")
        }
        require(Cursor.decode(cursor, scope: "other") == nil, "a cursor belongs to one list")
        if let instant = Instant(rfc3339: text) {
            require(
                Instant(rfc3339: instant.rfc3339) == instant.truncatedToMilliseconds(),
                "a time comes back, in milliseconds")
        }
    }
}
