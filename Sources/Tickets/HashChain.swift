public import Digests
public import Regulations

/// The recipe by which every event vouches for the one before it; `docs/reference/hash-chain.md` tells it to others.
///
/// Final: a changed recipe would break every history that exists.
public enum HashChain {
    static let recipe = "reglament-event-v1"

    /// 16 random bytes in hexadecimal: what keeps a short text from being guessed out of its digest.
    public static func makeSalt() -> String { Random.hexadecimal(Salt.size) }

    /// SHA-256 over the salt's bytes and `{"from":…,"to":…}`.
    static func digest(from: String, to: String, salt: Salt) -> Digest {
        var hasher = SHA256()
        salt.withBytes { hasher.update($0) }
        hasher.update("{\"from\":")
        hasher.update(from)
        hasher.update(",\"to\":")
        hasher.update(to)
        hasher.update("}")
        return hasher.finish()
    }

    /// SHA-256 over the salt's bytes and the value's.
    public static func digest(of value: String, salt: String) -> Digest {
        var hasher = SHA256()
        hasher.update(hexadecimal: salt)
        hasher.update(value)
        return hasher.finish()
    }

    /// What the first event follows: the ticket's own number.
    public static func root(of ticket: TicketID) -> String { ticket.description }

    /// `previous` is `root(of:)` for the first event, else the hexadecimal hash of the one before.
    public static func hash(
        previous: String, seq: Int, at: Instant, actor: UserID?, action: Action, clause: String?, from: State?,
        to: State?, digests: [ValueDigest]
    ) -> Digest {
        var text: [UInt8] = []
        text.reserveCapacity(320 + 96 * digests.count)
        func line(_ part: String, _ end: Unicode.Scalar? = "\n") {
            var part = part
            part.withUTF8 { text.append(contentsOf: $0) }
            if let end { text.append(UInt8(ascii: end)) }
        }
        line(recipe)
        line(previous)
        line(String(seq))
        line(at.rfc3339)
        if let actor {
            actor.withBytes { text.append(contentsOf: $0) }
            text.append(UInt8(ascii: "\n"))
        } else {
            line("-")
        }
        line(action.rawValue)
        line(clause ?? "-")
        line(from?.rawValue ?? "-")
        line(to?.rawValue ?? "-", nil)
        for value in digests {
            text.append(UInt8(ascii: "\n"))
            line(value.name, " ")
            line(value.digest.hex, nil)
        }
        return Digest(of: text)
    }
}
