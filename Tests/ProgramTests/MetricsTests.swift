import Foundation
import Regulations
import TestKit
import Testing
import TicketAPI
import Tickets

@testable import reglament

@Suite(.serialized) struct MetricsTests {
    private static let hostile = ["a\"b\\c\nd", "\\n", "\"", "\\", "", "ж", "}", "a=\"b\",c"]

    @Test(arguments: hostile)
    func `a label's value stays what it is`(value: String) throws {
        let family = MetricFamily("x_total", .counter, ["a", "b"], "Help.")
        var page = Exposition()
        page.family(family) { $0.add([value, "z"], 0.5) }
        let read = try PrometheusText(String(decoding: page.bytes, as: UTF8.self))
        #expect(read["x_total", ["a": value, "b": "z"]] == 0.5)
    }

    @Test func `the reader is as strict as Prometheus`() {
        let head = "# HELP x Help.\n# TYPE x counter\n"
        for bad in [
            "x 1\n", "\(head)x 1", "\(head)x -1\n", "\(head)x 1\nx 2\n", "\(head)y 1\n", "\(head)x{a=\"b} 1\n",
            "\(head)x{a=\"\\t\"} 1\n", "\(head)x{a=\"b\",a=\"c\"} 1\n", "\(head)x 0x1\n", "\(head)\n", head,
            "# HELP h Help.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 2\nh_sum 1\n",
            "# HELP h Help.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n",
        ] {
            #expect(throws: PrometheusText.Fault.self, "\(bad)") { try PrometheusText(bad) }
        }
    }

    @Test func `a histogram counts each value once, at its bound`() throws {
        var histogram = Histogram(bounds: [1, 2.5])
        for value in [0.5, 1, 2, 2.5, 3] { histogram.add(value) }
        var page = Exposition()
        page.family(MetricFamily("h", .histogram, [], "Help.")) { $0.add([], histogram) }
        let read = try PrometheusText(String(decoding: page.bytes, as: UTF8.self))
        #expect(read["h_bucket", ["le": "1"]] == 2 && read["h_bucket", ["le": "2.5"]] == 4)
        #expect(read["h_bucket", ["le": "+Inf"]] == 5 && read["h_sum"] == 9)
    }

    private func read(_ service: RunningService) async throws -> PrometheusText {
        let answer = try await service.call("GET", "/metrics", token: "")
        try #require(answer.status == 200)
        return try PrometheusText(String(decoding: answer.body, as: UTF8.self))
    }

    @Test func `the page is good Prometheus, tells of all families, and outlives the database`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { try await look($0, folder) }
    }

    private func look(_ database: TestDatabase, _ folder: PrivateFolder) async throws {
        let desk = try await Desk.open(
            ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_LOOPS": "2"], in: folder)
        _ = try await desk.register("incident")
        #expect(try await desk.service.call("GET", "/v1/invented", token: desk.customer).status == 404)
        #expect(try await desk.service.call("BREW", "/v1/me", token: desk.customer).status == 405)
        // Every loop listens sooner or later.
        var page = try await read(desk.service)
        for _ in 0..<600 {
            if page["reglament_listening_loops"] == 3 { break }
            try await Task.sleep(for: .milliseconds(50))
            page = try await read(desk.service)
        }
        let post = ["route": "/v1/tickets", "method": "POST"]
        #expect(page["reglament_http_requests_total", post.merging(["status": "201"]) { $1 }] == 1)
        #expect(page["reglament_http_request_duration_seconds_count", post] == 1)
        let unknown = ["route": "none", "status": "404", "method": "GET"]
        #expect(page["reglament_http_requests_total", unknown] == 1)
        #expect(page["reglament_http_requests_total", ["route": "none", "status": "405", "method": "other"]] == 1)
        #expect((page["reglament_http_request_phase_seconds_total", ["phase": "database"]] ?? 0) > 0)
        #expect(page["reglament_tickets", ["state": "registered"]] == 1)
        #expect(page["reglament_tickets", ["state": "closed"]] == 0)
        #expect(page["reglament_listening_loops"] == 3)
        #expect((page["reglament_lane_requests_total", ["role": "staff", "kind": "reads"]] ?? 0) > 0)
        #expect((page["reglament_calendar_left_seconds", ["calendar": "ru"]] ?? 0) != 0)
        #expect((page["process_resident_memory_bytes"] ?? 0) > 1_000_000)
        #expect(abs((page["process_start_time_seconds"] ?? 0) - Date().timeIntervalSince1970) < 600)
        #expect((page["process_cpu_seconds_total"] ?? 0) > 0 && (page["process_open_fds"] ?? 0) > 5)
        check(page)
        // The database goes, and with it what only it knows; nothing else.
        try await database.drop()
        let alone = try await read(desk.service)
        #expect(alone["reglament_connections"] != nil)
        check(alone)
        #expect(try await desk.service.end(SIGTERM) == 0)
    }

    /// Every family is in the table, as it is there, and the table has none that is never written.
    private func check(_ page: PrometheusText) {
        let table = MetricFamily.sections.flatMap(\.families)
        #expect(Set(table.map(\.name)).count == table.count)
        for (name, family) in page.families {
            guard let known = table.first(where: { $0.name == name }) else {
                Issue.record("\(name) is in no table")
                continue
            }
            #expect(family.kind == known.kind.rawValue && family.help == known.help)
            for sample in family.samples.keys {
                #expect(Set(sample.labels.keys).subtracting(["le"]) == Set(known.labels), "\(name)")
            }
        }
        // What there is only after something has happened.
        let rare: Set = [
            "reglament_http_refusals_total", "reglament_job_last_run_timestamp_seconds",
            "reglament_job_last_run_due_tickets", "reglament_job_last_run_closed_tickets",
        ]
        #expect(Set(table.map(\.name)).subtracting(page.families.keys).isSubset(of: rare))
    }

    @Test func `the page can be taken away`() async throws {
        let folder = try PrivateFolder()
        defer { folder.remove() }
        try await TestDatabase.with(.migrated) { database in
            let service = try await RunningService.start(
                ["REGLAMENT_DATABASE_URL": database.ownerURL, "REGLAMENT_METRICS": "off"], in: folder)
            #expect(try await service.call("GET", "/metrics", token: "").status == 404)
            #expect(try await service.end(SIGTERM) == 0)
        }
    }

    @Test func `the days that a calendar has left are counted in its own zone`() throws {
        let settings = try Settings.read(environment: ["REGLAMENT_HOME": Repository.root.path])
        let installation = try Installation(settings)
        let rulebook = installation.rulebook(current: installation.policies.map(\.policy), earlier: [])
        let last = try #require(rulebook.calendars["ru"]?.lastCoveredYear)
        func left(_ time: String) throws -> Int? {
            rulebook.calendarDaysLeft(at: try #require(Instant(rfc3339: time)))["ru"]
        }
        // Midnight in Moscow is 21:00 of the day before in UTC.
        #expect(try left("\(last)-12-31T20:59:59Z") == 1)
        #expect(try left("\(last)-12-31T21:00:00Z") == 0)
        #expect(try left("\(last)-12-01T12:00:00Z") == 31)
    }
}
