public import Digests
public import Regulations

/// The recipe by which every event vouches for the one before it; `docs/reference/hash-chain.md` tells it to others.
///
/// Final: a changed recipe would break every history that exists.
public enum HashChain {
    static let recipe = "reglament-event-v1"

    /// 16 random bytes in hexadecimal: what keeps a short value from being guessed out of its digest.
    public static func makeSalt() -> String { Hex.encode(Random.bytes(16)) }

    /// SHA-256 over the salt's bytes and the value's.
    public static func digest(of value: String, salt: String) -> Digest {
        Digest(of: (Hex.decode(salt) ?? []) + Array(value.utf8))
    }

    /// What the first event follows: the ticket's own number.
    public static func root(of ticket: TicketID) -> String { ticket.description }

    /// `previous` is `root(of:)` for the first event, else the hexadecimal hash of the one before.
    public static func hash(
        previous: String, seq: Int, at: Instant, actor: UserID?, action: Action, clause: String?, from: State?,
        to: State?, digests: [ValueDigest]
    ) -> Digest {
        var text = "\(recipe)\n\(previous)\n\(seq)\n\(at.rfc3339)\n\(actor?.text ?? "-")\n\(action.rawValue)\n"
        text += "\(clause ?? "-")\n\(from?.rawValue ?? "-")\n\(to?.rawValue ?? "-")"
        for value in digests { text += "\n\(value.name) \(value.digest.hex)" }
        return Digest(of: text)
    }
}
