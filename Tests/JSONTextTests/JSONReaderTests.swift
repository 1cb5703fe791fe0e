import JSONText
import Testing

@Suite struct JSONReaderTests {
    @Test(arguments: [
        "null", " true ", "\t[\r\n]", "0", "-0", "-0.0e+00", "1E400", "123456789012345678901234567890", "\"\"",
        "\"\\u0000\"", "\"\\uD83D\\uDE00\"", "\"\u{FFFF}\u{10FFFF}\u{2028}\u{7F}\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "{}", "{\"a\":{\"a\":[{}]}}", "[1 , 2 ,\n3]", "{\"é\":1,\"e\u{301}\":2}", "\"\\\\u0041\"",
    ])
    func `a text of the standard is read`(text: String) throws {
        _ = try JSONReader.read(Array(text.utf8))
    }

    struct Refusal: CustomTestStringConvertible {
        let text: [UInt8]
        let reason: JSONSyntaxError.Reason
        let offset: Int
        init(_ text: String, _ reason: JSONSyntaxError.Reason, at offset: Int) {
            self.init(Array(text.utf8), reason, at: offset)
        }
        init(_ text: [UInt8], _ reason: JSONSyntaxError.Reason, at offset: Int) {
            (self.text, self.reason, self.offset) = (text, reason, offset)
        }
        var testDescription: String { String(decoding: text, as: UTF8.self) }
    }

    @Test(arguments: [
        Refusal("", .unexpectedEnd, at: 0), Refusal(" ", .unexpectedEnd, at: 1),
        Refusal("\u{FEFF}{}", .byteOrderMark, at: 0),
        Refusal("nul", .unexpectedEnd, at: 3), Refusal("nulL", .unexpectedCharacter, at: 3),
        Refusal("True", .unexpectedCharacter, at: 0), Refusal("NaN", .unexpectedCharacter, at: 0),
        Refusal("-Infinity", .invalidNumber, at: 1), Refusal("truefalse", .trailingText, at: 4),
        Refusal("{} {}", .trailingText, at: 3), Refusal("[1,]", .unexpectedCharacter, at: 3),
        Refusal("[,1]", .unexpectedCharacter, at: 1), Refusal("[1 2]", .unexpectedCharacter, at: 3),
        Refusal("[1", .unexpectedEnd, at: 2), Refusal("{\"a\"", .unexpectedEnd, at: 4),
        Refusal("{\"a\":1,}", .unexpectedCharacter, at: 7), Refusal("{a:1}", .unexpectedCharacter, at: 1),
        Refusal("{'a':1}", .unexpectedCharacter, at: 1), Refusal("{\"a\" 1}", .unexpectedCharacter, at: 5),
        Refusal("[1]//", .trailingText, at: 3), Refusal("[\u{C}]", .unexpectedCharacter, at: 1),
        Refusal("\u{A0}1", .unexpectedCharacter, at: 0), Refusal("01", .invalidNumber, at: 1),
        Refusal("-", .unexpectedEnd, at: 1), Refusal("+1", .unexpectedCharacter, at: 0),
        Refusal("1.", .unexpectedEnd, at: 2), Refusal("1.e1", .invalidNumber, at: 2),
        Refusal(".5", .unexpectedCharacter, at: 0), Refusal("1e+", .unexpectedEnd, at: 3),
        Refusal("0x1", .trailingText, at: 1), Refusal("-01", .invalidNumber, at: 2),
        Refusal("１", .unexpectedCharacter, at: 0),
        Refusal("\"a", .unexpectedEnd, at: 2), Refusal("\"\\", .unexpectedEnd, at: 2),
        Refusal("\"\n\"", .controlCharacter, at: 1), Refusal("\"\u{0}\"", .controlCharacter, at: 1),
        Refusal("\"\\n\t\"", .controlCharacter, at: 3), Refusal("\"\\x41\"", .invalidEscape, at: 1),
        Refusal("\"\\u00G0\"", .invalidEscape, at: 1), Refusal("\"\\U0041\"", .invalidEscape, at: 1),
        Refusal("\"\\u004", .unexpectedEnd, at: 6),
        Refusal("\"\\uD800\"", .loneSurrogate, at: 1), Refusal("\"\\uDC00\"", .loneSurrogate, at: 1),
        Refusal("\"\\uD800\\n\"", .loneSurrogate, at: 1), Refusal("\"\\uD800\\uD800\"", .loneSurrogate, at: 1),
        Refusal("{\"a\":1,\"a\":2}", .duplicateName, at: 7), Refusal("{\"a\":1,\"\\u0061\":2}", .duplicateName, at: 7),
        Refusal([0x22, 0xC0, 0x80, 0x22], .invalidUTF8, at: 1), Refusal([0x22, 0xC1, 0xBF, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xE0, 0x80, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xED, 0xA0, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xF0, 0x80, 0x80, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xF8, 0x88, 0x80, 0x80, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0x80, 0x22], .invalidUTF8, at: 1), Refusal([0x22, 0xE2, 0x82, 0x22], .invalidUTF8, at: 1),
        Refusal([0x22, 0xC3], .invalidUTF8, at: 1), Refusal([0xFF, 0xFE, 0x31, 0x00], .unexpectedCharacter, at: 0),
    ])
    func `a text outside the standard is refused where it leaves it`(refusal: Refusal) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONReader.read(refusal.text) }
        #expect(error?.reason == refusal.reason)
        #expect(error?.offset == refusal.offset)
    }

    @Test func `nesting is allowed to the limit and refused one deeper, however long the text`() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = open == "[" ? "" : "1"
            func nested(_ depth: Int) -> [UInt8] {
                Array((String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)).utf8)
            }
            _ = try JSONReader.read(nested(64))
            for depth in [65, 500_000] {
                #expect(throws: JSONSyntaxError.self) { try JSONReader.read(nested(depth)) }
            }
        }
        let error = #expect(throws: JSONSyntaxError.self) { try JSONReader.read(Array("[[[1]]]".utf8), depthMax: 2) }
        #expect(error?.reason == .tooDeep)
    }

    @Test func `siblings do not add up to depth`() throws {
        _ = try JSONReader.read(Array(("[" + Array(repeating: "[{}]", count: 1000).joined(separator: ",") + "]").utf8))
    }

    @Test func `every proper prefix of an object is refused`() throws {
        let text = Array(#"{"a":[1.5e3,true,null,"\u00e9\ud83d\ude00é"],"b":{"c":"d"}}"#.utf8)
        _ = try JSONReader.read(text)
        for count in text.indices {
            #expect(throws: JSONSyntaxError.self) { try JSONReader.read(Array(text[..<count])) }
        }
    }

    @Test func `one changed byte is read or refused but never crashes`() {
        let text = Array(#"{"a":[1.5e3,true,null,"\u00e9\ud83d\ude00é"],"b":{"c":"d"}}"#.utf8)
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[index] = byte
                _ = try? JSONReader.read(changed)
            }
        }
    }

    @Test func `a duplicate is found among many names`() throws {
        let names = (0..<50_000).map { "\"n\($0)\":0" }
        _ = try JSONReader.read(Array(("{" + names.joined(separator: ",") + "}").utf8))
        for twice in ["n0", "n20", "n49999"] {
            let text = "{" + (names + ["\"\(twice)\":1"]).joined(separator: ",") + "}"
            #expect(throws: JSONSyntaxError.self) { try JSONReader.read(Array(text.utf8)) }
        }
    }

    @Test func `an error knows its line and column`() {
        let error = #expect(throws: JSONSyntaxError.self) { try JSONReader.read(Array("{\n \"é\": tru\n}".utf8)) }
        #expect(error?.line == 2)
        #expect(error?.column == 10)
        #expect(error.map(String.init(describing:)) == "unexpected character at line 2, column 10")
    }

    @Test func `values know their offsets and numbers their literals`() throws {
        let node = try JSONReader.read(Array(#" {"a": [1.50, -0]}"#.utf8))
        guard case .object(let members) = node.value, case .array(let items) = members[0].node.value else {
            Issue.record("not the object that was written")
            return
        }
        #expect([node.offset, members[0].nameOffset, members[0].node.offset] == [1, 2, 7])
        #expect(items.map(\.offset) == [8, 14])
        guard case .number("1.50") = items[0].value, case .number("-0") = items[1].value else {
            Issue.record("a literal was changed")
            return
        }
    }
}
