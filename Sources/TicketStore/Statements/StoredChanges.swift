import Tickets

/// The changes of an event as its row keeps them: a line a field, its name, what it was and what it became with tabs
/// between them; canonical JSON (RFC 8785, 3.2.2.2) has neither tabs nor line feeds. Their salts one after the other.
enum StoredChanges {
    private static let tab = UInt8(ascii: "\t")
    private static let lineFeed = UInt8(ascii: "\n")

    /// Nil: none.
    static func lines(_ changes: [FieldChange]) -> String? {
        guard !changes.isEmpty else { return nil }
        let size = changes.reduce(0) { $0 + $1.field.utf8.count + $1.from.utf8.count + $1.to.utf8.count + 3 }
        return String(unsafeUninitializedCapacity: size) { room in
            var end = 0
            func put(_ text: String, then last: UInt8) {
                end = room[end...].update(fromContentsOf: text.utf8)
                room[end] = last
                end += 1
            }
            for change in changes {
                put(change.field, then: tab)
                put(change.from, then: tab)
                put(change.to, then: lineFeed)
            }
            return end - 1
        }
    }

    /// Nil: none.
    static func salts(_ changes: [FieldChange]) -> [UInt8]? {
        guard !changes.isEmpty else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(changes.count * Salt.size)
        for change in changes { change.salt.withBytes { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// What is not as it was written is left out, so that its event no longer has the hash of what it says.
    static func read(_ lines: String?, salts: [UInt8]?) -> [FieldChange] {
        guard var lines, let salts else { return [] }
        var changes: [FieldChange] = []
        changes.reserveCapacity(salts.count / Salt.size)
        lines.withUTF8 { lines in
            salts.withUnsafeBytes { salts in
                var rest = salts[...]
                for line in lines.split(separator: lineFeed, omittingEmptySubsequences: false) {
                    let parts = line.split(separator: tab, omittingEmptySubsequences: false)
                        .map { String(decoding: $0, as: UTF8.self) }
                    let salt = Salt(bytes: UnsafeRawBufferPointer(rebasing: rest.prefix(Salt.size)))
                    rest = rest.dropFirst(Salt.size)
                    guard let salt, parts.count == 3 else { continue }
                    changes.append(FieldChange(field: parts[0], from: parts[1], to: parts[2], salt: salt))
                }
            }
        }
        return changes
    }

    /// Adds the fingerprints that the values give to those that are kept, in the order of their names. Where one is kept
    /// of a value that is there, it counts: whether they are the same is for `verify` to say.
    static func addDigests(of changes: [FieldChange], to digests: inout [ValueDigest]) {
        for change in changes where !digests.contains(where: { $0.name == change.field }) {
            digests.append(ValueDigest(name: change.field, digest: change.digest))
        }
        digests.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}
