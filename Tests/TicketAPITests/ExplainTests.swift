import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

@Suite struct ExplainTests {
    private func explain(
        _ record: TicketRecord, for role: Role = .customer, at now: Instant = Sample.now, in language: Language = .en
    ) throws -> JSON {
        let rulebook = try Sample.rulebook.get()
        let body = ExplanationBody(
            ground: ExplanationGround(record: record, origin: StateOrigin(since: Sample.now, clause: "3.5")),
            rules: try #require(rulebook.rules(product: "omnivox", version: 1)), role: role, language: language,
            now: now,
            texts: try Sample.texts.get())
        return try JSON(of: body)
    }

    @Test(arguments: State.allCases)
    func `every step out of the state is there with a reason`(state: State) throws {
        let record = try Sample.record(state: state)
        for role in Role.allCases {
            let json = try explain(record, for: role)
            #expect(json["state"].string == state.rawValue)
            let next = json["next"].array
            #expect(next.compactMap { $0["action"].string } == Lifecycle.next(on: record.ticket).map(\.rawValue))
            for step in next {
                #expect(step.names == ["action", "who", "allowed", "because", "clause"])
                #expect(step["because"].string?.isEmpty == false && !step["who"].strings.isEmpty)
            }
            let allowed = next.filter { $0["allowed"].bool == true }.compactMap { $0["action"].string }
            #expect(allowed == Lifecycle.actions(on: record, for: role).map(\.rawValue))
        }
    }

    @Test func `who is not on the contract's list is told so`() throws {
        func confirm(_ mayConfirm: Bool, _ role: Role) throws -> String? {
            let json = try explain(try Sample.record(state: .solved, mayConfirm: mayConfirm), for: role)
            return json["next"].array.first { $0["action"].string == "confirm" }?["because"].string
        }
        #expect(try confirm(false, .customer) == "Only the persons whom the contract names as responsible may do this.")
        #expect(try confirm(true, .customer)?.hasPrefix("You may do this while") == true)
        #expect(try confirm(false, .engineer) == "Only these may do this: customers.")
    }

    @Test func `the closing date is explained day by day`() throws {
        let record = try Sample.record(state: .solved)
        let json = try explain(record)
        let close = json["auto_close"]
        #expect(close.names == ["at", "working_days", "calendar", "calendar_version", "time_zone", "because", "days"])
        #expect(close["at"].string == record.ticket.autoClose?.at?.rfc3339)
        #expect(close["working_days"].integer == 14)
        #expect(close["days"].array.filter { $0["counted"].bool == true }.count == 14)
        #expect(close["days"].array.last?["number"].integer == 14)
        #expect(
            close["days"][0].description
                == #"{"date":"2026-11-21","counted":false,"number":null,"name":null,"provisional":false}"#)
        let job = json["next"].array.last
        #expect(job?["action"].string == "auto_close")
        #expect(job?["who"].strings == ["service"])
        #expect(job?["allowed"].bool == false)
    }

    @Test func `days are named by the calendar that they were counted on, and by no other`() throws {
        let holidays = try #require(Instant(rfc3339: "2026-12-25T09:00:00Z"))
        let record = try Sample.record(state: .solved, at: holidays)
        func names(_ record: TicketRecord) throws -> [String] {
            try explain(record)["auto_close"]["days"].array.compactMap { $0["name"].string }
        }
        #expect(try names(record).contains("New Year Holidays"))
        var ticket = record.ticket
        ticket.autoClose?.calendarVersion = "of last year"
        let older = TicketRecord(ticket: ticket, people: record.people, links: [], mayConfirm: true)
        #expect(try names(older) == [])
        let days = try explain(older)["auto_close"]["days"].array
        #expect(days.filter { $0["counted"].bool == true }.count == 14)
    }

    @Test func `a date that has passed waits for the next run`() throws {
        let record = try Sample.record(state: .solved)
        let at = try #require(record.ticket.autoClose?.at)
        func because(_ now: Instant) throws -> String? {
            try explain(record, at: now)["next"].array.last?["because"].string
        }
        #expect(try because(at)?.hasPrefix("The time to answer ended at") == true)
        #expect(try because(at.adding(milliseconds: -1))?.hasPrefix("The nightly job does this if") == true)
    }

    @Test func `a calendar that runs out is said, not guessed`() throws {
        let solved = try Sample.record(state: .solved)
        var ticket = solved.ticket
        ticket.autoClose?.at = nil
        ticket.autoClose?.days = []
        let record = TicketRecord(
            ticket: ticket, people: solved.people, links: solved.links, mayConfirm: solved.mayConfirm)
        let close = try explain(record, in: .ru)["auto_close"]
        #expect(close["at"].isNull && close["days"].array.isEmpty)
        #expect(close["because"].string?.contains("ru") == true)
        #expect(try explain(try Sample.record())["auto_close"].isNull)
    }
}
