/// Whether one more request may wait for a connection of a lane: by how long it would wait, as far as the measured time
/// of those before it tells, and not by how many there are.
///
/// Where early shedding is wanted, a burst may wait for a twentieth of a second; a queue that has not been empty for a
/// third of a second is no burst, and then nothing is let in that would wait for much longer than being served takes. So what is let in
/// is answered nearly as fast as on a calm day, and the rest is told at once.
struct Admission {
    /// A queue that was never empty for so long stands: more comes than goes.
    private static let standing: UInt64 = 300_000_000
    /// So long may be waited in a queue that does not stand.
    private static let burstWait = 50_000_000.0
    /// However fast the service is, so long may be waited in a standing queue: shorter times are the scheduler's.
    private static let standingMin = 20_000_000.0
    /// In a standing queue, so many times the time that being served takes.
    private static let standingTimes = 4.0

    let waitMax: UInt64
    let shedsEarly: Bool
    /// How long being served has taken lately, without waiting, in nanoseconds; 0 before anything was.
    private(set) var serviceTime = 0.0
    private var standsSince: UInt64?

    /// `waitMax` in nanoseconds.
    init(waitMax: UInt64, shedsEarly: Bool) {
        self.waitMax = waitMax
        self.shedsEarly = shedsEarly
    }

    mutating func noteServed(_ nanoseconds: UInt64) {
        // The last sixteen or so count.
        serviceTime += (Double(nanoseconds) - serviceTime) / (serviceTime == 0 ? 1 : 16)
    }

    /// Whether somebody may wait behind `waiting` others while `slots` are served at a time; `now` in nanoseconds.
    mutating func admits(behind waiting: Int, slots: Int, at now: UInt64) -> Bool {
        if waiting == 0 { standsSince = nil }
        let wait = serviceTime * Double(waiting + 1) / Double(max(1, slots))
        let since = standsSince ?? now
        standsSince = since
        if wait > Double(waitMax) { return false }
        guard shedsEarly else { return true }
        let isStanding = now &- since > Self.standing
        return wait <= max(isStanding ? Self.standingMin : Self.burstWait, serviceTime * Self.standingTimes)
    }
}
