import Regulations
import Testing

@Suite struct VectorTests {
    private func check() throws -> VectorCheck {
        VectorCheck(calendars: try Repository.calendars(), zones: SystemZones())
    }

    @Test func `every example of the counting rules passes`() throws {
        let check = try check()
        let lines = try Repository.bytes("Tests/RegulationsTests/Vectors/examples.jsonl").split(separator: 0x0A)
        #expect(lines.count == 60)
        for line in lines {
            let outcome = check.evaluate(line: Array(line))
            #expect(outcome.passed, "\(outcome.id): \(outcome.failure ?? "")")
        }
    }

    @Test func `an example with anything changed fails`() throws {
        let check = try check()
        let lines = try Repository.bytes("Tests/RegulationsTests/Vectors/examples.jsonl").split(separator: 0x0A)
        let changes = [
            ("\"provisional\": false", "\"provisional\": true"), ("\"provisional\": true", "\"provisional\": false"),
            ("\"expectedElapsed\": ", "\"expectedElapsed\": 1"), ("\"expectedSeconds\": ", "\"expectedSeconds\": 1"),
            ("\"expectedError\": \"", "\"expectedError\": \"x"), ("\"expected\": \"20", "\"expected\": \"21"),
            ("\"expectedDeadline\": \"20", "\"expectedDeadline\": \"21"), ("\"kind\": \"", "\"kind\": \"x"),
            ("\"expectedCountedDays\": [\"", "\"expectedCountedDays\": [\"1970-01-01\", \""),
        ]
        for line in lines.map({ String(decoding: $0, as: UTF8.self) }) {
            for (old, new) in changes where line.contains(old) && !line.contains("\"expected\": null") {
                let changed = line.replacing(old, with: new)
                #expect(!check.evaluate(line: Array(changed.utf8)).passed, "\(changed)")
            }
        }
    }

    @Test(arguments: ["", "[]", "{}", "{\"kind\":\"deadline\"}", "{\"kind\":\"elapsed\",\"start\":\"yesterday\"}"])
    func `a line that is no vector fails`(line: String) throws {
        #expect(!(try check().evaluate(line: Array(line.utf8)).passed))
    }
}
