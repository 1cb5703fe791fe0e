import COpenSSL
import Glibc

/// Unpredictable bytes from OpenSSL's generator, and the names made of them. From any thread.
public enum Random {
    public static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            fill(UnsafeMutableRawBufferPointer(bytes))
            filled = count
        }
    }

    /// So many random bytes, spelt in hexadecimal.
    public static func hexadecimal(_ count: Int) -> String {
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { drawn in
            fill(drawn)
            return Hex.encode(UnsafeRawBufferPointer(drawn))
        }
    }

    /// Fills all of `target` with base62 characters, uniformly drawn: 22 of them are 131 bits of name space.
    public static func fillBase62(_ target: UnsafeMutableRawBufferPointer) {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { drawn in
            var end = 0
            while end < target.count {
                fill(drawn)
                // 248 is the largest multiple of 62 in a byte: what lies above would favour the first characters.
                for byte in drawn where byte < 248 && end < target.count {
                    target[end] = base62Digit(byte % 62)
                    end += 1
                }
            }
        }
    }

    /// Digits, capitals, small letters.
    private static func base62Digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : value < 36 ? 0x41 + value - 10 : 0x61 + value - 36
    }

    /// A version 4 UUID in its usual lower-case form (RFC 9562, 5.4).
    public static func uuid() -> String {
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { random in
            fill(random)
            random[6] = random[6] & 0x0f | 0x40
            random[8] = random[8] & 0x3f | 0x80
            return String(unsafeUninitializedCapacity: 36) { text in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
                    Hex.encode(UnsafeRawBufferPointer(random), into: digits)
                    var end = 0
                    for index in 0..<32 {
                        if index == 8 || index == 12 || index == 16 || index == 20 {
                            text[end] = UInt8(ascii: "-")
                            end += 1
                        }
                        text[end] = digits[index]
                        end += 1
                    }
                    return end
                }
            }
        }
    }

    private static let store = RandomStore()

    /// Fills all of `target` with random bytes.
    public static func fill(_ target: UnsafeMutableRawBufferPointer) {
        if target.count <= RandomStore.handedOutMax { store.fill(target) } else { draw(target) }
    }

    fileprivate static func draw(_ target: UnsafeMutableRawBufferPointer) {
        // A generator without entropy must not hand out guessable tokens: stop instead.
        let drawn = RAND_bytes(target.assumingMemoryBound(to: UInt8.self).baseAddress, Int32(target.count))
        precondition(drawn == 1, "no entropy for random bytes")
    }
}

/// Bytes that were drawn and not handed out yet: OpenSSL's generator costs 6,000 instructions a call, however few the
/// bytes, and every request has a name, every event its salts.
///
/// Unchecked: `used` and the bytes are touched only while `mutex` is held. A mutex of the C library, because
/// ThreadSanitizer takes the futex of `Synchronization.Mutex` for a race.
private final class RandomStore: @unchecked Sendable {
    static let handedOutMax = 1_024
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * handedOutMax, alignment: 8)
    private var used: Int

    /// The only one lives as long as the process.
    init() {
        used = bytes.count
        pthread_mutex_init(mutex, nil)
    }

    func fill(_ target: UnsafeMutableRawBufferPointer) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if used + target.count > bytes.count {
            Random.draw(bytes)
            used = 0
        }
        let taken = UnsafeMutableRawBufferPointer(rebasing: bytes[used..<used + target.count])
        target.copyMemory(from: UnsafeRawBufferPointer(taken))
        // What was handed out is in no memory of ours any more.
        taken.initializeMemory(as: UInt8.self, repeating: 0)
        used += target.count
    }
}
