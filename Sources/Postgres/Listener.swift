public import EventLoop

/// A connection that listens to channels (LISTEN) and comes back by itself, with back-off, when it is lost.
///
/// What is notified while it is away is lost: whoever caches by it must trust nothing while `isConnected` is false.
/// Unchecked: every variable belongs to the loop's thread.
public final class Listener: @unchecked Sendable {
    private let loop: EventLoop
    private let settings: ConnectionSettings
    private let channels: [String]
    private let onNotification: (_ channel: String, _ payload: String) -> Void
    private let onChange: (_ isConnected: Bool) -> Void
    private var session: Session?
    private var backoff = Backoff()
    private var firstHost = 0
    private var isClosed = false

    /// Whether all channels are listened to at this moment; loop thread only.
    public private(set) var isConnected = false

    /// Both closures are called on the loop; `onChange` after every change of `isConnected`.
    public init(
        loop: EventLoop, connectionString: String, name: String = "reglament listener", channels: [String],
        onChange: @escaping (_ isConnected: Bool) -> Void = { _ in },
        onNotification: @escaping (_ channel: String, _ payload: String) -> Void
    ) {
        self.loop = loop
        self.channels = channels
        self.onChange = onChange
        self.onNotification = onNotification
        settings = ConnectionSettings(connectionString: connectionString, name: name, settings: [:])
    }

    /// Connects, once; loop thread only.
    public func start() {
        precondition(loop.isCurrent, "A listener is used on its loop's thread only.")
        guard session == nil, !isClosed else { return }
        session = Session(loop: loop, settings: settings, firstHost: firstHost, owner: self)
        session?.onNotification = { [weak self] channel, payload in self?.onNotification(channel, payload) }
        session?.start()
    }

    /// Ends it for good; nothing is called afterwards.
    public func close() {
        isClosed = true
        isConnected = false
        session?.close()
        session = nil
    }

    private func change(to isConnected: Bool) {
        guard self.isConnected != isConnected else { return }
        self.isConnected = isConnected
        onChange(isConnected)
    }
}

extension Listener: SessionOwner {
    func sessionIsReady(_ session: Session) {
        let steps = channels.map { channel in
            Step(Statement("listen \(channel)", "LISTEN \(quoted(channel))"), [], into: Rows<Void>())
        }
        session.send(
            Request(steps) { [weak self] failure in
                guard let self, !isClosed else { return }
                if let failure {
                    session.lose(failure.description)
                } else {
                    backoff.reset()
                    change(to: true)
                }
            })
    }

    func session(_ session: Session, served nanoseconds: UInt64) {}
    func sessionHasRoom(_ session: Session) {}

    func sessionIsLost(_ session: Session, _ reason: String, wasReady: Bool) {
        self.session = nil
        if !wasReady { firstHost += 1 }
        change(to: false)
        guard !isClosed else { return }
        loop.after(backoff.next()) { [weak self] in self?.start() }
    }

    private func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
