import COpenSSL
import EventLoop

/// The keys that session tickets are sealed with (RFC 5077), shared by all loops of a process, and by what was served
/// before and after a reload. They are in memory only: a new process begins anew, and its clients shake hands in full.
final class TicketKeys: Sendable {
    private struct Key {
        let name = TicketKeys.random(16)
        let cipher = TicketKeys.random(32)
        let mac = TicketKeys.random(32)
        let madeAt: UInt64
    }

    /// The newest first; two at most.
    private let keys = Locked<[Key]>([])
    /// A key seals for so long, opens for as long again, and is forgotten: whoever steals the process's memory reads
    /// the recorded traffic of two hours at most, and only where it was resumed under TLS 1.2.
    static let secondsMax: UInt64 = 3_600

    /// What OpenSSL calls for each ticket (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
    ///
    /// Negative: an error; 0: no ticket, or one that cannot be opened; 1: go on; 2: go on, and give a new one.
    func prepare(
        name: UnsafeMutableRawBufferPointer, vector: UnsafeMutableRawBufferPointer, cipher: OpaquePointer?,
        mac: OpaquePointer?, seals: Bool, now: UInt64
    ) -> Int32 {
        let valid = keys.withLock { keys in
            let lifetime = Self.secondsMax * 1_000_000_000
            keys.removeAll { now >= $0.madeAt &+ 2 * lifetime }
            if keys.first.map({ now >= $0.madeAt &+ lifetime }) ?? true {
                keys = [Key(madeAt: now)] + keys.prefix(1)
            }
            return keys
        }
        guard let index = seals ? 0 : valid.firstIndex(where: { $0.name.elementsEqual(name) }) else { return 0 }
        let key = valid[index]
        if seals {
            name.copyBytes(from: key.name)
            vector.copyBytes(from: Self.random(vector.count))
        }
        let bytes = vector.bindMemory(to: UInt8.self).baseAddress
        guard copenssl_protect_ticket(cipher, mac, bytes, key.cipher, key.mac, seals ? 1 : 0) == 1 else { return -1 }
        return seals || index == 0 ? 1 : 2
    }

    private static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // A generator without entropy must not make keys that can be guessed: stop instead.
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "no entropy for session tickets")
        return bytes
    }
}
