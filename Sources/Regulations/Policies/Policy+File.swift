import JSONText

/// Reading a policy file: strict, and every fault is found in one go.
extension Policy {
    /// Throws all faults, each with file, line and path; then nothing of the file is used.
    public init(file: String, bytes: [UInt8]) throws(ConfigurationFaults) {
        let source = try ConfigurationFile(file, bytes)
        var reader = JSONObjectReader(source.root, faults: source.faults)
        // An editor's pointer to the published schema; it means nothing here.
        _ = reader.string("$schema")
        code = reader.matching("code", "bad_code", Self.isCode)
        prefix = reader.matching("prefix", "bad_prefix") { text in
            2...12 ~= text.count && text.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
        }
        version = reader.integer("version", required: true, in: 1...1_000_000) ?? 0
        name = reader.text("name")
        document = reader.notBlank("document") ?? ""
        kinds = reader.keys("kinds")
        if kinds.isEmpty && reader.array("kinds")?.isEmpty == true { reader.fault("empty", at: "kinds") }
        blockingKinds = Set(reader.keys("blocking_kinds", among: kinds))
        channels = reader.keys("channels")
        details = reader.detailRules(kinds: kinds, channels: channels)
        atLeastOneOf = reader.groups(among: details.map(\.key))
        furtherProblems = reader.oneOf("further_problems") ?? .newRequest
        confirmers = reader.oneOf("confirmers") ?? .anyContact
        if !reader.has("auto_close_after_working_days") { reader.fault("missing", at: "auto_close_after_working_days") }
        autoCloseAfterWorkingDays = reader.integer("auto_close_after_working_days", in: 1...365)
        contractMayOverrideAutoClose = reader.bool("contract_may_override_auto_close", required: true) ?? false
        states = reader.texts("states", for: Vocabulary.states)
        clauses = reader.texts("clauses", for: nil)
        actionClauses = reader.actionClauses(among: clauses)
        if var names = reader.object("names", required: true) {
            self.names = Names(
                kinds: names.texts("kinds", for: kinds), details: names.texts("details", for: details.map(\.key)),
                channels: names.texts("channels", for: channels))
            names.finish()
        } else {
            names = Names(kinds: [:], details: [:], channels: [:])
        }
        plans = reader.plans()
        calendar = reader.notBlank("calendar") ?? ""
        timeZone = reader.notBlank("time_zone") ?? ""
        reader.finish()
        if let found = source.found { throw found }

        var lines = Dictionary(
            uniqueKeysWithValues: ["code", "prefix", "version", "calendar", "time_zone"].map { name in
                ("/\(name)", source.line(of: reader.offset(of: name)))
            })
        for code in plans.keys {
            lines["/plans/\(code)/schedule/timeZone"] = source.line(
                of: reader.offset(ofPath: ["plans", code, "schedule"]))
        }
        self.source = Source(file: file, lines: lines)
    }

