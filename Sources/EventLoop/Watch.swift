import CLinux

/// What a watch waits for; hang-ups and errors are always told.
public struct Interest: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let readable = Interest(rawValue: 1)
    public static let writable = Interest(rawValue: 2)

    var epoll: UInt32 {
        (contains(.readable) ? EPOLLIN.rawValue : 0) | (contains(.writable) ? EPOLLOUT.rawValue : 0)
    }
}

/// What epoll says of a descriptor.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is something to read, be it the end.
    public static let readable = Readiness(rawValue: 1)
    public static let writable = Readiness(rawValue: 2)
    /// Both directions are closed.
    public static let hangup = Readiness(rawValue: 4)
    public static let error = Readiness(rawValue: 8)
    /// The peer sends no more; told to edge-triggered watches only.
    public static let ended = Readiness(rawValue: 16)

    init(epoll events: UInt32) {
        var value: Readiness = []
        if events & EPOLLIN.rawValue != 0 { value.insert(.readable) }
        if events & EPOLLOUT.rawValue != 0 { value.insert(.writable) }
        if events & EPOLLHUP.rawValue != 0 { value.insert(.hangup) }
        if events & EPOLLERR.rawValue != 0 { value.insert(.error) }
        if events & EPOLLRDHUP.rawValue != 0 { value.insert(.ended) }
        self = value
    }
}

/// Who is told that a descriptor is ready.
public protocol ReadinessHandler: AnyObject {
    /// Called on the loop's thread; may cancel any watch, its own too.
    func ready(_ readiness: Readiness)
}

/// One descriptor's place in a loop; it keeps its handler alive until it is cancelled. Loop thread only.
public final class Watch {
    public let descriptor: Int32
    let mode: UInt32
    let isUrgent: Bool
    fileprivate(set) var token: UInt64 = 0
    private(set) var handler: (any ReadinessHandler)?
    private unowned let loop: EventLoop

    init(loop: EventLoop, descriptor: Int32, mode: UInt32, isUrgent: Bool, handler: any ReadinessHandler) {
        self.loop = loop
        self.descriptor = descriptor
        self.mode = mode
        self.isUrgent = isUrgent
        self.handler = handler
    }

    /// Waits for something else from now on; nothing happens after `cancel()`.
    public func update(_ interest: Interest) throws(EventLoopError) {
        guard handler != nil else { return }
        try loop.control(EPOLL_CTL_MOD, self, interest)
    }

    /// No call follows, not even for what the present batch still holds; call it before closing the descriptor.
    public func cancel() {
        guard handler != nil else { return }
        handler = nil
        // It fails only when the descriptor is closed already, and then it is out of the epoll by itself.
        try? loop.control(EPOLL_CTL_DEL, self, [])
        loop.watches.remove(self)
    }
}

/// Watches by slot and generation: a late event for a slot used anew does not fit and is dropped.
struct WatchTable {
    static let wakeUpToken = UInt64.max
    private var slots: [(generation: UInt32, watch: Watch?)] = []
    private var free: [UInt32] = []

    subscript(token: UInt64) -> Watch? {
        let slot = slots[Int(token & 0xFFFF_FFFF)]
        return slot.generation == UInt32(token >> 32) ? slot.watch : nil
    }

    mutating func insert(_ watch: Watch) {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(slots.count)
            slots.append((0, nil))
        }
        slots[Int(index)].watch = watch
        watch.token = UInt64(slots[Int(index)].generation) << 32 | UInt64(index)
    }

    mutating func remove(_ watch: Watch) {
        let index = Int(watch.token & 0xFFFF_FFFF)
        slots[index].generation &+= 1
        slots[index].watch = nil
        free.append(UInt32(index))
    }
}
