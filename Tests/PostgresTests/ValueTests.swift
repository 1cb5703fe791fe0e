import Postgres
import Testing

/// A parameter, the type it is sent as, and what the server says it is.
struct Sent: Sendable, CustomTestStringConvertible {
    let type: String
    let parameter: Parameter
    let text: String?

    var testDescription: String { "\(type) \(text?.prefix(40) ?? "NULL")" }

    init(_ type: String, _ parameter: Parameter, _ text: String?) {
        (self.type, self.parameter, self.text) = (type, parameter, text)
    }

    private static func short(_ text: String) -> Parameter {
        Array(text.utf8).withUnsafeBytes { ShortText($0).map(Parameter.short) } ?? .null
    }

    static let table: [Sent] = [
        Sent("text", "", ""),
        Sent("text", "Заявка № 7: «не печатает» 🖨️", "Заявка № 7: «не печатает» 🖨️"),
        Sent("text", "'; DROP TABLE ticket; --", "'; DROP TABLE ticket; --"),
        Sent("text", "NULL", "NULL"),
        Sent("text", .text("a\u{1}\t\r\n\\\"\u{7f}z"), "a\u{1}\t\r\n\\\"\u{7f}z"),
        Sent("text", .text(String(repeating: "я", count: 1 << 19)), String(repeating: "я", count: 1 << 19)),
        Sent("text", short(""), ""),
        Sent("text", short("u_ada0000000000000000000"), "u_ada0000000000000000000"),
        Sent("text", short("Ж \"\\"), "Ж \"\\"),
        Sent("text", .null, nil),
        Sent("integer", nil, nil),
        Sent("smallint", -32768, "-32768"),
        Sent("integer", .integer(Int64(Int32.max)), "2147483647"),
        Sent("bigint", .integer(Int64.min), "-9223372036854775808"),
        Sent("bigint", .integer(Int64.max), "9223372036854775807"),
        Sent("numeric", "123456789012345678901234567890.5", "123456789012345678901234567890.5"),
        Sent("boolean", true, "true"),
        Sent("boolean", false, "false"),
        Sent("bytea", .bytes([]), "\\x"),
        Sent("bytea", .bytes([0, 1, 0x5C, 0xFF]), "\\x00015cff"),
        Sent("double precision", .double(-0.1), "-0.1"),
        Sent("double precision", .double(.infinity), "Infinity"),
        Sent("double precision", .double(.nan), "NaN"),
        Sent("uuid", "6f1e2d3c-0000-4000-8000-00000000abcd", "6f1e2d3c-0000-4000-8000-00000000abcd"),
        Sent("jsonb", "{\"a\": [1, \"я\"]}", "{\"a\": [1, \"я\"]}"),
        Sent("text[]", .texts([]), "{}"),
        Sent("text[]", .texts([""]), "{\"\"}"),
        Sent("text[]", .texts(["NULL", "null", "a b", "{}", "a,b"]), "{\"NULL\",\"null\",\"a b\",\"{}\",\"a,b\"}"),
        Sent("text[]", .texts(["\\", "\"", "\\\"", "Ж"]), #"{"\\","\"","\\\"",Ж}"#),
        Sent("bigint[]", .integers([]), "{}"),
        Sent("bigint[]", .integers([Int64.min, 0, 7]), "{-9223372036854775808,0,7}"),
        Sent("smallint[]", .integers([-1, 1]), "{-1,1}"),
        Sent("timestamptz", .timestamp(microseconds: 0), "1970-01-01 00:00:00+00"),
        Sent("timestamptz", .timestamp(microseconds: -1), "1969-12-31 23:59:59.999999+00"),
        Sent("timestamptz", .timestamp(microseconds: 1_795_167_000_123_456), "2026-11-20 09:30:00.123456+00"),
        Sent("timestamptz", .timestamp(microseconds: .max), "infinity"),
        Sent("timestamptz", .timestamp(microseconds: .min), "-infinity"),
        Sent("timestamptz[]", .timestamps([]), "{}"),
        Sent("timestamptz[]", .timestamps([0, 1]), #"{"1970-01-01 00:00:00+00","1970-01-01 00:00:00.000001+00"}"#),
        Sent("date", .date("2024-02-29"), "2024-02-29"),
        Sent("date[]", .dates(["2026-01-01", "1999-12-31"]), "{2026-01-01,1999-12-31}"),
        Sent("date[]", .dates([]), "{}"),
    ]
}

@Suite struct ValueTests {
    @Test(arguments: Sent.table)
    func `what is sent is what the server has`(sent: Sent) async throws {
        let statement = Statement<String?>("echo", "SELECT ($1::\(sent.type))::text") {
            (row: inout ResultRow) throws(RowError) in try row.optionalText()
        }
        let rows = try await withLane(.pipelined(connections: 1)) { _, lane in
            try await lane.run(statement, [sent.parameter])
        }
        #expect(rows == [sent.text])
    }

    @Test func `small and large parameters follow one another on one connection`() async throws {
        let statement = Statement<[String?]>("pair", "SELECT $1::text, $2::text, $3::text[]::text") {
            (row: inout ResultRow) throws(RowError) in
            [try row.optionalText(), try row.optionalText(), try row.optionalText()]
        }
        try await withLane(.pipelined(connections: 1)) { _, lane in
            for length in [0, 1, 500, 511, 512, 513, 1_023, 1_024, 1_025, 70_000, 3, 200_000, 2_048] {
                let text = String(repeating: "x", count: length)
                let rows = try await lane.run(
                    statement, [.text(text), nil, .texts([String(repeating: "\"", count: length), text + "\\"])])
                let quotes = String(repeating: #"\""#, count: length)
                #expect(rows == [[text, nil, #"{"\#(quotes)","\#(text)\\"}"#]], "\(length)")
            }
        }
    }

    @Test(arguments: ["SELECT %", "SELECT ROW(%)"])
    func `every kind comes back as it was sent`(form: String) async throws {
        let columns = """
            $1::text, $2::bigint, $3::smallint, $4::boolean, $5::bytea, $6::double precision, $7::timestamptz,
            $8::date, $9::text[], $10::bigint[], $11::timestamptz[], $12::date[], $13::jsonb, $14::uuid, $15::real
            """
        let sql = form.split(separator: "%", omittingEmptySubsequences: false).joined(separator: columns)
        let day = "0044-03-15"
        let parameters: [Parameter] = [
            "Ёж", .integer(Int64.min), -7, true, .bytes([0, 255]), .double(1e-300),
            .timestamp(microseconds: -62_135_596_800_000_000),
            .date(day), .texts(["", "NULL", "\"\\"]), .integers([1, -1]), .timestamps([.max, 5]),
            .dates(["1900-02-28", "2000-02-29", "2100-03-01"]), "{\"k\": null}",
            "6f1e2d3c-0000-4000-8000-00000000abcd", .double(0.5),
        ]
        let statement = Statement<[Bool]>("kinds", sql) { (row: inout ResultRow) throws(RowError) in
            [
                try row.text() == "Ёж", try row.int() == Int.min, try row.int() == -7, try row.bool(),
                try row.bytes() == [0, 255], try row.double() == 1e-300,
                try row.timestamp() == -62_135_596_800_000_000, try row.date() == day,
                try row.texts() == ["", "NULL", "\"\\"], try row.integers() == [1, -1],
                try row.timestamps() == [.max, 5], try row.optionalDayNumbers() == [-25_509, 11_016, 47_541],
                try row.text() == "{\"k\": null}", try row.text() == "6f1e2d3c-0000-4000-8000-00000000abcd",
                try row.double() == 0.5,
            ]
        }
        let rows = try await withLane(.exclusive(connections: 1)) { _, lane in try await lane.run(statement, parameters)
        }
        #expect(rows == [[Bool](repeating: true, count: 15)])
    }

    @Test(arguments: ["SELECT %", "SELECT ROW(%)"])
    func `NULLs, skipped columns and lists stand where they should`(form: String) async throws {
        let columns = """
            NULL::text, NULL::bigint, 7, NULL::boolean, NULL::timestamptz, NULL::text[], 'x'::text, ARRAY['a', '', 'Ж'],
            ARRAY[date '1999-12-31', '1970-01-01'], NULL::date[], 'end'::varchar
            """
        let sql = form.split(separator: "%", omittingEmptySubsequences: false).joined(separator: columns)
        let statement = Statement<[Bool]>("nulls", sql) { (row: inout ResultRow) throws(RowError) in
            var seen = [row.nextIsNull, try row.optionalText() == nil, try row.optionalInt() == nil]
            try row.skip()
            seen += [row.nextIsNull, try row.optionalBool() == nil, try row.optionalTimestamp() == nil]
            seen += [try row.optionalTexts() == nil, !row.nextIsNull, try row.text() == "x"]
            var parts: [[UInt8]] = []
            try row.forEachText { parts.append(Array($0)) }
            seen += [parts == [Array("a".utf8), [], Array("Ж".utf8)]]
            seen += [try row.optionalDayNumbers() == [10_956, 0], try row.optionalDayNumbers() == nil]
            return seen + [try row.text() == "end"]
        }
        let rows = try await withLane(.exclusive(connections: 1)) { _, lane in try await lane.run(statement) }
        #expect(rows == [[Bool](repeating: true, count: 13)])
    }

    @Test func `a composite value's columns are counted and typed as others are`() async throws {
        let greedy = Statement<Int>("greedy", "SELECT ROW(1, 'a'::text)") { (row: inout ResultRow) throws(RowError) in
            try row.int() + row.int()
        }
        let hungry = Statement<Int>("hungry", "SELECT ROW(1)") { (row: inout ResultRow) throws(RowError) in
            try row.int() + row.int()
        }
        try await withLane(.exclusive(connections: 1)) { _, lane in
            let wrong = await failure { _ = try await lane.run(greedy) }
            #expect(
                wrong == .decoding(statement: "greedy", RowError(column: 2, reason: "is of type 25, no whole number")))
            let missing = await failure { _ = try await lane.run(hungry) }
            #expect(missing == .decoding(statement: "hungry", RowError(column: 2, reason: "does not exist")))
        }
    }

    @Test func `every day of eight centuries reads as PostgreSQL writes it`() async throws {
        let statement = Statement<Bool>(
            "days",
            "SELECT day::date, to_char(day, 'YYYY-MM-DD') FROM generate_series($1::date, $2::date, '1 day') AS day"
        ) { (row: inout ResultRow) throws(RowError) in try row.date() == row.text() }
        let rows = try await withLane(.exclusive(connections: 1)) { _, lane in
            try await lane.run(statement, [.date("1600-01-01"), .date("2400-12-31")])
        }
        #expect(rows.count == 292_560)
        #expect(rows.allSatisfy { $0 })
    }

    @Test(arguments: [
        Parameter.text("a\u{0}b"), .text("\u{0}"), .texts(["ok", "\u{0}"]), .date("2026-01-01\u{0}"), .dates(["\u{0}"]),
    ])
    func `a NUL character is refused before anything is sent`(parameter: Parameter) async throws {
        let error = try await withLane(.pipelined(connections: 1)) { _, lane in
            await failure { _ = try await lane.run(.text("nul", "SELECT $1::text || $2::text"), ["", parameter]) }
        }
        #expect(error == .parameter(statement: "nul", index: 2))
    }

    @Test(arguments: [
        ("SELECT NULL::text", "is NULL"), ("SELECT 1::bigint", "is of type 20, no text"),
        ("SELECT now()", "is of type 1184, no text"),
    ])
    func `a column that is not what its reader says is an error of that statement`(sql: String, reason: String)
        async throws
    {
        try await withLane(.pipelined(connections: 1)) { _, lane in
            let error = await failure { _ = try await lane.run(.text("wrong", sql)) }
            #expect(error == .decoding(statement: "wrong", RowError(column: 1, reason: reason)))
            let rows = try await lane.run(.int("right", "SELECT 7"))
            #expect(rows == [7])
        }
    }

    @Test func `a reader that wants more columns than there are is told`() async throws {
        let greedy = Statement<String>("greedy", "SELECT 'a'") { (row: inout ResultRow) throws(RowError) in
            try row.text() + row.text()
        }
        let error = try await withLane(.pipelined(connections: 1)) { _, lane in
            await failure { _ = try await lane.run(greedy) }
        }
        #expect(error == .decoding(statement: "greedy", RowError(column: 2, reason: "does not exist")))
    }

    @Test func `an error keeps its SQLSTATE and constraint, and no value`() async throws {
        try await withLane(.exclusive(connections: 1)) { _, lane in
            try await lane.withConnection { connection in
                try await connection.script("CREATE TEMP TABLE pet (name text CONSTRAINT pet_name_key PRIMARY KEY)")
                let insert = Statement<Void>("insert_pet", "INSERT INTO pet VALUES ($1)")
                _ = try await connection.run(insert, ["secret-7"])
                let error = await failure { _ = try await connection.run(insert, ["secret-7"]) }
                #expect(error?.sqlstate == "23505")
                #expect(error?.constraint == "pet_name_key")
                #expect(error.map { "\($0)".contains("insert_pet") } == true)
                #expect(error.map { "\($0)".contains("secret") } == false)
            }
        }
    }
}
