import JSONText
import Regulations
import Tickets

/// The limits of texts, in Unicode scalars.
enum Limit {
    static let subject = 200
    static let text = 65_536
    static let detail = 8192
    static let name = User.nameMax
    static let word = 255
    static let tag = 50
    static let tags = 20
    static let assignees = 20
    static let contacts = 100
    static let search = 256
    static let filename = 255
    static let bodyBytes = 1 << 20
    /// That an answer tells of.
    static let faults = 100
}

/// Members as the domain knows them. Every verb gives nil when the member is absent or has a fault.
extension JSONObjectReader {
    /// Whether the member is there and is `null`.
    func isNull(_ name: String) -> Bool {
        members.contains { member in
            guard member.name.utf8.elementsEqual(name.utf8), case .null = member.node.value else { return false }
            return true
        }
    }

    /// A code, an address or a name of something that there is: longer than any of them it is none.
    mutating func word(_ name: String, required: Bool = false) -> String? {
        guard let text = string(name, required: required) else { return nil }
        if !text.isLonger(than: Limit.word) { return text }
        fault(.tooLong, at: name, ["max": "\(Limit.word)"])
        return nil
    }

    /// A text of 1 to `max` scalars that is not blank.
    mutating func text(_ name: String, required: Bool = false, max: Int) -> String? {
        guard let text = string(name, required: required) else { return nil }
        if text.isBlank {
            fault(.blank, at: name)
        } else if text.isLonger(than: max) {
            fault(.tooLong, at: name, ["max": "\(max)"])
        } else {
            return text
        }
        return nil
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, required: Bool = false, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let text = string(name, required: required) else { return nil }
        guard let choice = Choice.allCases.first(where: { $0.rawValue.hasSameBytes(as: text) }) else {
            fault(.notOneOf, at: name, ["values": Choice.allCases.map(\.rawValue).joined(separator: ", ")])
            return nil
        }
        return choice
    }

    /// Whole milliseconds.
    mutating func instant(_ name: String) -> Instant? {
        guard let text = string(name) else { return nil }
        guard let instant = Instant(rfc3339: text) else {
            fault(.notATime, at: name)
            return nil
        }
        return instant.truncatedToMilliseconds()
    }

    mutating func date(_ name: String, required: Bool = false) -> CalendarDate? {
        guard let text = string(name, required: required) else { return nil }
        // PostgreSQL has no year 0.
        guard let date = CalendarDate(iso: text), date.year > 0 else {
            fault(.notADate, at: name)
            return nil
        }
        return date
    }

    /// Up to 20 distinct tags of 1 to 50 scalars.
    mutating func tags() -> [String]? {
        let before = faults.count
        guard let tags = elements("tags") else { return nil }
        if tags.count > Limit.tags { fault(.tooMany, at: "tags", ["max": "\(Limit.tags)"]) }
        for case (let index, let tag?) in tags.enumerated() {
            let place = "\(pointer(to: "tags"))/\(index)"
            if tag.isEmpty { faults.add(FaultCode.empty.rawValue, at: place) }
            if tag.isLonger(than: Limit.tag) {
                faults.add(FaultCode.tooLong.rawValue, at: place, ["max": "\(Limit.tag)"])
            }
        }
        faultDuplicates(tags, at: "tags")
        return faults.count == before ? tags.compactMap(\.self) : nil
    }

    /// Up to `max` distinct elements; none at all only where `mayBeEmpty`. Nil in place of one that is no text.
    mutating func distinct(_ name: String, required: Bool = false, max: Int, mayBeEmpty: Bool) -> [String?]? {
        guard let texts = elements(name, required: required) else { return nil }
        if texts.isEmpty && !mayBeEmpty { fault(.empty, at: name) }
        if texts.count > max { fault(.tooMany, at: name, ["max": "\(max)"]) }
        faultDuplicates(texts, at: name)
        return texts
    }

    /// Members that only others may give; null counts as not given.
    mutating func refuse(_ names: String...) {
        for name in names {
            guard let node = member(name) else { continue }
            if case .null = node.value { continue }
            fault(.notYours, at: name)
        }
    }

    /// A member that a patch may repeat but not change.
    mutating func unchanged(_ name: String, _ value: String) {
        guard has(name) else { return }
        let before = faults.count
        let text = string(name)
        if faults.count == before && text?.hasSameBytes(as: value) != true { fault(.immutable, at: name) }
    }

    // Bytes, not `==`: nothing is normalised, so canonically equivalent texts are two.
    private func faultDuplicates(_ texts: [String?], at name: String) {
        var seen: Set<[UInt8]> = []
        for case (let index, let text?) in texts.enumerated() where !seen.insert(Array(text.utf8)).inserted {
            faults.add(FaultCode.duplicate.rawValue, at: "\(pointer(to: name))/\(index)")
        }
    }
}

extension String {
    /// More than `max` Unicode scalars.
    func isLonger(than max: Int) -> Bool { utf8.count > max && unicodeScalars.count > max }
}
