import Testing

@testable import bench_load

@Suite struct ScheduleTests {
    @Test func `requests are due at an even rate`() {
        let schedule = Schedule(rate: 2_000, connections: 64, seconds: 10)
        #expect(schedule.count == 20_000)
        #expect(schedule.due(0) == 0)
        #expect(schedule.due(1) == 500_000)
        #expect(schedule.due(20_000) == 10_000_000_000)
    }

    @Test func `a rate that divides nothing evenly does not drift`() {
        let schedule = Schedule(rate: 3, connections: 1, seconds: 1_000_000)
        #expect(schedule.due(3_000_000) == 1_000_000_000_000_000)
    }

    @Test func `the connections share all requests`() {
        let schedule = Schedule(rate: 100, connections: 7, seconds: 1)
        let requests = (0..<7).flatMap { Array(schedule.requests(of: $0)) }
        #expect(requests.sorted() == Array(0..<100))
        #expect(Array(schedule.requests(of: 3)).prefix(3) == [3, 10, 17])
    }

    @Test func `a connection too many has nothing to do`() {
        #expect(Array(Schedule(rate: 3, connections: 5, seconds: 1).requests(of: 4)).isEmpty)
    }
}
