/// Whether one more request may wait for a connection of a lane: by how long it would wait, as far as the measured time
/// of those before it tells, and not by how many there are.
///
/// Where early shedding is wanted, a burst may wait for a quarter of a second. Once somebody would wait for longer, more
/// comes than goes: until less than a quarter had to be refused for a third of a second, nothing is let in that would wait
/// for longer than being served takes. So what is let in is answered nearly as fast as on a calm day, and the rest is told
/// at once.
///
/// Who is refused may ask again at once, as often as they like, and few look like many then. So now and then a burst is let
/// in again, to see whether all who ask would have to wait for no longer than a burst may: after a third of a second, and
/// for twice as long each time that they would.
struct Admission {
    /// For so long it is counted how many are refused.
    private static let interval: UInt64 = 300_000_000
    /// For so long fewer slots may take to show.
    private static let settling: UInt64 = 20_000_000
    /// So long may be waited in a burst, or four times as long as being served takes.
    private static let burstWait = 250_000_000.0
    private static let burstTimes = 4.0
    /// For so long an overload is taken for one, at most, before a burst is let in again.
    private static let trialGapMax: UInt64 = 9_600_000_000
    /// However fast the service is, so long may be waited under overload: shorter times are the scheduler's. Who has waited
    /// for three times as long was let in as one of a burst, and it was more than a burst.
    private static let overloadWait = 5_000_000.0
    private static let overloadTimes = 3.0

    let waitMax: UInt64
    let shedsEarly: Bool
    /// How long being served has taken lately, without waiting, in nanoseconds; 0 before anything was.
    private(set) var serviceTime = 0.0
    private var isOverloaded = false
    /// When a burst is let in again, and how long after the overload began that is.
    private var trial: UInt64 = 0
    private var trialGap: UInt64 = 0
    private var intervalStart: UInt64 = 0
    private var served = 0
    private var refused = 0
    /// Nil: all slots are used.
    private var limit: Limit?

    private struct Limit {
        var slots: Int
        var since: UInt64
        /// When the loop was behind for the last time.
        var behind: UInt64
    }

    /// `waitMax` in nanoseconds.
    init(waitMax: UInt64, shedsEarly: Bool) {
        self.waitMax = waitMax
        self.shedsEarly = shedsEarly
    }

    mutating func noteServed(_ nanoseconds: UInt64) {
        served += 1
        // The last sixteen or so count.
        serviceTime += (Double(nanoseconds) - serviceTime) / (serviceTime == 0 ? 1 : 16)
    }

    /// Whether somebody may wait behind `waiting` others while `slots` are served at a time; `now` in nanoseconds.
    mutating func admits(behind waiting: Int, slots: Int, at now: UInt64) -> Bool {
        let wait = serviceTime * Double(waiting + 1) / Double(max(1, slots))
        guard shedsEarly else { return wait <= Double(waitMax) }
        let elapsed = now &- intervalStart
        if elapsed > Self.interval {
            // Whoever asks after a long silence finds an old count.
            isOverloaded = isOverloaded && elapsed <= 2 * Self.interval && 4 * refused > served + refused
            (intervalStart, served, refused) = (now, 0, 0)
        }
        if isOverloaded, now >= trial { isOverloaded = false }
        let bound = isOverloaded ? overloadBound : burstBound
        let isLetIn = wait <= min(bound, Double(waitMax))
        if !isLetIn {
            refused += 1
            if !isOverloaded { beginOverload(at: now) }
        }
        return isLetIn
    }

    private mutating func beginOverload(at now: UInt64) {
        isOverloaded = true
        // It is the same one still, unless all went well for as long as it had lasted.
        trialGap = now < trial &+ trialGap ? min(2 * trialGap, Self.trialGapMax) : Self.interval
        trial = now &+ trialGap
    }

    /// Whether somebody was let in who has had to wait for too long: it was more than a burst, or fewer slots were used than
    /// when they came.
    func isTooLate(_ waited: UInt64) -> Bool {
        isOverloaded ? Double(waited) > overloadBound * Self.overloadTimes : limit != nil && Double(waited) > burstBound
    }

    private var overloadBound: Double { max(Self.overloadWait, serviceTime) }

    private var burstBound: Double { max(Self.burstWait, serviceTime * Self.burstTimes) }

    /// How many of `slots` are used at a time. A loop that is behind has half as many used as before, two at least, and one
    /// more for each interval in which it was not: PostgreSQL often has the same processors, and beside four of its processes
    /// a fifth of one was not enough to refuse the rest. Fewer than two, and PostgreSQL waits for the loop.
    mutating func usable(of slots: Int, isBehind: Bool, at now: UInt64) -> Int {
        if isBehind {
            var used = limit ?? Limit(slots: slots, since: 0, behind: now)
            used.behind = now
            if used.slots > 2, now &- used.since > Self.settling {
                used.slots = max(2, used.slots / 2)
                used.since = now
            }
            limit = used.slots < slots ? used : nil
        } else if let used = limit {
            let more = used.slots + Int(min((now &- max(used.since, used.behind)) / Self.interval, UInt64(slots)))
            if more > used.slots { limit = more < slots ? Limit(slots: more, since: now, behind: used.behind) : nil }
        }
        return limit?.slots ?? slots
    }
}
