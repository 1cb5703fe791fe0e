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
}
