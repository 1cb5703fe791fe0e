import JSONText
import Testing

@Suite struct JSONWriterTests {
    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `commas stand between values and nowhere else`() {
        let text = text { writer in
            writer.object { writer in
                writer.member("a", 1)
                writer.member("b", ["x", "y"])
                writer.member("c", nil as String?)
                writer.key("d")
                writer.array { writer in
                    writer.object { _ in }
                    writer.array { _ in }
                    writer.bool(true)
                    writer.raw(Array("{\"z\":0}".utf8))
                    writer.null()
                }
                writer.member("e", false)
            }
        }
        #expect(text == #"{"a":1,"b":["x","y"],"c":null,"d":[{},[],true,{"z":0},null],"e":false}"#)
    }

    @Test func `only what must be escaped is escaped`() {
        let controls = String(String.UnicodeScalarView((0..<0x20).compactMap(Unicode.Scalar.init)))
        #expect(
            text { $0.string(controls + "\"\\/\u{7F}\u{2028}é😀") }
                == #""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#
                + #"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"#
                + "\\\"\\\\/\u{7F}\u{2028}é😀\"")
    }

    @Test func `a byte is escaped or not wherever it stands`() {
        for byte in UInt8(0)...0x7f {
            let scalar = String(UnicodeScalar(byte))
            let isEscaped = byte < 0x20 || scalar == "\"" || scalar == "\\"
            for length in 0...17 {
                for place in 0...length {
                    let before = String(repeating: "é", count: place / 2) + (place % 2 == 0 ? "" : "x")
                    let after = String(repeating: "y", count: length - place)
                    let written = text { $0.string(before + scalar + after) }
                    #expect((written == "\"\(before)\(scalar)\(after)\"") == !isEscaped)
                }
            }
        }
    }

    @Test(arguments: [0, 7, -7, 10, 1_234_567_890, .max, .min])
    func `an integer is written as Swift writes it`(value: Int) {
        #expect(text { $0.integer(value) } == String(value))
    }

    @Test func `a failing body throws its own error`() {
        struct Stop: Error {}
        var writer = JSONWriter()
        #expect(throws: Stop.self) { try writer.object { _ throws(Stop) in throw Stop() } }
    }

    @Test(arguments: 0..<200)
    func `what is written is read back and written the same`(seed: UInt64) throws {
        var random = RandomTree(state: seed)
        let tree = random.node(depth: 0)
        var first = JSONWriter()
        first.node(tree)
        var second = JSONWriter()
        second.node(try JSONReader.read(first.bytes))
        #expect(first.bytes == second.bytes)
    }
}

/// Trees out of a seed (SplitMix64).
private struct RandomTree {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func text() -> String {
        var text = ""
        for _ in 0..<next(12) {
            let code = UInt32([next(0x80), next(0x800), next(0x10000), next(0x110000)][next(4)])
            if let scalar = Unicode.Scalar(code) { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    mutating func node(depth: Int) -> JSONNode {
        switch next(depth > 5 ? 4 : 6) {
        case 0: return JSONNode(.null)
        case 1: return JSONNode(.bool(next(2) == 0))
        case 2: return JSONNode(.number("-\(next(1000)).\(next(1000))E+\(next(99))"))
        case 3: return JSONNode(.string(text()))
        case 4: return JSONNode(.array((0..<next(5)).map { _ in node(depth: depth + 1) }))
        default:
            let members = (0..<next(20)).map { index in
                JSONMember(name: "\(index)\(text())", node: node(depth: depth + 1))
            }
            return JSONNode(.object(members))
        }
    }
}
