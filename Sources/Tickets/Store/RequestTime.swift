/// Where the time of one request goes, in nanoseconds. Whoever begins a request binds one; whoever works for it adds.
///
/// Unchecked: used on the loop of the request only. A task-local, so that no call of the store has to hand it on.
public final class RequestTime: @unchecked Sendable {
    @TaskLocal public static var current: RequestTime?

    public let start: UInt64
    /// From the end of the head to the beginning of the handler, without `database`, and the reading of JSON.
    public var parse: UInt64 = 0
    /// Awaiting the store; what runs at the same time counts as often as it is awaited.
    public var database: UInt64 = 0
    /// Writing bodies.
    public var encode: UInt64 = 0
    private let clock: @Sendable () -> UInt64

    /// `clock`: monotonic nanoseconds.
    public init(clock: @escaping @Sendable () -> UInt64) {
        self.clock = clock
        start = clock()
    }

    public var now: UInt64 { clock() }
}
