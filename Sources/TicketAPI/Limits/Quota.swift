/// So many requests a minute, spread evenly: the generic cell rate algorithm (ITU-T I.371, annex A), whose whole memory
/// of a client is one instant. Pure; times are nanoseconds of a monotonic clock.
struct Quota: Sendable, Equatable {
    let requests: Int
    /// Nanoseconds after which one more request is there.
    let interval: UInt64
    /// How it is told to those whom it limits, said once and for all.
    let policy: String
    /// Nanoseconds in which all of them come back.
    var window: UInt64 { interval * UInt64(requests) }

    static let windowSeconds = 60

    /// `perMinute` is at least one.
    init(perMinute: Int) {
        precondition(perMinute > 0, "a quota of nothing is no quota")
        requests = perMinute
        interval = UInt64(Self.windowSeconds) * 1_000_000_000 / UInt64(perMinute)
        policy = "\"token\";q=\(perMinute);w=\(Self.windowSeconds)"
    }

    /// Where a client stands at an instant.
    struct Standing: Sendable, Equatable {
        let isAllowed: Bool
        /// Requests that may still be made at once.
        let remaining: Int
        /// Until the whole quota is there again, rounded up.
        let secondsUntilFull: Int
        /// Until one request is allowed again, rounded up, at least one; 0 when this one is.
        let retryAfterSeconds: Int
    }

    /// Takes one request, unless there is none left. `fullAt` is when the whole quota is there again.
    func take(_ fullAt: inout UInt64, at now: UInt64) -> Standing {
        let before = max(fullAt, now)
        let after = before + interval
        guard after - now <= window else {
            let wait = after - now - window
            return Standing(
                isAllowed: false, remaining: 0, secondsUntilFull: Self.seconds(before - now),
                retryAfterSeconds: max(1, Self.seconds(wait)))
        }
        fullAt = after
        return standing(fullAt, at: now)
    }

    /// Undoes one `take`.
    func giveBack(_ fullAt: inout UInt64, at now: UInt64) -> Standing {
        fullAt = max(now, fullAt - min(fullAt, interval))
        return standing(fullAt, at: now)
    }

    /// Takes one even if there is none left, up to twice the quota: what has happened cannot be refused any more.
    func force(_ fullAt: inout UInt64, at now: UInt64) {
        fullAt = min(max(fullAt, now) + interval, now + 2 * window)
    }

    /// Seconds until one request is allowed, rounded up; 0: now.
    func wait(_ fullAt: UInt64, at now: UInt64) -> Int {
        let after = max(fullAt, now) + interval
        return after - now <= window ? 0 : max(1, Self.seconds(after - now - window))
    }

    private func standing(_ fullAt: UInt64, at now: UInt64) -> Standing {
        let used = fullAt - now
        return Standing(
            isAllowed: true, remaining: Int((window - min(window, used)) / interval),
            secondsUntilFull: Self.seconds(used), retryAfterSeconds: 0)
    }

    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}
