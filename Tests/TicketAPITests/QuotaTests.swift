import Foundation
import TestKit
import Testing

@testable import TicketAPI

@Suite struct QuotaTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(arguments: [1, 2, 7, 20, 600, 6_000, 1_000_000])
    func `whoever was away has the whole quota at once, and not one more`(perMinute: Int) {
        let quota = Quota(perMinute: perMinute)
        let now = 5 * Self.second
        var fullAt: UInt64 = 0
        for number in 1...min(perMinute, 10_000) {
            let standing = quota.take(&fullAt, at: now)
            #expect(standing.isAllowed && standing.remaining == perMinute - number)
        }
        guard perMinute <= 10_000 else { return }
        let refused = quota.take(&fullAt, at: now)
        #expect(!refused.isAllowed && refused.remaining == 0)
        #expect(refused.retryAfterSeconds == max(1, Int((Double(quota.interval) / 1e9).rounded(.up))))
    }

    /// Random traffic of every density; what the figures say is tried out.
    @Test(arguments: [(1, 1), (3, 2), (20, 3), (60, 4), (600, 5)])
    func `figures are true, and no minute has more than twice the quota`(perMinute: Int, seed: Int) {
        var random = Seeded(state: UInt64(seed))
        let quota = Quota(perMinute: perMinute)
        var (fullAt, now): (UInt64, UInt64) = (0, 100 * Self.second)
        var taken: [UInt64] = []
        for _ in 0..<2_000 {
            now += UInt64.random(in: 0...(quota.interval * 2), using: &random)
            if Int.random(in: 0..<50, using: &random) == 0 {
                now += UInt64.random(in: 0...quota.window, using: &random)
            }
            let standing = quota.take(&fullAt, at: now)
            if standing.isAllowed {
                taken.append(now)
                var copy = fullAt
                for _ in 0..<standing.remaining { #expect(quota.take(&copy, at: now).isAllowed) }
                #expect(!quota.take(&copy, at: now).isAllowed, "more is left than was said")
            } else {
                var (later, sooner) = (fullAt, fullAt)
                let wait = UInt64(standing.retryAfterSeconds) * Self.second
                #expect(quota.take(&later, at: now + wait).isAllowed)
                if standing.retryAfterSeconds > 1 {
                    #expect(!quota.take(&sooner, at: now + wait - Self.second).isAllowed, "less would have been enough")
                }
                #expect(quota.wait(fullAt, at: now) == standing.retryAfterSeconds)
            }
            let full = UInt64(standing.secondsUntilFull) * Self.second
            #expect(fullAt <= now + full && (full == 0 || fullAt > now + full - Self.second))
        }
        for (index, start) in taken.enumerated() {
            let inMinute = taken[index...].prefix { $0 < start + 60 * Self.second }.count
            #expect(inMinute <= 2 * perMinute)
        }
    }

    @Test func `what is given back can be taken again, and never more than there was`() {
        let quota = Quota(perMinute: 2)
        var fullAt: UInt64 = 0
        for _ in 0..<10 {
            #expect(quota.take(&fullAt, at: 1).isAllowed)
            #expect(quota.giveBack(&fullAt, at: 1).remaining == 2)
        }
        #expect(quota.giveBack(&fullAt, at: 1).remaining == 2)
        #expect(quota.take(&fullAt, at: 1).remaining == 1)
    }

    @Test func `the table is bounded, and keeps those who are nearest to their limit`() {
        let table = QuotaTable(entriesMax: 640)
        let quota = Quota(perMinute: 10)
        for _ in 0..<9 { _ = table.take(42, quota, at: 1) }
        for key in 100..<100_100 { _ = table.take(UInt64(key), quota, at: 1) }
        #expect(table.count <= 640)
        #expect(table.take(42, quota, at: 1).remaining == 0)
        // A minute later nobody's past matters, so everybody's place may be had.
        for key in 0..<1_000 { _ = table.take(UInt64(key) << 32, quota, at: 120 * Self.second) }
        #expect(table.count <= 640)
    }

    @Test func `loops that take at the same time take exactly the quota together`() async {
        let table = QuotaTable(entriesMax: 640)
        let quota = Quota(perMinute: 1_000)
        let allowed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<500).count { _ in table.take(7, quota, at: 1).isAllowed } }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == 1_000)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("::ffff:192.0.2.1", "192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("unix", "", true), ("unix", "192.0.2.1", false), ("fe80::1%eth0", "unix", true),
    ])
    func `an IPv6 client is its /64, an IPv4 client its address`(one: String, other: String, isSame: Bool) {
        #expect((RateLimits.key(one) == RateLimits.key(other)) == isSame)
    }
}

/// The same numbers at every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
