import JSONText

/// Evaluates test vectors of the counting rules, one JSON object a line (`docs/reference/calendars.md`).
public struct VectorCheck: Sendable {
    public struct Outcome: Sendable, Equatable {
        /// The vector's own id; empty when it has none.
        public let id: String
        /// Nil when it passed.
        public let failure: String?

        public var passed: Bool { failure == nil }
    }

    private let calendars: [String: WorkCalendar]
    private let zones: any TimeZoneSource

    public init(calendars: [String: WorkCalendar], zones: any TimeZoneSource) {
        self.calendars = calendars
        self.zones = zones
    }

    public func evaluate(line: [UInt8]) -> Outcome {
        let faults = JSONFaults()
        let root: JSONNode
        do {
            root = try JSONReader.read(line)
        } catch {
            return Outcome(id: "", failure: "cannot be read: \(error.reason.rawValue) at column \(error.column)")
        }
        var vector = JSONObjectReader(root, faults: faults)
        let id = vector.string("id") ?? ""
        do {
            try check(&vector)
            return Outcome(id: id, failure: nil)
        } catch {
            return Outcome(id: id, failure: error.reason)
        }
    }

    private struct Failure: Error {
        let reason: String
    }

    private func check(_ vector: inout JSONObjectReader) throws(Failure) {
        let kind = try required(vector.string("kind", required: true), vector)
        let start = try instant("start", &vector)
        switch kind {
        case "deadline": try checkDeadline(&vector, start)
        case "elapsed": try checkElapsed(&vector, start)
        case "businessDeadline": try checkBusinessDeadline(&vector, start)
        case "businessElapsed": try checkBusinessElapsed(&vector, start)
        default: throw Failure(reason: "unknown kind \(kind)")
        }
    }

    private func checkDeadline(_ vector: inout JSONObjectReader, _ start: Instant) throws(Failure) {
        let calendar = try calendar(&vector)
        let zone = try zone(vector.string("timezone") ?? calendar.timeZone)
        let count = try required(vector.integer("workingDays", required: true), vector)
        let deadline: WorkingDayDeadline
        do {
            deadline = try WorkingDays.deadline(from: start, workingDays: count, calendar: calendar, zone: zone)
        } catch {
            return try expectError(error, &vector)
        }
        try expectNoError(&vector)
        let expected = try instant("expectedDeadline", &vector)
        try compare("deadline", zone.rfc3339(deadline.at), deadline.at == expected, zone.rfc3339(expected))
        if let days = vector.strings("expectedCountedDays") {
            let counted = deadline.countedDays.map(\.iso)
            try compare("counted days", "\(counted)", counted == days, "\(days)")
        }
        try compareProvisional(deadline.provisional, &vector)
        try required(vector.faults.isEmpty ? () : nil, vector)
    }

    private func checkElapsed(_ vector: inout JSONObjectReader, _ start: Instant) throws(Failure) {
        let calendar = try calendar(&vector)
        let zone = try zone(vector.string("timezone") ?? calendar.timeZone)
        let now = try instant("now", &vector)
        let days: Int
        do {
            days = try WorkingDays.elapsed(from: start, now: now, calendar: calendar, zone: zone)
        } catch {
            return try expectError(error, &vector)
        }
        try expectNoError(&vector)
        let expected = try required(vector.integer("expectedElapsed", required: true), vector)
        try compare("elapsed", "\(days)", days == expected, "\(expected)")
    }

    private func checkBusinessDeadline(_ vector: inout JSONObjectReader, _ start: Instant) throws(Failure) {
        let schedule = try schedule(&vector)
        let calendar = try calendar(&vector)
        let zone = try zone(schedule.timeZone)
        let minutes = try required(vector.integer("businessMinutes", required: true), vector)
        let pauses = try pauses(&vector)
        let deadline: BusinessDeadline?
        do {
            deadline = try BusinessHours.deadline(
                from: start, minutes: minutes, schedule: schedule, calendar: calendar, zone: zone, pauses: pauses)
        } catch {
            return try expectError(error, &vector)
        }
        try expectNoError(&vector)
        guard vector.has("expected") else { throw Failure(reason: "expected is missing") }
        let written = vector.string("expected")
        let shown = deadline.map { zone.rfc3339($0.at) } ?? "null"
        guard let written else {
            try required(vector.faults.isEmpty ? () : nil, vector)
            return try compare("deadline", shown, deadline == nil, "null")
        }
        let expected = try required(Instant(rfc3339: written), vector)
        try compare("deadline", shown, deadline?.at == expected, zone.rfc3339(expected))
        if let deadline { try compareProvisional(deadline.provisional, &vector) }
    }

