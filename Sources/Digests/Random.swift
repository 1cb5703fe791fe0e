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
    public static func uuid() -> String { UUIDSource.text(bytes(16)[...]) }
}

/// Version 4 UUIDs for whoever needs many: OpenSSL's generator is asked for a few hundred at a time, since a call costs
/// thirty times what the bytes cost. For one thread.
public struct UUIDSource: Sendable {
    private static let drawnAtOnce = 256
    private var drawn: [UInt8] = []
    private var used = 0

    public init() {}

    public mutating func next() -> String {
        if used == drawn.count {
            drawn = Random.bytes(16 * Self.drawnAtOnce)
            used = 0
        }
        defer { used += 16 }
        return Self.text(drawn[used..<used + 16])
    }

    /// Sixteen random bytes with version and variant put in, in the form 8-4-4-4-12.
    static func text(_ random: ArraySlice<UInt8>) -> String {
        random.withUnsafeBufferPointer { random in
            String(unsafeUninitializedCapacity: 36) { text in
                var end = 0
                for (index, byte) in random.enumerated() {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        text[end] = UInt8(ascii: "-")
                        end += 1
                    }
                    let byte = index == 6 ? byte & 0x0f | 0x40 : index == 8 ? byte & 0x3f | 0x80 : byte
                    text[end] = Hex.digit(byte >> 4)
                    text[end + 1] = Hex.digit(byte & 15)
                    end += 2
                }
                return end
            }
        }
    }
}
