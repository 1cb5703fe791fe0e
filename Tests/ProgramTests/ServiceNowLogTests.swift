import Foundation
import TestKit
import Testing
import Tickets

@testable import reglament

@Suite struct ServiceNowLogTests {
    private static func row(_ state: String) -> ServiceNowLog.Row {
        var fields = ServiceNowLog.Fields([
            "number", "incident_state", "sys_updated_at", "sys_mod_count", "opened_at", "caller_id",
        ])
        fields.values = ["INC1", state, "29-02-2016 01:23", "3", "29-02-2016 01:16", "Caller 7"]
        guard let row = try? ServiceNowLog.Row(fields) else { preconditionFailure("the row above is one") }
        return row
    }

    @Test(
        arguments: [
            ("New", nil, [ImportStep.register]), ("Active", nil, [.registerWhenOpened, .assign]),
            ("Awaiting Problem", nil, [.registerWhenOpened, .note]),
            ("Resolved", nil, [.registerWhenOpened, .assign, .solve]), ("New", .registered, [.note]),
            ("Active", .registered, [.assign]), ("Awaiting User Info", .registered, [.assign, .requestInformation]),
            ("Awaiting Vendor", .registered, [.note]), ("Resolved", .registered, [.assign, .solve]),
            ("Active", .assigned, [.note]), ("Awaiting User Info", .assigned, [.requestInformation]),
            ("Resolved", .assigned, [.solve]), ("Closed", .assigned, [.solve, .confirm]),
            ("Active", .awaitingInformation, [.answer]), ("Awaiting User Info", .awaitingInformation, [.note]),
            ("Awaiting Evidence", .awaitingInformation, [.note]), ("Resolved", .awaitingInformation, [.solve]),
            ("Resolved", .solved, [.note]), ("Closed", .solved, [.confirm]), ("Active", .solved, [.dispute]),
            ("New", .solved, [.dispute]), ("Awaiting User Info", .solved, [.dispute, .requestInformation]),
            ("Closed", .closed, []), ("Active", .closed, []),
        ] as [(String, State?, [ImportStep])])
    func `a row becomes the steps that lead where it says`(state: String, from: State?, steps: [ImportStep]) {
        #expect(Self.row(state).steps(from: from) == steps)
    }

    @Test(arguments: [
        "New", "Active", "Awaiting User Info", "Awaiting Problem", "Awaiting Vendor", "Awaiting Evidence", "Resolved",
        "Closed",
    ])
    func `every step is one that the lifecycle has`(state: String) {
        for from in State.allCases {
            var at = from
            for step in Self.row(state).steps(from: from) {
                let next = Lifecycle.table[at]?[step.action]
                #expect(next != nil, "\(step) in \(at)")
                at = next ?? at
            }
        }
    }

    @Test func `the whole log gives the counts that were counted independently`() throws {
        let bytes = try #require(GzipFile.read(try Repository.bytes("Config/samples/incident_event_log.csv.gz")))
        let log = try ServiceNowLog(CSV(bytes))
        var counts: [String: Int] = ["incidents": log.incidents.count, "rows": 0, "rows without effect": 0]
        for rows in log.incidents {
            var state: State?
            for row in rows {
                counts["rows", default: 0] += 1
                let steps = row.steps(from: state)
                if steps.isEmpty { counts["rows without effect", default: 0] += 1 }
                for step in steps {
                    counts["event \(step.action.rawValue)", default: 0] += 1
                    counts["events added", default: 0] += 1
                    state = state.map { Lifecycle.table[$0]?[step.action] ?? $0 } ?? .registered
                }
            }
            counts["state \(state?.rawValue ?? "")", default: 0] += 1
            counts["close_reason confirmed", default: 0] += state == .closed ? 1 : 0
            counts["tickets added", default: 0] += 1
        }
        let written = counts.map { "\($0)\t\($1)" }.sorted()
        #expect(written == (try Self.expected()).sorted())
    }

    @Test func `names keep their addresses, and no two get one`() {
        #expect(ServiceNowImport.localPart("Caller 2403") == "caller-2403")
        #expect(ServiceNowImport.localPart("Resolved by 5") == "resolved-by-5")
        #expect(ServiceNowImport.localPart("Иванов") == ServiceNowImport.localPart("Иванов"))
        #expect(ServiceNowImport.localPart("Иванов A.").hasPrefix("a-"))
        let names = [
            "A B", "A-B", "A. B", "A  B", "A B ", "Иванов", "Петров", "Иванов A", "Петров A", "!", "?!", "A É B", "A_B",
        ]
        let parts = names.map(ServiceNowImport.localPart)
        #expect(Set(parts).count == names.count, "\(parts)")
        #expect(parts.allSatisfy { $0.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil }, "\(parts)")
    }

    @Test func `the committed counts are the script's`() async throws {
        let script = "Tests/ProgramTests/Data/count-servicenow-log.py"
        let command =
            "command -v python3 >/dev/null || exit 77; exec python3 \(script) Config/samples/incident_event_log.csv.gz"
        let result = try await BuiltProgram.run(["-c", command], [:], executable: "/bin/bash")
        // 77: there is no Python here; then the committed counts stand for themselves.
        if result.status == 77 { return }
        #expect(result.lines == (try Self.expected()))
    }

    static func expected() throws -> [String] {
        try Repository.text("Tests/ProgramTests/Data/servicenow-counts.txt").split(separator: "\n").map(String.init)
    }

    @Test(arguments: [
        ("sys_updated_at", "2016-02-29 01:23"), ("sys_updated_at", "30-02-2016 01:23"), ("opened_at", "?"),
        ("sys_mod_count", "many"), ("number", ""), ("caller_id", "?"),
    ])
    func `a row that cannot be read names its line`(column: String, value: String) throws {
        let columns = ["number", "incident_state", "sys_updated_at", "sys_mod_count", "opened_at", "caller_id"]
        var values = ["INC1", "New", "29-02-2016 01:23", "3", "29-02-2016 01:16", "Caller 7"]
        values[try #require(columns.firstIndex(of: column))] = value
        let text = "\(columns.joined(separator: ","))\n\(values.joined(separator: ","))\n"
        do {
            _ = try ServiceNowLog(CSV(Array(text.utf8)))
            Issue.record("it was read")
        } catch {
            #expect(error.line == 2)
            #expect(error.reason.contains(column))
        }
    }
}
