import JSONText
import Testing

@Suite struct JSONObjectReaderTests {
    private func reader(_ text: String) throws -> JSONObjectReader {
        JSONObjectReader(try JSONReader.read(Array(text.utf8)), faults: JSONFaults())
    }

    /// `#expect` cannot call what mutates.
    private func expectNothing<Value>(_ value: Value?, _ location: SourceLocation = #_sourceLocation) {
        if value != nil { Issue.record("a value where there should be none", sourceLocation: location) }
    }

    @Test func `every fault is collected, with its pointer and offset`() throws {
        var reader = try reader(
            #"{"name":1,"count":1.5,"big":500,"flag":"no","tags":["a",2,"\u0000"],"list":{},"box":[],"a/b~c":1}"#)
        expectNothing(reader.string("name"))
        expectNothing(reader.string("gone", required: true))
        expectNothing(reader.integer("count"))
        expectNothing(reader.integer("big", in: 1...200))
        expectNothing(reader.bool("flag"))
        expectNothing(reader.strings("tags"))
        expectNothing(reader.objects("list"))
        expectNothing(reader.object("box"))
        reader.finish()
        #expect(
            reader.faults.list.map { "\($0.pointer) \($0.code) \($0.offset)" } == [
                "/name not_a_string 8", "/gone missing 0", "/count not_an_integer 18", "/big out_of_range 28",
                "/flag not_a_boolean 39", "/tags/1 not_a_string 56", "/tags/2 nul_character 58",
                "/list not_an_array 75", "/box not_an_object 84", "/a~1b~0c unknown_member 87",
            ])
        #expect(reader.faults.list[3].arguments == ["min": "1", "max": "200"])
    }

    @Test func `null counts as absent, and is missing where the member is required`() throws {
        var reader = try reader(#"{"a":null,"b":null}"#)
        #expect(reader.has("a"))
        expectNothing(reader.string("a"))
        #expect(reader.faults.isEmpty)
        expectNothing(reader.strings("b", required: true))
        reader.finish()
        #expect(reader.faults.list == [JSONFault(pointer: "/b", code: "missing", offset: 14)])
    }

    @Test(arguments: ["[]", "1", "null", "\"x\""])
    func `what is no object is one fault and not a missing member too`(text: String) throws {
        var reader = try reader(text)
        expectNothing(reader.string("a", required: true))
        reader.finish()
        #expect(reader.faults.list.map(\.code) == ["not_an_object"])
    }

    @Test func `readers inside readers share the faults and know their pointers`() throws {
        var reader = try reader(#"{"a":{"b":[{"c":1},{"d":1}]}}"#)
        let box = reader.object("a")
        var inner = try #require(box)
        let list = inner.objects("b")
        let items = try #require(list)
        for var item in items {
            _ = item.string("c", required: true)
            item.finish()
        }
        inner.finish()
        reader.finish()
        #expect(
            reader.faults.list.map { "\($0.pointer) \($0.code)" } == [
                "/a/b/0/c not_a_string", "/a/b/1/c missing", "/a/b/1/d unknown_member",
            ])
    }

    @Test func `names are compared by their bytes`() throws {
        var reader = try reader("{\"e\u{301}\":\"x\"}")
        expectNothing(reader.string("é"))
        reader.finish()
        #expect(reader.faults.list.map(\.code) == ["unknown_member"])
    }

    @Test(arguments: [
        ("10", JSONInteger.value(10)), ("10.0", .value(10)), ("1e1", .value(10)), ("-0", .value(0)),
        ("-0.0", .value(0)),
        ("100e-2", .value(1)), ("12e-1", .notWhole), ("0.5", .notWhole), ("1e400", .tooLarge),
        ("0e999999999999999999999", .value(0)),
        ("1e-999999999999999999999", .notWhole), ("9223372036854775807", .value(.max)),
        ("9223372036854775808", .tooLarge),
        ("-9223372036854775808", .value(.min)), ("-9.223372036854775808e18", .value(.min)), ("abc", .notWhole),
    ])
    func `a literal means one whole number or none`(literal: String, expected: JSONInteger) {
        #expect(JSONInteger(literal: literal) == expected)
    }
}
