import Testing

@testable import soak

@Suite struct LedgerTests {
    private static let expected = [
        ExpectedEvent(key: "a", ticket: "T-1", version: 1, action: "register", actor: "u_1", text: "a"),
        ExpectedEvent(key: "b", ticket: "T-1", version: 2, action: "assign", actor: "u_2", text: ""),
        ExpectedEvent(key: "c", ticket: "T-1", version: nil, action: "comment", actor: "u_1", text: "c"),
        ExpectedEvent(key: "d", ticket: "T-1", version: nil, action: "assign", actor: "u_2", text: ""),
    ]

    private static func event(
        _ seq: Int, _ version: Int?, _ action: String, _ actor: String, _ text: String, at: Int = 0,
        closesAt: Int? = nil
    ) -> FoundEvent {
        FoundEvent(
            ticket: "T-1", seq: seq, version: version, action: action, actor: actor, text: text, at: at,
            closesAt: closesAt)
    }

    private static let found = [
        event(1, 1, "register", "u_1", "a"), event(2, 2, "assign", "u_2", ""), event(3, 3, "comment", "u_1", "c"),
        event(4, 4, "assign", "u_2", ""),
    ]

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let found: [FoundEvent]
        /// What the one fault says.
        let word: String
    }

    private static func changed(_ place: Int, _ event: FoundEvent) -> [FoundEvent] {
        found.enumerated().map { $0 == place ? event : $1 }
    }

    static let rows = [
        Row(testDescription: "one of two like it is gone", found: Array(found.dropLast()), word: "d: assign"),
        Row(
            testDescription: "one is there twice", found: found + [event(5, 5, "comment", "u_1", "c")],
            word: "event 5, comment, was asked for by nobody"),
        Row(
            testDescription: "a text is another", found: changed(0, event(1, 1, "register", "u_1", "b")),
            word: "is not what was sent"),
        Row(
            testDescription: "somebody else did it", found: changed(1, event(2, 2, "assign", "u_9", "")),
            word: "is not what was sent"),
        Row(
            testDescription: "the job closed what was not due",
            found: found + [event(5, 5, "auto_close", "", "", at: 7, closesAt: 8)], word: "before it was due"),
    ]

    @Test func `a history that is just what was acknowledged has no fault`() {
        #expect(Ledger.faults(expected: Self.expected, found: Self.found) == [])
        let closed = Self.found + [Self.event(5, 5, "auto_close", "", "", at: 8, closesAt: 8)]
        #expect(Ledger.faults(expected: Self.expected, found: closed) == [])
    }

    @Test(arguments: rows)
    func `any difference is one fault`(row: Row) {
        let faults = Ledger.faults(expected: Self.expected, found: row.found)
        #expect(faults.count == 1 && faults.first?.contains(row.word) == true, "\(faults)")
    }

    @Test func `one event cannot have been two people's`() {
        let faults = Ledger.faults(expected: Self.expected + [Self.expected[1]], found: Self.found)
        #expect(faults == ["b: assign of T-1, version 2, was acknowledged to two"])
    }

    @Test func `what is not acknowledged need not be there`() {
        let write = Write(
            key: "k", actor: "u_1", kind: .comment, action: "comment", tickets: ["T-1"], path: "/", json: "{}")
        func expected(_ status: Int) -> [ExpectedEvent] {
            let settlement = Settlement(
                status: status, isReplay: false, changes: [.init(ticket: "T-1", version: nil)], digest: "")
            return ExpectedEvent.all([JournalEntry(write: write, settlement: settlement)])
        }
        #expect(expected(409) == [] && ExpectedEvent.all([JournalEntry(write: write)]) == [])
        #expect(expected(201).map(\.text) == ["k"])
    }
}
