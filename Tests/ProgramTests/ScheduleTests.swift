import Foundation
import Regulations
import TestKit
import Testing
import Tickets

@testable import reglament

@Suite struct ScheduleTests {
    private func rulebook() throws -> Rulebook {
        let settings = try Settings.read(environment: ["REGLAMENT_HOME": Repository.root.path])
        let installation = try Installation(settings)
        return installation.rulebook(current: installation.policies.map(\.policy), earlier: [])
    }

    @Test(arguments: [
        // 02:00 in Moscow is 23:00 of the day before in UTC, in Yekaterinburg 21:00.
        ("2026-11-20T22:59:59.999Z", "2026-11-19T23:00:00.000Z", "2026-11-20T21:00:00.000Z"),
        ("2026-11-20T23:00:00Z", "2026-11-20T23:00:00.000Z", "2026-11-20T21:00:00.000Z"),
        ("2026-11-20T20:59:59Z", "2026-11-19T23:00:00.000Z", "2026-11-19T21:00:00.000Z"),
        ("2026-11-21T12:00:00Z", "2026-11-20T23:00:00.000Z", "2026-11-20T21:00:00.000Z"),
    ])
    func `a night begins at its time in the policy's own zone`(now: String, moscow: String, yekaterinburg: String)
        throws
    {
        let nights = try rulebook().nights(at: try #require(Instant(rfc3339: now)), minutes: 120)
        #expect(nights.count == 5)
        #expect(nights["omnivox"]?.rfc3339 == moscow)
        #expect(nights["dialog"]?.rfc3339 == yekaterinburg)
    }

    @Test func `sixty days before a calendar ends it is said`() throws {
        let rulebook = try rulebook()
        let last = try #require(rulebook.calendars["ru"]?.lastCoveredYear)
        let quiet = try #require(Instant(rfc3339: "\(last)-11-01T12:00:00Z"))
        let loud = try #require(Instant(rfc3339: "\(last)-11-02T12:00:00Z"))
        #expect(rulebook.calendarWarnings(at: quiet).isEmpty)
        #expect(rulebook.calendarWarnings(at: loud).count == 1)
        #expect(rulebook.calendarWarnings(at: loud).first?.contains("calendar ru ends with \(last)") == true)
    }
}
