import COpenSSL

/// Unpredictable bytes from OpenSSL's generator, and the names made of them.
public enum Random {
    public static func bytes(_ count: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        // A generator without entropy must not hand out guessable tokens: stop instead.
        precondition(RAND_bytes(&out, Int32(count)) == 1, "no entropy for random bytes")
        return out
    }

    /// 22 base62 characters: 131 bits of name space, uniformly drawn.
    public static func base62(_ count: Int = 22) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(count)
        while out.count < count {
            // 248 is the largest multiple of 62 in a byte: what lies above would favour the first characters.
            for byte in bytes(32) where byte < 248 && out.count < count { out.append(alphabet[Int(byte) % 62]) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// A version 4 UUID in its usual lower-case form (RFC 9562, 5.4).
    public static func uuid() -> String {
        var raw = bytes(16)
        raw[6] = raw[6] & 0x0f | 0x40
        raw[8] = raw[8] & 0x3f | 0x80
        let hex = Array(Hex.encode(raw).utf8)
        let parts = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
        return String(decoding: Array(parts.joined(separator: [0x2d])), as: UTF8.self)
    }
}
