import Digests
import Glibc
import HTTPWire
import Tickets

/// How often somebody may ask, per token, and how often an address may fail to say who it is. For all loops of the
/// process, and counted by each process for itself.
///
/// Whoever guesses tokens is slowed down without their being looked up; who shares the address is not locked out: a token
/// that has been good in this process is still looked up. It is known by 64 bits of its SHA-256, which nobody finds who
/// does not have the token.
public final class RateLimits: Sendable {
    private let customer: Quota
    private let employee: Quota
    private let failures: Quota
    private let clock: @Sendable () -> UInt64
    private let tokens = QuotaTable(entriesMax: 65_536)
    private let addresses = QuotaTable(entriesMax: 65_536)

    /// - Parameters:
    ///   - customer, employee: requests a minute of a token; service tokens are limited as employees' are.
    ///   - failedAuthentications: a minute and address.
    ///   - clock: monotonic nanoseconds.
    public init(
        customer: Int = 600, employee: Int = 6_000, failedAuthentications: Int = 20,
        clock: @escaping @Sendable () -> UInt64 = monotonicNanoseconds
    ) {
        self.customer = Quota(perMinute: customer)
        self.employee = Quota(perMinute: employee)
        failures = Quota(perMinute: failedAuthentications)
        self.clock = clock
    }

    /// Where a token stands, and what undoes its last request.
    struct Standing: Sendable {
        fileprivate let key: UInt64
        fileprivate let quota: Quota
        fileprivate(set) var figures: Quota.Standing

        /// Values of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, 3 and 4).
        var policy: String { quota.policy }
        var limit: String { "\"token\";r=\(figures.remaining);t=\(figures.secondsUntilFull)" }
    }

    // MARK: Tokens

    /// Takes one request of a token that has just been found good.
    func take(_ token: Digest, _ role: Role) -> Standing {
        let quota = role == .customer ? customer : employee
        let key = Self.key(token)
        return Standing(key: key, quota: quota, figures: tokens.take(key, quota, at: clock()))
    }

    /// A request that cost nothing after all.
    func giveBack(_ standing: inout Standing) {
        standing.figures = tokens.giveBack(standing.key, standing.quota, at: clock())
    }

    // MARK: Failed authentications

    /// Seconds that a request has to wait before its token is looked at; 0: none.
    func wait(_ token: Digest?, from address: String) -> Int {
        if let token, tokens.fullAt(Self.key(token)) != nil { return 0 }
        guard let fullAt = addresses.fullAt(Self.key(address)) else { return 0 }
        return failures.wait(fullAt, at: clock())
    }

    /// What was shown is no token, or one that is not good any more.
    func noteFailure(_ token: Digest?, from address: String) {
        if let token { tokens.forget(Self.key(token)) }
        addresses.force(Self.key(address), failures, at: clock())
    }

    // MARK: Keys

    private static func key(_ token: Digest) -> UInt64 {
        token.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// IPv4 by address, IPv6 by /64, which is what one customer of a provider gets; all that is neither together.
    static func key(_ address: String) -> UInt64 {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &bytes) == 1 { return v4(bytes.prefix(4)) }
        guard inet_pton(AF_INET6, address, &bytes) == 1 else { return 0 }
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        return isMapped ? v4(bytes.suffix(4)) : bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Beside ff00::/8, which nobody sends from.
    private static func v4(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xffff_ffff) { $0 << 8 | UInt64($1) }
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
@Sendable public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