    /// `[a-z0-9][a-z0-9-]{0,62}`
    private static func isCode(_ text: [UInt8]) -> Bool {
        1...63 ~= text.count && text.first != UInt8(ascii: "-")
            && text.allSatisfy { isLowercaseOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// `[a-z][a-z0-9_]{0,62}`: what kinds, channels and details are called.
    fileprivate static func isKey(_ text: [UInt8]) -> Bool {
        guard 1...63 ~= text.count, let first = text.first, UInt8(ascii: "a")...UInt8(ascii: "z") ~= first else {
            return false
        }
        return text.allSatisfy { isLowercaseOrDigit($0) || $0 == UInt8(ascii: "_") }
    }

    fileprivate static func isPlanCode(_ text: String) -> Bool { isCode(Array(text.utf8)) }

    private static func isLowercaseOrDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
}

extension JSONObjectReader {
    fileprivate mutating func matching(_ name: String, _ code: String, _ matches: ([UInt8]) -> Bool) -> String {
        guard let text = string(name, required: true) else { return "" }
        if !matches(Array(text.utf8)) { fault(code, at: name) }
        return text
    }

    fileprivate mutating func text(_ name: String) -> LocalizedText {
        object(name, required: true).flatMap { LocalizedText($0) } ?? LocalizedText(en: "", ru: "")
    }

    fileprivate mutating func oneOf<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) -> Choice? {
        guard let text = string(name, required: true) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        fault("unknown_value", at: name, ["value": text, "known": known])
        return nil
    }

    /// A list of keys without doubles; `known` says which there are.
    fileprivate mutating func keys(_ name: String, among known: [String]? = nil) -> [String] {
        guard let nodes = array(name, required: true) else { return [] }
        return keys(nodes, at: pointer(to: name), among: known)
    }

    private func keys(_ nodes: [JSONNode], at pointer: String, among known: [String]?) -> [String] {
        var keys: [String] = []
        for (index, node) in nodes.enumerated() {
            let place = "\(pointer)/\(index)"
            guard case .string(let key) = node.value else {
                faults.add("not_a_string", at: place, offset: node.offset)
                continue
            }
            if !Policy.isKey(Array(key.utf8)) {
                faults.add("bad_key", at: place, offset: node.offset, ["value": key])
            } else if keys.contains(key) {
                faults.add("repeated", at: place, offset: node.offset, ["value": key])
            } else if let known, !known.contains(key) {
                let list = known.joined(separator: ", ")
                faults.add("unknown_value", at: place, offset: node.offset, ["value": key, "known": list])
            } else {
                keys.append(key)
            }
        }
        return keys
    }

    fileprivate mutating func detailRules(kinds: [String], channels: [String]) -> [Policy.DetailRule] {
        var rules: [Policy.DetailRule] = []
        for var item in objects("details", required: true) ?? [] {
            let key = item.matching("key", "bad_key", Policy.isKey)
            if rules.contains(where: { $0.key == key }) { item.fault("repeated", at: "key", ["value": key]) }
            let requirement = item.requirement(kinds: kinds, channels: channels)
            item.finish()
            rules.append(Policy.DetailRule(key: key, requirement: requirement))
        }
        return rules
    }

    /// `false`, `"always"`, `{"kinds": […]}` or `{"channels": […]}`.
    private mutating func requirement(kinds: [String], channels: [String]) -> Policy.DetailRule.Requirement {
        guard let node = member("required", required: true) else { return .optional }
        switch node.value {
        case .bool(false): return .optional
        case .string("always"): return .always
        case .object(let members) where members.count == 1:
            var choice = JSONObjectReader(node, pointer: pointer(to: "required"), faults: faults)
            defer { choice.finish() }
            if choice.has("kinds") { return .kinds(choice.keys("kinds", among: kinds)) }
            if choice.has("channels") { return .channels(choice.keys("channels", among: channels)) }
            return .optional
        default:
            let message = "must be false, \"always\", {\"kinds\": […]} or {\"channels\": […]}"
            fault("rule", at: "required", ["message": message])
            return .optional
        }
    }

    fileprivate mutating func groups(among details: [String]) -> [[String]] {
        var groups: [[String]] = []
        for (index, node) in (array("at_least_one_of") ?? []).enumerated() {
            let place = "\(pointer(to: "at_least_one_of"))/\(index)"
            guard case .array(let nodes) = node.value else {
                faults.add("not_an_array", at: place, offset: node.offset)
                continue
            }
            if nodes.isEmpty { faults.add("empty", at: place, offset: node.offset) }
            groups.append(keys(nodes, at: place, among: details))
        }
        return groups
    }

    /// Texts by code: exactly one for each of `codes`, or for any that are not blank.
    fileprivate mutating func texts(_ name: String, for codes: [String]?) -> [String: LocalizedText] {
        guard var reader = object(name, required: true) else { return [:] }
        var texts: [String: LocalizedText] = [:]
        for code in codes ?? reader.members.map(\.name) {
            texts[code] = reader.text(code)
            if code.unicodeScalars.allSatisfy(\.properties.isWhitespace) { reader.fault("blank", at: code) }
        }
        reader.finish()
        return texts
    }

    fileprivate mutating func actionClauses(among clauses: [String: LocalizedText]) -> [String: String] {
        guard var reader = object("action_clauses", required: true) else { return [:] }
        var found: [String: String] = [:]
        for action in Vocabulary.eventActions {
            guard let clause = reader.string(action) else { continue }
            if clauses[clause] == nil {
                let known = clauses.keys.sorted().joined(separator: ", ")
                reader.fault("unknown_value", at: action, ["value": clause, "known": known])
            }
            found[action] = clause
        }
        reader.finish()
        return found
    }

    fileprivate mutating func plans() -> [String: Policy.Plan] {
        guard var reader = object("plans", required: true) else { return [:] }
        var plans: [String: Policy.Plan] = [:]
        for code in reader.members.map(\.name) {
            if !Policy.isPlanCode(code) { reader.fault("bad_code", at: code) }
            guard var item = reader.object(code, required: true) else { continue }
            let name = item.text("name")
            let schedule = item.object("schedule", required: true).flatMap { SupportSchedule($0) }
            let times = item.times()
            item.finish()
            guard let schedule else { continue }
            if schedule.isEmpty && !times.isEmpty {
                item.fault("rule", at: "schedule", ["message": "has no window in which the times could be counted"])
            }
            plans[code] = Policy.Plan(name: name, schedule: schedule, times: times)
        }
        reader.finish()
        return plans
    }

    private mutating func times() -> [String: Policy.Plan.Times] {
        guard var reader = object("times", required: true) else { return [:] }
        var times: [String: Policy.Plan.Times] = [:]
        for priority in Vocabulary.priorities where reader.has(priority) {
            guard var item = reader.object(priority, required: true) else { continue }
            times[priority] = Policy.Plan.Times(
                firstResponseMinutes: item.integer("first_response_minutes", in: 1...1_000_000),
                solutionMinutes: item.integer("solution_minutes", in: 1...1_000_000))
            item.finish()
        }
        reader.finish()
        return times
    }

    /// Where the value at a path of names begins; the nearest one that there is.
    fileprivate func offset(ofPath path: [String]) -> Int {
        var offset = offset
        var members = members
        for name in path {
            guard let member = members.first(where: { $0.name == name }) else { return offset }
            offset = member.node.offset
            guard case .object(let inner) = member.node.value else { return offset }
            members = inner
        }
        return offset
    }
}
