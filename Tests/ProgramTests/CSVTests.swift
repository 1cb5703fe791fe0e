import Testing

@testable import reglament

@Suite struct CSVTests {
    @Test(arguments: [
        ("a,b\r\n1,2\r\n", [["1", "2"]]), ("a,b\n1,2", [["1", "2"]]), ("a,b\n,\n", [["", ""]]),
        ("a,b\n\"1,\n2\",\"\"\"x\"\"\"\n", [["1,\n2", "\"x\""]]), ("a,b\n\n1,2\n\n", [["1", "2"]]),
        ("\u{feff}a,b\n1,два\n", [["1", "два"]]), ("a,b\n", []), ("a,b\n1,", [["1", ""]]),
    ])
    func `rows are read whatever ends them and whatever is quoted`(text: String, rows: [[String]]) throws {
        let csv = try CSV(Array(text.utf8))
        #expect(csv.columns == ["a", "b"])
        #expect(csv.rows == rows)
    }

    @Test(arguments: [
        ("", 1), ("a,a\n", 1), ("a,b\n1\n", 2), ("a,b\n1,2\n1,2,3\n", 3), ("a,b\n\"1,2\n", 2), ("a,b\n\"1\"x,2\n", 2),
    ])
    func `a fault names its line`(text: String, line: Int) {
        #expect(throws: CSV.Fault.self) { try CSV(Array(text.utf8)) }
        do { _ = try CSV(Array(text.utf8)) } catch { #expect(error.line == line) }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: CSV.Fault.self) { try CSV([0x61, 0x0a, 0xff, 0x0a]) }
    }
}
