import Foundation
import Testing

@testable import soak

@Suite struct JournalTests {
    @Test func `what is written is read again`() throws {
        let path = "/tmp/rgl-journal-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let journal = try Journal(path)
        let assigns = Write(
            key: "a", actor: "u_1", kind: .batch, action: "assign", tickets: ["T-1", "T-2"], path: "/v1/tickets/batch",
            json: #"{"x":"й"}"#)
        let attaches = Write(
            key: "b", actor: "u_2", kind: .attach, action: "attach", tickets: ["T-1"], path: "/", json: "", size: 77)
        let edits = Write(
            key: "c", actor: "u_2", kind: .edit, action: "edit", tickets: ["T-1"], path: "/", json: "{}",
            ifMatch: #""7-e-en""#)
        let settlement = Settlement(
            status: 200, isReplay: true,
            changes: [.init(ticket: "T-1", version: 2), .init(ticket: "T-2", version: nil)], digest: "00")
        journal.want(assigns)
        journal.open(assigns, "no\tanswer\n")
        journal.want(attaches)
        journal.want(edits)
        journal.done(assigns, settlement)
        let entries = try JournalEntry.read(path)
        #expect(entries.map(\.write) == [assigns, attaches, edits])
        #expect(entries.map(\.settlement) == [settlement, nil, nil])
        #expect(attaches.attachment.count == 77 && attaches.text.hasPrefix("b 77 "))
    }

    @Test func `a line that nobody wrote is no journal`() {
        #expect(throws: Failure.self) { try JournalEntry.read(lines: ["done\tk\t200\tfirst\t\t00"]) }
        #expect(throws: Failure.self) { try JournalEntry.read(lines: ["want\tk"]) }
    }

    /// Status, body, and whether the write is settled by it.
    @Test(arguments: [
        (201, #"{"id":"T-1","version":1}"#, true), (409, #"{"type":"/problems/transition-not-allowed"}"#, true),
        (409, #"{"type":"/problems/idempotency-key-in-progress"}"#, false), (408, "{}", false), (429, "{}", false),
        (500, "{}", false),
        (503, "{}", false),
    ])
    func `an answer settles a write, or does not`(status: Int, body: String, isSettled: Bool) {
        let write = Write(
            key: "k", actor: "u_1", kind: .create, action: "register", tickets: [], path: "/v1/tickets", json: "{}")
        let settlement = Settlement(HTTPAnswer(status: status, fields: [:], body: Array(body.utf8)), to: write)
        #expect((settlement != nil) == isSettled)
        if status == 201 { #expect(settlement?.changes == [.init(ticket: "T-1", version: 1)]) }
    }
}