    private func checkBusinessElapsed(_ vector: inout JSONObjectReader, _ start: Instant) throws(Failure) {
        let schedule = try schedule(&vector)
        let calendar = try calendar(&vector)
        let zone = try zone(schedule.timeZone)
        let now = try instant("now", &vector)
        let pauses = try pauses(&vector)
        let microseconds: Int64
        do {
            microseconds = try BusinessHours.elapsedMicroseconds(
                from: start, now: now, schedule: schedule, calendar: calendar, zone: zone, pauses: pauses)
        } catch {
            return try expectError(error, &vector)
        }
        try expectNoError(&vector)
        guard case .number(let literal) = vector.member("expectedSeconds")?.value else {
            throw Failure(reason: "expectedSeconds is no number")
        }
        // Whole seconds stand for the whole seconds that have passed, a fraction for the exact time.
        let matches =
            switch JSONInteger(literal: literal) {
            case .value(let whole) where !literal.contains("."): microseconds / 1_000_000 == Int64(whole)
            default: Double(literal).map { abs($0 * 1_000_000 - Double(microseconds)) < 1 } ?? false
            }
        try compare("seconds", "\(Double(microseconds) / 1_000_000)", matches, literal)
    }
}

extension VectorCheck {
    private func calendar(_ vector: inout JSONObjectReader) throws(Failure) -> WorkCalendar {
        let id = try required(vector.string("calendar", required: true), vector)
        guard let calendar = calendars[id] else { throw Failure(reason: "unknown calendar \(id)") }
        return calendar
    }

    private func zone(_ identifier: String) throws(Failure) -> TimeZoneRules {
        do {
            return try zones.rules(for: identifier)
        } catch {
            throw Failure(reason: error.description)
        }
    }

    private func schedule(_ vector: inout JSONObjectReader) throws(Failure) -> SupportSchedule {
        let reader = try required(vector.object("schedule", required: true), vector)
        return try required(SupportSchedule(reader, isStrict: false), vector)
    }

    private func pauses(_ vector: inout JSONObjectReader) throws(Failure) -> [Pause] {
        var pauses: [Pause] = []
        for var item in vector.objects("pauses") ?? [] {
            let from = try instant("from", &item)
            pauses.append(Pause(from: from, to: try item.string("to") == nil ? nil : instant("to", &item)))
        }
        return pauses
    }

    private func instant(_ name: String, _ reader: inout JSONObjectReader) throws(Failure) -> Instant {
        let written = try required(reader.string(name, required: true), reader)
        guard let instant = Instant(rfc3339: written) else {
            throw Failure(reason: "\(reader.pointer(to: name)) is no RFC 3339 time")
        }
        return instant
    }

    /// The value, or the reader's first fault.
    @discardableResult
    private func required<Value>(_ value: Value?, _ reader: JSONObjectReader) throws(Failure) -> Value {
        if let value { return value }
        let fault = reader.faults.list.first.map { "\($0.pointer): \($0.code)" } ?? "no RFC 3339 time"
        throw Failure(reason: "cannot be read: \(fault)")
    }

    private func expectError(_ error: CountingError, _ vector: inout JSONObjectReader) throws(Failure) {
        let expected = vector.string("expectedError")
        try compare("error", error.name, error.name == expected, expected ?? "none")
    }

    private func expectNoError(_ vector: inout JSONObjectReader) throws(Failure) {
        if let expected = vector.string("expectedError") { try compare("error", "none", false, expected) }
    }

    private func compareProvisional(_ provisional: Bool, _ vector: inout JSONObjectReader) throws(Failure) {
        guard let expected = vector.bool("provisional") else { return }
        try compare("provisional", "\(provisional)", provisional == expected, "\(expected)")
    }

    private func compare(_ what: String, _ got: String, _ matches: Bool, _ expected: String) throws(Failure) {
        if !matches { throw Failure(reason: "\(what) is \(got), expected \(expected)") }
    }
}
