import Digests

/// Which trace a request belongs to (W3C Trace Context, level 1). `tracestate` is neither read nor changed: it is for
/// whoever is called next, and this service calls nobody.
public struct TraceContext: Sendable, Equatable {
    /// The trace's 128 bits, not all of them zero.
    private let (high, low): (UInt64, UInt64)
    /// The caller's span; nil: the trace begins here.
    public let parentID: String?
    /// This request's own span.
    private let span: UInt64
    private let isSampled: Bool
    /// Whether the caller speaks of traces at all, in whatever form.
    private let isAskedFor: Bool

    /// - Parameters:
    ///   - given: the request's `traceparent` fields.
    ///   - instance: the request's own UUID, which names the trace that begins here.
    ///   - span: not zero.
    init(_ given: [String], instance: String, span: UInt64) {
        isAskedFor = !given.isEmpty
        self.span = span
        if given.count == 1, let parent = Parent(given[0]) {
            ((high, low), parentID, isSampled) = (Self.bits(of: parent.trace), parent.span, parent.isSampled)
        } else {
            var bits = Self.bits(of: instance)
            // A caller may have sent the nil UUID as its X-Request-Id; as a trace it would be invalid.
            if bits == (0, 0) { bits = Self.bits(of: Random.uuid()) }
            ((high, low), parentID, isSampled) = (bits, nil, false)
        }
    }

    /// Of 32 hexadecimal digits, whatever hyphens are among them.
    private static func bits(of identifier: String) -> (UInt64, UInt64) {
        var (high, low): (UInt64, UInt64) = (0, 0)
        var identifier = identifier
        identifier.withUTF8 { text in
            for byte in text where byte != UInt8(ascii: "-") {
                // Digits end in their value; letters, of either case, are above 0x40 and end in theirs less nine.
                high = high << 4 | low >> 60
                low = low << 4 | UInt64(byte & 0x0f &+ byte >> 6 &* 9)
            }
        }
        return (high, low)
    }

    /// 32 lower-case hexadecimal digits.
    public var traceID: String { String(decoding: text[..<32], as: UTF8.self) }

    /// 16 lower-case hexadecimal digits.
    public var spanID: String { String(decoding: text[33...], as: UTF8.self) }

    /// How many bytes `write` writes.
    public static let textCount = 49

    /// Writes both identifiers with a hyphen between; there must be room for them.
    public func write(to room: UnsafeMutableRawBufferPointer) {
        Hex.write(high, to: room)
        Hex.write(low, to: UnsafeMutableRawBufferPointer(rebasing: room[16...]))
        room[32] = UInt8(ascii: "-")
        Hex.write(span, to: UnsafeMutableRawBufferPointer(rebasing: room[33...]))
    }

    private var text: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.textCount) {
            write(to: UnsafeMutableRawBufferPointer($0))
            $1 = Self.textCount
        }
    }

    /// The field of the same name, out of the editors' draft that follows level 2; nil when the caller did not speak of
    /// traces, and would not read it.
    var response: String? { isAskedFor ? "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" : nil }

    /// `traceparent` of one request.
    private struct Parent {
        let trace: String
        let span: String
        let isSampled: Bool

        /// Nil for anything that section 3.2.2 does not allow. A later version may have more behind another hyphen.
        init?(_ text: String) {
            let bytes = Array(text.utf8)
            guard bytes.count >= 55, [2, 35, 52].allSatisfy({ bytes[$0] == 0x2d }) else { return nil }
            let (version, trace, span, flags) = (bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55])
            for part in [version, trace, span, flags] {
                guard part.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
            }
            let isFirst = version.elementsEqual("00".utf8)
            guard !version.elementsEqual("ff".utf8), bytes.count == 55 || !isFirst && bytes[55] == 0x2d,
                trace.contains(where: { $0 != 0x30 }), span.contains(where: { $0 != 0x30 }),
                let low = bytes.dropFirst(54).first
            else { return nil }
            self.trace = String(decoding: trace, as: UTF8.self)
            self.span = String(decoding: span, as: UTF8.self)
            // The lowest bit of the last digit; of the letters a (0x61) to f the even ones have it.
            isSampled = (low < 0x3a ? low : low - 0x61 + 10) & 1 == 1
        }
    }
}

/// Names for spans that no two requests of a process share: a full cycle of 2^64 numbers from a random start, scrambled
/// (splitmix64). Loop thread only.
struct SpanNames {
    private var state = UInt64.random(in: 0...UInt64.max)

    /// Never zero.
    mutating func next() -> UInt64 {
        repeat {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            mixed ^= mixed >> 31
            if mixed != 0 { return mixed }
        } while true
    }
}
