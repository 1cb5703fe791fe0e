/// Lower-case hexadecimal.
public enum Hex {
    public static func encode(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { encode($0) } }

    public static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            encode(bytes, into: text)
            return bytes.count * 2
        }
    }

    /// There must be room for two digits a byte.
    static func encode(_ bytes: UnsafeRawBufferPointer, into text: UnsafeMutableBufferPointer<UInt8>) {
        let room = UnsafeMutableRawBufferPointer(text)
        var index = 0
        while index &+ 4 <= bytes.count {
            let four = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            room.storeBytes(of: digits(four).bigEndian, toByteOffset: 2 &* index, as: UInt64.self)
            index &+= 4
        }
        while index < bytes.count {
            let two = digits(UInt32(bytes[index])) & 0xffff
            room.storeBytes(of: UInt16(two).bigEndian, toByteOffset: 2 &* index, as: UInt16.self)
            index &+= 1
        }
    }

    /// Writes the sixteen digits of `value`; there must be room for them.
    public static func write(_ value: UInt64, to room: UnsafeMutableRawBufferPointer) {
        room.storeBytes(of: digits(UInt32(value >> 32)).bigEndian, as: UInt64.self)
        room.storeBytes(of: digits(UInt32(truncatingIfNeeded: value)).bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// All eight digits at once, a byte each, the first in the highest.
    private static func digits(_ value: UInt32) -> UInt64 {
        var digits = UInt64(value)
        digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff
        digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff
        digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f
        // 1 where the digit is a letter: six more carry into the upper half.
        let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return digits &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// Nil unless the text is an even number of hexadecimal digits.
    public static func decode(_ text: String) -> [UInt8]? { withBytes(of: text) { $0.map { Array($0) } } }

    /// As `decode`, in memory that lasts for the call.
    static func withBytes<Result>(of text: String, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        var text = text
        return text.withUTF8 { text in
            guard text.count % 2 == 0 else { return body(nil) }
            return withUnsafeTemporaryAllocation(byteCount: text.count / 2, alignment: 1) { bytes in
                body(decode(UnsafeRawBufferPointer(text), into: bytes) ? UnsafeRawBufferPointer(bytes) : nil)
            }
        }
    }

    /// Whether all are hexadecimal digits; there must be two for each of `bytes`.
    static func decode(_ text: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer) -> Bool {
        for index in 0..<bytes.count {
            guard let high = value(text[2 &* index]), let low = value(text[2 &* index &+ 1]) else { return false }
            bytes[index] = high << 4 | low
        }
        return true
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x61 + 10
        case 0x41...0x46: character - 0x41 + 10
        default: nil
        }
    }
}

/// The URL-safe alphabet of base 64 without padding (RFC 4648, 5).
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    public static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count * 4 + 2) / 3)
        var buffer: UInt32 = 0
        var held = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            held += 8
            while held >= 6 {
                held -= 6
                out.append(alphabet[Int(buffer >> UInt32(held) & 63)])
            }
        }
        if held > 0 { out.append(alphabet[Int(buffer << UInt32(6 - held) & 63)]) }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nil for anything but the one canonical spelling of some bytes.
    public static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var buffer: UInt32 = 0
        var held = 0
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            buffer = (buffer << 6 | value) & 0xffff
            held += 6
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: buffer >> UInt32(held)))
            }
        }
        return encode(out) == text ? out : nil
    }

    /// Whether `text` is the canonical spelling of so many bytes, that is what `decode` would give.
    public static func isSpelling(ofBytes count: Int, _ text: UnsafeRawBufferPointer) -> Bool {
        let unused = text.count * 6 - count * 8
        guard (0..<6).contains(unused) else { return false }
        var last: UInt32 = 0
        for character in text {
            guard let value = value(character) else { return false }
            last = value
        }
        return last & (1 << UInt32(unused) - 1) == 0
    }

    private static func value(_ character: UInt8) -> UInt32? {
        switch character {
        case 0x41...0x5a: UInt32(character) - 0x41
        case 0x61...0x7a: UInt32(character) - 0x61 + 26
        case 0x30...0x39: UInt32(character) - 0x30 + 52
        case 0x2d: 62
        case 0x5f: 63
        default: nil
        }
    }
}
