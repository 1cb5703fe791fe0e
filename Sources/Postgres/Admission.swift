/// Whether one more request may wait for a connection of a lane: by how long it would wait, as far as the measured time
/// of those before it tells, and not by how many there are.
///
/// Where early shedding is wanted, a burst may wait for a twentieth of a second. Once somebody would wait for longer, more
/// comes than goes: until less than a quarter had to be refused for a third of a second, nothing is let in that would wait
/// for longer than being served takes. So what is let in is answered nearly as fast as on a calm day, and the rest is told
/// at once.
struct Admission {
    /// For so long it is counted how many are refused.
    private static let interval: UInt64 = 300_000_000
    /// So long may be waited in a burst, or four times as long as being served takes.
    private static let burstWait = 50_000_000.0
    private static let burstTimes = 4.0
    /// However fast the service is, so long may be waited under overload: shorter times are the scheduler's.
    private static let overloadWait = 5_000_000.0

    let waitMax: UInt64
    let shedsEarly: Bool
    /// How long being served has taken lately, without waiting, in nanoseconds; 0 before anything was.
    private(set) var serviceTime = 0.0
    private var isOverloaded = false
    private var intervalStart: UInt64 = 0
    private var served = 0
    private var refused = 0

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
        let bound =
            isOverloaded ? max(Self.overloadWait, serviceTime) : max(Self.burstWait, serviceTime * Self.burstTimes)
        let isLetIn = wait <= min(bound, Double(waitMax))
        if !isLetIn {
            refused += 1
            isOverloaded = true
        }
        return isLetIn
    }
}
