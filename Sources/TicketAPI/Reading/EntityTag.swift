import Digests
import Tickets

/// The `ETag` of a ticket: its version, then what of everything else changes the body.
enum EntityTag {
    static func make(version: Int, body: [UInt8]) -> String {
        "\"\(version)-\(Digest(of: body).beginning)\""
    }

    /// Whether an `If-Match` admits a change of a ticket with this version; weak tags never do (RFC 9110, 13.1.1).
    static func matches(_ fields: [String], version: Int) -> Bool {
        contains(fields) { $0.isAny || !$0.isWeak && $0.isOf(version) }
    }

    /// Whether an `If-None-Match` names a ticket with this version; weakly compared (RFC 9110, 13.1.2).
    static func names(_ fields: [String], version: Int) -> Bool { contains(fields) { $0.isAny || $0.isOf(version) } }

    /// Whether an `If-Match` names this very answer, gzipped or not; strongly compared (RFC 9110, 13.1.1).
    static func matches(_ fields: [String], _ etag: String) -> Bool {
        contains(fields) { $0.isAny || !$0.isWeak && $0.isOf(etag) }
    }

    /// Whether an `If-None-Match` names this very answer, gzipped or not; weakly compared (RFC 9110, 13.1.2).
    static func names(_ fields: [String], _ etag: String) -> Bool { contains(fields) { $0.isAny || $0.isOf(etag) } }

    private struct Tag {
        var isAny = false
        var isWeak = false
        /// What is between the quotes.
        var opaque: Slice<UnsafeBufferPointer<UInt8>>

        func isOf(_ version: Int) -> Bool {
            guard let dash = opaque.firstIndex(of: UInt8(ascii: "-")) else { return false }
            return opaque[..<dash].elementsEqual("\(version)".utf8)
        }

        func isOf(_ etag: String) -> Bool {
            let wanted = etag.utf8.dropFirst().dropLast()
            if opaque.elementsEqual(wanted) { return true }
            return opaque.count == wanted.count + 3 && opaque.starts(with: wanted)
                && opaque.suffix(3).elementsEqual("-gz".utf8)
        }
    }

    /// What is no entity tag is left out: it can match nothing. A tag may hold a comma, so no splitting at commas; an
    /// empty element is nothing (RFC 9110, 5.6.1.2). Byte by byte: anybody may send thousands.
    private static func contains(_ fields: [String], _ matches: (Tag) -> Bool) -> Bool {
        for var field in fields {
            let found = field.withUTF8 { text in
                var rest = text[...].trimmingBlanks()
                if rest.elementsEqual("*".utf8) { return matches(Tag(isAny: true, opaque: rest[..<rest.startIndex])) }
                while true {
                    rest = rest.drop { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                    let isWeak = rest.starts(with: "W/".utf8)
                    if isWeak { rest = rest.dropFirst(2) }
                    let quote = UInt8(ascii: "\"")
                    guard rest.first == quote, let end = rest.dropFirst().firstIndex(of: quote) else { return false }
                    if matches(Tag(isWeak: isWeak, opaque: rest[..<end].dropFirst())) { return true }
                    rest = rest[(end + 1)...].trimmingBlanks()
                    guard rest.first == UInt8(ascii: ",") else { return false }
                }
            }
            if found { return true }
        }
        return false
    }
}
