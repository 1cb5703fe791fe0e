import JSONText
import Regulations
import Testing

@Suite struct PolicyTests {
    private static func load(_ code: String) throws -> Policy {
        let file = "Config/policies/\(code).json"
        return try Policy(file: file, bytes: Repository.bytes(file))
    }

    struct Expected: CustomTestStringConvertible {
        let code: String
        let prefix: String
        let autoClose: Int?
        let blocking: Set<String>
        let solved: String
        let zone: String
        let silent: Set<String>
        var testDescription: String { code }
    }

    @Test(arguments: [
        Expected(
            code: "maics", prefix: "MAICS", autoClose: 10, blocking: [], solved: "Готов, ожидает подтверждения",
            zone: "Europe/Moscow", silent: []),
        Expected(
            code: "omnivox", prefix: "OMNIVOX", autoClose: 14, blocking: ["problem"],
            solved: "Завершен, требует подтверждения заказчика", zone: "Europe/Moscow", silent: []),
        Expected(
            code: "call-to-visit", prefix: "CTV", autoClose: 5, blocking: ["problem"], solved: "Завершён",
            zone: "Europe/Moscow", silent: []),
        Expected(
            code: "dialog", prefix: "DIALOG", autoClose: nil, blocking: ["outage"], solved: "Завершён",
            zone: "Asia/Yekaterinburg", silent: ["set_priority", "attach", "auto_close"]),
        Expected(
            code: "smartivr", prefix: "SMARTIVR", autoClose: nil, blocking: ["mass_incident"],
            solved: "Решение предоставлено", zone: "Europe/Moscow",
            silent: ["assign", "set_priority", "comment", "confirm", "dispute", "withdraw", "auto_close"]),
    ])
    func `a shipped policy says what its regulation says`(expected: Expected) throws {
        let policy = try Self.load(expected.code)
        #expect(policy.code == expected.code)
        #expect(policy.prefix == expected.prefix)
        #expect(policy.autoCloseAfterWorkingDays == expected.autoClose)
        #expect(policy.contractMayOverrideAutoClose == (expected.code == "omnivox"))
        #expect(policy.confirmers == (expected.code == "omnivox" ? .responsibleContacts : .anyContact))
        #expect(policy.furtherProblems == (expected.code == "dialog" ? .either : .newRequest))
        #expect(policy.blockingKinds == expected.blocking)
        #expect(policy.states["solved_awaiting_confirmation"]?[.ru] == expected.solved)
        #expect(policy.timeZone == expected.zone)
        let nowhere: Set = ["edit", "comment_internal", "link", "unlink", "merge", "recalculate_deadline"]
        let silent = Set(Vocabulary.eventActions).subtracting(policy.actionClauses.keys)
        #expect(silent == expected.silent.union(nowhere))
        #expect(policy.plans.keys.sorted() == ["extended", "standard"])
        #expect(policy.plans["standard"]?.times.isEmpty == true)
        let times = Vocabulary.priorities.compactMap { policy.plans["extended"]?.times[$0] }
        #expect(times.map(\.firstResponseMinutes) == [30, 60, 240, 480])
        #expect(times.map(\.solutionMinutes) == [240, 480, 1440, nil])
        let zones = SystemZones()
        #expect(
            policy.faults(calendars: Set(try Repository.calendars().keys)) { (try? zones.rules(for: $0)) != nil }
                .isEmpty)
    }

    @Test func `details are required as the tables say`() throws {
        func required(_ code: String, kind: String, channel: String = "api") throws -> [String] {
            try Self.load(code).details.filter { $0.isRequired(kind: kind, channel: channel) }.map(\.key)
        }
        #expect(try required("maics", kind: "problem") == ["steps_to_reproduce", "actual_result", "expected_result"])
        #expect(try required("maics", kind: "consultation") == [])
        #expect(try required("omnivox", kind: "incident") == ["os_version", "product_version", "browser_version"])
        #expect(try required("omnivox", kind: "service_request") == [])
        #expect(try required("call-to-visit", kind: "incident", channel: "in_app") == ["technical_details"])
        #expect(try required("call-to-visit", kind: "incident", channel: "tracker") == [])
        #expect(
            try required("dialog", kind: "consultation")
                == ["organization_name", "organization_address", "contact_name", "category"])
        #expect(try Self.load("dialog").atLeastOneOf == [["contact_phone", "contact_email"]])
        #expect(try Self.load("smartivr").details.isEmpty)
    }

    @Test func `codes and prefixes are unique in a set, and places exist`() throws {
        let all = try Repository.files("Config/policies").map { try Policy(file: $0, bytes: Repository.bytes($0)) }
        #expect(all.count == 5)
        #expect(Policy.faults(among: all).isEmpty)
        let again = try Policy(file: "copy.json", bytes: Repository.bytes("Config/policies/maics.json"))
        #expect(
            Policy.faults(among: all + [again]).map(\.description) == [
                "copy.json:2: /code: maics is the code of Config/policies/maics.json too",
                "copy.json:3: /prefix: MAICS is the prefix of Config/policies/maics.json too",
            ])
        let paths = again.faults(calendars: [], isKnownZone: { _ in false }).map(\.path)
        #expect(
            paths == [
                "/calendar", "/time_zone", "/plans/extended/schedule/timeZone", "/plans/standard/schedule/timeZone",
            ])
        #expect(again.faults(calendars: [], isKnownZone: { _ in false }).allSatisfy { $0.line > 80 })
    }

    struct Bad: CustomTestStringConvertible {
        let old: String
        let new: String
        let place: String
        var testDescription: String { place }
        init(_ old: String, _ new: String, _ place: String) { (self.old, self.new, self.place) = (old, new, place) }
    }

    @Test(arguments: [
        Bad("\"code\": \"omnivox\"", "\"code\": \"Omni Vox\"", "2: /code: must match [a-z0-9][a-z0-9-]{0,62}"),
        Bad("\"prefix\": \"OMNIVOX\"", "\"prefix\": \"O\"", "3: /prefix: must match [A-Z]{2,12}"),
        Bad("\"version\": 1", "\"version\": 0", "4: /version: must be from 1 to 1000000"),
        Bad("\"version\": 1,", "\"version\": 1, \"verzion\": 1,", "4: /verzion: is no member that is known here"),
        Bad("{\"en\": \"OmniVOX\", ", "{", "5: /name/en: is missing"),
        Bad(
            "\n  \"kinds\": [\"incident\", ", "\n  \"kinds\": [\"incident\", \"incident\", ",
            "7: /kinds/1: incident stands here twice"),
        Bad(
            "\"blocking_kinds\": [\"problem\"]", "\"blocking_kinds\": [\"outage\"]",
            "8: /blocking_kinds/0: outage is not one of incident, problem, service_request, development_request"),
        Bad(
            "\"channels\": [\"email\", \"phone\"]", "\"channels\": [\"email\", \"phone\", 3]",
            "9: /channels/2: must be a string"),
        Bad(
            "{\"key\": \"os_version\", \"required\": {\"kinds\": [\"incident\", \"problem\"]}}",
            "{\"key\": \"os_version\", \"required\": true}",
            "11: /details/0/required: must be false, \"always\", {\"kinds\": […]} or {\"channels\": […]}"),
        Bad(
            "{\"key\": \"os_version\", \"required\": {\"kinds\": [\"incident\", \"problem\"]}}",
            "{\"key\": \"os_version\", \"required\": {\"channels\": [\"fax\"]}}",
            "11: /details/0/required/channels/0: fax is not one of email, phone"),
        Bad("\"at_least_one_of\": []", "\"at_least_one_of\": [[]]", "15: /at_least_one_of/0: must not be empty"),
        Bad(
            "\"new_request\"", "\"old_request\"", "16: /further_problems: old_request is not one of new_request, either"
        ),
        Bad(
            "\"responsible_contacts\"", "\"nobody\"",
            "17: /confirmers: nobody is not one of any_contact, responsible_contacts"),
        Bad("working_days\": 14", "working_days\": 366", "18: /auto_close_after_working_days: must be from 1 to 365"),
        Bad(
            "working_days\": 14", "working_days\": \"14\"", "18: /auto_close_after_working_days: must be a whole number"
        ),
        Bad(
            "\"contract_may_override_auto_close\": true", "\"contract_may_override_auto_close\": null",
            "19: /contract_may_override_auto_close: is missing"),
        Bad(
            "\"closed\": {\"en\"", "\"done\": {\"en\"",
            "20: /states/closed: is missing\nomnivox.json:28: /states/done: is no member that is known here"),
        Bad("\"Closed\"", "\" \"", "28: /states/closed/en: must not be blank"),
        Bad(
            "\"register\": \"3.4(1)\"", "\"register\": \"3.4\"",
            "69: /action_clauses/register: 3.4 is not one of 2.1, 2.3, 3.1, 3.2, 3.3, 3.4(1), 3.4(2), 3.4(3), 3.5"),
        Bad(
            "\"register\": \"3.4(1)\"", "\"sing\": \"3.5\"", "69: /action_clauses/sing: is no member that is known here"
        ),
        Bad(
            "\"os_version\": {\"en\"", "\"os\": {\"en\"",
            "89: /names/details/os_version: is missing\nomnivox.json:90: /names/details/os: is no member that is known here"
        ),
        Bad(
            "\"high\": {\"first", "\"urgent\": {\"first",
            "131: /plans/extended/times/urgent: is no member that is known here"),
        Bad(
            "\"solution_minutes\": 1440", "\"solution_minutes\": 0.5",
            "132: /plans/extended/times/normal/solution_minutes: must be a whole number"),
        Bad(
            "\"calendarMode\": \"respect\"", "\"calendarMode\": \"obey\"",
            "101: /plans/standard/schedule/calendarMode: obey is not one of respect, ignore\nomnivox.json:118: /plans/extended/schedule/calendarMode: obey is not one of respect, ignore"
        ),
        Bad("\"time_zone\": ", "\"time_zone\": 3, \"time_zone\": ", "138: duplicate name at column 19"),
    ])
    func `a bad policy is refused with file, line and path`(bad: Bad) throws {
        let good = String(decoding: try Repository.bytes("Config/policies/omnivox.json"), as: UTF8.self)
        try #require(good.contains(bad.old))
        let faults = #expect(throws: ConfigurationFaults.self) {
            try Policy(file: "omnivox.json", bytes: Array(good.replacing(bad.old, with: bad.new).utf8))
        }
        #expect(faults?.description == "omnivox.json:" + bad.place)
    }

    @Test func `all faults are found at once`() {
        let faults = #expect(throws: ConfigurationFaults.self) { try Policy(file: "x.json", bytes: Array("{}".utf8)) }
        #expect(faults?.faults.count == 20)
        #expect(faults?.faults.allSatisfy { $0.line == 1 && $0.message == "is missing" } == true)
    }

    @Test func `the published schema names the members that the loader reads`() throws {
        let schema = try JSONReader.read(Repository.bytes("Config/policy.schema.json"))
        var reader = JSONObjectReader(schema, faults: JSONFaults())
        let properties = reader.object("properties")
        let known = try #require(properties).members.map(\.name)
        let policy = try JSONReader.read(Repository.bytes("Config/policies/omnivox.json"))
        let written = JSONObjectReader(policy, faults: JSONFaults()).members.map(\.name)
        #expect(known == ["$schema"] + written)
        let required = reader.strings("required")
        #expect(required == written.filter { $0 != "at_least_one_of" })
    }
}
