import Digests
import Tickets

/// The `ETag` of a ticket: its version, then what of everything else changes the body.
enum EntityTag {
    static func make(version: Int, body: [UInt8]) -> String {
        "\"\(version)-\(Digest(of: body).beginning)\""
    }

    /// Whether an `If-Match` admits a change of a ticket with this version; weak tags never do (RFC 9110, 13.1.1).
    static func matches(_ fields: [String], version: Int) -> Bool {
        let expected = "\(version)"
        return tags(fields).contains { tag in
            tag.isAny || !tag.isWeak && tag.opaque.prefix { $0 != "-" } == expected[...] && tag.opaque.contains("-")
        }
    }

    /// Whether an `If-Match` names this very representation; strongly compared (RFC 9110, 13.1.1).
    static func matches(_ fields: [String], _ etag: String) -> Bool {
        tags(fields).contains { $0.isAny || !$0.isWeak && "\"\($0.opaque)\"" == etag }
    }

    /// Whether an `If-None-Match` names this very answer, gzipped or not; weakly compared (RFC 9110, 13.1.2).
    static func names(_ fields: [String], _ etag: String) -> Bool {
        tags(fields).contains { tag in
            tag.isAny || "\"\(tag.opaque)\"" == etag
                || tag.opaque.hasSuffix("-gz") && "\"\(tag.opaque.dropLast(3))\"" == etag
        }
    }

    private struct Tag {
        var isAny = false
        var isWeak = false
        var opaque: Substring = ""
    }

    /// What is no entity tag is left out: it can match nothing. A tag may hold a comma, so no splitting at commas.
    private static func tags(_ fields: [String]) -> [Tag] {
        var tags: [Tag] = []
        for field in fields {
            if field[...].trimmingBlanks() == "*" {
                tags.append(Tag(isAny: true))
                continue
            }
            var rest = field[...].trimmingBlanks()
            while !rest.isEmpty {
                let isWeak = rest.hasPrefix("W/")
                if isWeak { rest = rest.dropFirst(2) }
                guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else { break }
                tags.append(Tag(isWeak: isWeak, opaque: rest[..<end].dropFirst()))
                rest = rest[rest.index(after: end)...].trimmingBlanks()
                guard rest.isEmpty || rest.first == "," else { break }
                rest = rest.drop { $0 == "," || $0 == " " || $0 == "\t" }
            }
        }
        return tags
    }
}
